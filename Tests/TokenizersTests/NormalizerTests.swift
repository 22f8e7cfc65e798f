import Testing
import Tokenizers

@Suite struct NormalizerTests {
    /// The text as the model sees it.
    private func normalize(_ text: String, _ normalizer: String) throws -> String {
        try WordProbe(normalizer: normalizer)(text).joined()
    }

    private func expect(_ text: String, _ normalizer: String, gives expected: String) throws {
        let normalized = try normalize(text, normalizer)
        #expect(Array(normalized.unicodeScalars) == Array(expected.unicodeScalars))
    }

    @Test func composesLettersAndMarks() throws {
        try expect("e\u{301}a\u{308}", #"{"type": "NFC"}"#, gives: "\u{E9}\u{E4}")
        try expect("\u{1100}\u{1161}\u{11A8}", #"{"type": "NFC"}"#, gives: "각")
    }

    @Test func decomposesLettersAndMarks() throws {
        try expect("\u{E9}", #"{"type": "NFD"}"#, gives: "e\u{301}")
    }

    @Test func foldsCompatibleForms() throws {
        try expect("ﬁ①Ⅷ", #"{"type": "NFKC"}"#, gives: "fi1VIII")
        try expect("ｶﾞ", #"{"type": "NFKC"}"#, gives: "ガ")
        try expect("ﬁ\u{E9}", #"{"type": "NFKD"}"#, gives: "fie\u{301}")
    }

    @Test func lowercasesEveryScalarOnItsOwn() throws {
        try expect("ÄBCΑΒДΣ", #"{"type": "Lowercase"}"#, gives: "äbcαβдσ")
    }

    @Test func stripsTheSidesAskedFor() throws {
        try expect("  a b\u{A0}", #"{"type": "Strip", "strip_left": true, "strip_right": false}"#, gives: "a b\u{A0}")
        try expect("  a b\u{A0}", #"{"type": "Strip", "strip_left": false, "strip_right": true}"#, gives: "  a b")
        try expect("   ", #"{"type": "Strip", "strip_left": true, "strip_right": true}"#, gives: "")
    }

    @Test func removesAccentsThatStandAlone() throws {
        try expect("e\u{301}\u{E9}", #"{"type": "StripAccents"}"#, gives: "e\u{E9}")
    }

    @Test func replacesLiteralsAndPatterns() throws {
        try expect("a b", #"{"type": "Replace", "pattern": {"String": " "}, "content": "▁"}"#, gives: "a▁b")
        try expect("a \t b", #"{"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "}"#, gives: "a b")
        try expect("a.b", #"{"type": "Replace", "pattern": {"String": "."}, "content": ""}"#, gives: "ab")
    }

    @Test func prependsUnlessTheTextIsEmpty() throws {
        try expect("a", #"{"type": "Prepend", "prepend": "▁"}"#, gives: "▁a")
        try expect("", #"{"type": "Prepend", "prepend": "▁"}"#, gives: "")
    }

    @Test func runsTheStagesOfASequenceInOrder() throws {
        let stages = #"[{"type": "Lowercase"}, {"type": "Prepend", "prepend": "X"}]"#
        try expect("AB", #"{"type": "Sequence", "normalizers": \#(stages)}"#, gives: "Xab")
    }

    @Test func refusesAStageItDoesNotHave() throws {
        #expect(throws: (any Error).self) { try normalize("a", #"{"type": "BertNormalizer"}"#) }
        #expect(throws: (any Error).self) { try normalize("a", #"{"type": "Lowercase", "locale": "tr"}"#) }
    }
}

import Foundation
import Testing
import Tokenizers

/// Files that lie: each must be refused with a sentence, or work; none may trap.
@Suite struct HostileFileTests {
    private static let bpe = #""type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]"#
    private static let unigram = #""type": "Unigram", "vocab": [["?", 0.0], ["a", -1.0]], "unk_id": 0"#

    /// A precompiled character map of these trie units and replacements, as base64.
    private static func map(_ units: [UInt32], _ replacements: [UInt8], count: UInt32? = nil) -> String {
        let words = [count ?? UInt32(4 * units.count)] + units
        let bytes = words.flatMap { word in (0..<4).map { UInt8(word >> (8 * UInt32($0)) & 0xFF) } }
        return Data(bytes + replacements).base64EncodedString()
    }

    private static func normalized(_ map: String) -> String {
        #"{"normalizer": {"type": "Precompiled", "precompiled_charsmap": "\#(map)"}, "model": {\#(unigram)}}"#
    }

    private static func model(_ model: String) -> String { "{\"model\": {\(model)}}" }

    static let refused: [String] = [
        "", "[]", "null", "{}", #"{"model": null}"#, #"{"model": 3}"#, #"{"model": {}}"#,
        #"{"version": "2.0", "model": {\#(bpe)}}"#,
        #"{"model": {\#(bpe)}"#,
        #"{"surprise": 1, "model": {\#(bpe)}}"#,
        model(#""type": "WordPiece", "vocab": {}"#),
        model(#""type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]"#),
        model(#""type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": ["a b"]"#),
        model(#""type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b c"]"#),
        model(#""type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["ab"]"#),
        model(#""type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a"]]"#),
        model(#""type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [1]"#),
        model(#""type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": {}"#),
        model(#""type": "BPE", "vocab": {"a": -1}, "merges": []"#),
        model(#""type": "BPE", "vocab": {"a": 4294967296}, "merges": []"#),
        model(#""type": "BPE", "vocab": {"a": 99999999999999999999}, "merges": []"#),
        model(#""type": "BPE", "vocab": {"a": 1.5}, "merges": []"#),
        model(#""type": "BPE", "vocab": {"a": "0"}, "merges": []"#),
        model(#""type": "BPE", "vocab": ["a"], "merges": []"#),
        model(#""type": "BPE", "merges": []"#),
        model(#""type": "BPE", "vocab": {"a": 0}"#),
        model(#"\#(bpe), "dropout": 0.1"#),
        model(#"\#(bpe), "fuse_unk": 1"#),
        model(#"\#(bpe), "unk_token": 7"#),
        model(#"\#(bpe), "continuing_subword_prefix": "~~~~""#),
        model(#""type": "Unigram", "vocab": [], "unk_id": 0"#),
        model(#""type": "Unigram", "vocab": [["a", 0]], "unk_id": 1"#),
        model(#""type": "Unigram", "vocab": [["a", 0]], "unk_id": -1"#),
        model(#""type": "Unigram", "vocab": [["a", "0"]], "unk_id": 0"#),
        model(#""type": "Unigram", "vocab": [["a", NaN]], "unk_id": 0"#),
        model(#""type": "Unigram", "vocab": [["a", 1e400]], "unk_id": 0"#),
        model(#""type": "Unigram", "vocab": [["a"]], "unk_id": 0"#),
        model(#""type": "Unigram", "vocab": {"a": 0}, "unk_id": 0"#),
        #"{"added_tokens": {}, "model": {\#(bpe)}}"#,
        #"{"added_tokens": [{"content": "x"}, 1], "model": {\#(bpe)}}"#,
        #"{"added_tokens": [{"id": 1}], "model": {\#(bpe)}}"#,
        #"{"added_tokens": [{"id": -5, "content": "x"}], "model": {\#(bpe)}}"#,
        #"{"normalizer": {"type": "Lowercase"}, "added_tokens": [{"id": 3, "content": "x", "normalized": true},"#
            + #"{"id": 4, "content": "X", "normalized": true}], "model": {\#(bpe)}}"#,
        #"{"normalizer": {"type": "Nothing"}, "model": {\#(bpe)}}"#,
        #"{"normalizer": {}, "model": {\#(bpe)}}"#,
        #"{"normalizer": "NFC", "model": {\#(bpe)}}"#,
        #"{"normalizer": {"type": "Sequence", "normalizers": "NFC"}, "model": {\#(bpe)}}"#,
        #"{"normalizer": {"type": "Replace", "pattern": {"Regex": "("}, "content": ""}, "model": {\#(bpe)}}"#,
        #"{"normalizer": {"type": "Replace", "pattern": {"String": ""}, "content": ""}, "model": {\#(bpe)}}"#,
        #"{"pre_tokenizer": {"type": "Metaspace", "replacement": ""}, "model": {\#(bpe)}}"#,
        #"{"pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "x"}, "model": {\#(bpe)}}"#,
        #"{"pre_tokenizer": {"type": "Split", "pattern": {"String": "a"}, "behavior": "x", "invert": false},"#
            + #""model": {\#(bpe)}}"#,
        #"{"post_processor": {"type": "RobertaProcessing", "sep": ["x"], "cls": ["x", 0]}, "model": {\#(bpe)}}"#,
        #"{"post_processor": {"type": "RobertaProcessing", "sep": ["x", -1], "cls": ["x", 0]}, "model": {\#(bpe)}}"#,
        #"{"decoder": {"type": "CTC"}, "model": {\#(bpe)}}"#,
        "{\"normalizer\": "
            + String(repeating: #"{"type": "Sequence", "normalizers": ["#, count: 5000)
            + String(repeating: "]}", count: 5000)
            + ", \"model\": {\(bpe)}}",
        normalized("%%%"), normalized(""), normalized("AAAA"), normalized(map([], [])),
        normalized(map([0], [], count: 400)), normalized(map([0], [0xFF, 0xFE])),
        normalized(map([1 << 30], [0x61, 0])),
        // One edge for "a" whose value lies outside the replacements.
        normalized(
            map((0..<512).map { $0 == 0x61 ? 0x61 | 1 << 8 | 1 << 10 : $0 == 0x60 ? 1 << 31 | 9999 : 0 }, [0x62, 0])),
    ]

    @Test(arguments: refused) func isRefusedWithASentence(_ json: String) throws {
        let error = #expect(throws: TokenizerError.self) { try Tokenizer.read(json) }
        #expect(error.map { !"\($0)".isEmpty } ?? false)
    }

    @Test(arguments: [
        // The same number twice, a number far off, an empty token, the same key twice, a piece twice.
        model(#""type": "BPE", "vocab": {"a": 0, "b": 0, "ab": 2147483647, "": 5}, "merges": ["a b"]"#),
        model(#""type": "BPE", "vocab": {"a": 0, "a": 1}, "merges": []"#),
        model(#""type": "BPE", "vocab": {}, "merges": []"#),
        model(#""type": "Unigram", "vocab": [["a", 0], ["a", -1], ["", -2], ["b", -1]], "unk_id": 2"#),
        model(#"\#(bpe), "unk_token": "not there""#),
        #"{"added_tokens": [{"id": 2147483647, "content": "zz"}], "model": {\#(bpe)}}"#,
    ])
    func isOddAndWorks(_ json: String) throws {
        let tokenizer = try Tokenizer.read(json)
        for text in ["", "a", "ab", "abzz", "éab"] {
            guard let ids = try? tokenizer.encode(text) else { continue }
            _ = try tokenizer.decode(ids + [-1, .max, 3])
        }
        #expect(tokenizer.vocabularySize >= 0)
    }

    /// Every cut of a whole file, and every byte of one damaged, must not trap.
    @Test(arguments: [("t5-pieces", "spiece.model"), ("byte-fallback", "tokenizer.json")])
    func isDamagedAnywhereAndDoesNotTrap(_ folder: String, _ name: String) throws {
        let whole = try Data(contentsOf: URL(fileURLWithPath: Golden.path("\(folder)/\(name)")))
        var state: UInt64 = 1
        for round in 0..<60 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            var damaged = whole
            let place = Int(state >> 33) % whole.count
            if round % 3 == 0 {
                damaged = damaged.prefix(place)
            } else {
                for offset in 0..<(round % 5 + 1) where place + offset < damaged.count {
                    damaged[place + offset] = UInt8(truncatingIfNeeded: state >> (8 * UInt64(offset)))
                }
            }
            let files = try TemporaryFolder([name: damaged])
            do {
                let tokenizer = try files.tokenizer()
                for text in Golden.corpus[6..<90] { _ = try tokenizer.encode(text) }
            } catch is TokenizerError {}
        }
    }

    @Test func stopsAPatternThatBacktracksWithoutEnd() throws {
        let pattern = #"{"type": "Split", "pattern": {"Regex": "(?:a|a)+b"}, "behavior": "Isolated", "invert": false}"#
        let tokenizer = try Tokenizer.read(#"{"pre_tokenizer": \#(pattern), "model": {\#(Self.bpe)}}"#)
        #expect(throws: TokenizerError.patternTooSlow("(?:a|a)+b")) {
            try tokenizer.encode(String(repeating: "a", count: 200))
        }
    }

    @Test func saysWhenThereIsNoTokenizerAtAll() throws {
        let empty = try TemporaryFolder(["readme.txt": "nothing"])
        #expect(throws: TokenizerError.noTokenizer(folder: empty.path)) { try empty.tokenizer() }
    }

    /// A pointer, a page or an error message under the name of any file that is read.
    @Test(arguments: [
        "tokenizer.json", "vocab.json", "merges.txt", "spiece.model", "tokenizer_config.json",
        "special_tokens_map.json", "added_tokens.json",
    ])
    func saysWhatAFileIsThatIsNoTokenizers(_ name: String) throws {
        let vocabulary = ["vocab.json": "{\"a\": 0}", "merges.txt": "", "special_tokens_map.json": "{}"]
        let others = name == "spiece.model" ? [:] : vocabulary
        for (text, what) in [
            ("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "Git-LFS pointer"),
            ("<!doctype html><title>Sign in</title>", "HTML"), ("{\"error\":\"Not Found\"}", "Not Found"),
            ("PK\u{3}\u{4}\u{14}\0", "ZIP"), ("Entry not found", "Entry not found"),
        ] {
            let folder = try TemporaryFolder(others.merging([name: text]) { $1 })
            let error = try #require(throws: TokenizerError.self) {
                try folder.tokenizer(name == "spiece.model" ? "T5Tokenizer" : "CLIPTokenizer")
            }
            #expect("\(error)".contains(what) && "\(error)".contains("\(folder.path)/\(name)"), "\(error)")
        }
    }

    @Test(arguments: [
        ["vocab.json": "{\"a\": 0}", "merges.txt": "a b c\n"], ["vocab.json": "[]", "merges.txt": ""],
        ["vocab.json": "{\"a</w>\": 0}", "merges.txt": "#version: 0.2\nx y\n"],
        ["vocab.json": "{\"a</w>\": 0}", "merges.txt": "\n\n"], ["spiece.model": ""], ["spiece.model": "\u{0A}\u{7F}"],
        ["spiece.model": "\u{0A}\u{03}\u{0A}\u{01}a"],
        ["vocab.json": "{}", "merges.txt": "", "tokenizer_config.json": "{\"pad_token\": 3}"],
        ["vocab.json": "{}", "merges.txt": "", "tokenizer_config.json": "{\"padding_side\": \"up\"}"],
        ["vocab.json": "{}", "merges.txt": "", "tokenizer_config.json": "{\"added_tokens_decoder\": {\"x\": {}}}"],
        ["vocab.json": "{}", "merges.txt": "", "special_tokens_map.json": "{\"pad_token\": []}"],
    ])
    func refusesAFolderWhoseFilesLie(_ files: [String: String]) throws {
        let folder = try TemporaryFolder(files)
        #expect(throws: TokenizerError.self) { try folder.tokenizer() }
    }
}

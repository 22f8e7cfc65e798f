import Testing

@Suite struct PreTokenizerTests {
    private func expect(_ text: String, _ preTokenizer: String, gives expected: [String]) throws {
        #expect(try WordProbe(preTokenizer: preTokenizer)(text) == expected)
    }

    private func split(_ regex: String, _ behavior: String, inverted: Bool = false) -> String {
        #"{"type": "Split", "pattern": {"Regex": "\#(regex)"}, "behavior": "\#(behavior)", "invert": \#(inverted)}"#
    }

    @Test(arguments: [
        ("Removed", ["a", "b"]), ("Isolated", ["a", "-", "-", "b"]), ("MergedWithPrevious", ["a-", "-", "b"]),
        ("MergedWithNext", ["a", "-", "-b"]), ("Contiguous", ["a", "--", "b"]),
    ])
    func treatsMatchesAsTheBehaviourSays(_ behavior: String, _ expected: [String]) throws {
        try expect("a--b", split("-", behavior), gives: expected)
    }

    @Test func keepsTheMatchesWhenInverted() throws {
        try expect("ab, c1", split(#"[\\p{L}]+|[\\p{N}]"#, "Removed", inverted: true), gives: ["ab", "c", "1"])
    }

    @Test func looksAheadAndGivesBack() throws {
        try expect("a   b", split(#"\\s+(?!\\S)|\\s+"#, "Isolated"), gives: ["a", "  ", " ", "b"])
        try expect("aab!", split("a+ab", "Removed"), gives: ["!"])
        try expect("aab!", split("a++ab", "Removed"), gives: ["aab!"])
        try expect("1234567", split(#"\\p{N}{1,3}"#, "Isolated"), gives: ["123", "456", "7"])
        try expect("abab!", split("(?:ab)+", "Isolated"), gives: ["abab", "!"])
        try expect("aXbb", split("a.*?b", "Removed"), gives: ["b"])
    }

    @Test func ignoresCaseWhereThePatternSaysSo() throws {
        try expect("I'LL", split("(?i:'ll)|'LL", "Isolated"), gives: ["I", "'LL"])
        try expect("it'\u{17F}", split("(?i:'s)", "Isolated"), gives: ["it", "'\u{17F}"])
    }

    @Test(arguments: [
        "(a", "[a", "a)", "(?<=a)b", "\\\\bword", "a{3,1}", "^a", "(a*)*", "\\\\p{Han}", "[[:alpha:]]", "*", "(?>a)",
    ])
    func refusesWhatItCannotMatch(_ regex: String) throws {
        #expect(throws: (any Error).self) { try WordProbe(preTokenizer: split(regex, "Isolated")) }
    }

    @Test func splitsAtWhitespace() throws {
        try expect(" a,b \u{3000}\u{A0}c", #"{"type": "WhitespaceSplit"}"#, gives: ["a,b", "c"])
        try expect(" a,b c!", #"{"type": "Whitespace"}"#, gives: ["a", ",", "b", "c", "!"])
    }

    @Test func isolatesPunctuationAndDigits() throws {
        try expect("a,b。c", #"{"type": "Punctuation"}"#, gives: ["a", ",", "b", "。", "c"])
        try expect("a12b", #"{"type": "Digits", "individual_digits": true}"#, gives: ["a", "1", "2", "b"])
        try expect("a12b", #"{"type": "Digits", "individual_digits": false}"#, gives: ["a", "12", "b"])
    }

    @Test func writesBytesAsLetters() throws {
        try expect("hi yo\n", #"{"type": "ByteLevel", "add_prefix_space": false}"#, gives: ["hi", "Ġyo", "Ċ"])
        try expect("hi", #"{"type": "ByteLevel", "add_prefix_space": true}"#, gives: ["Ġhi"])
        try expect("a é", #"{"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}"#, gives: ["aĠÃ©"])
    }

    @Test(arguments: [
        (#""prepend_scheme": "always""#, ["▁a", "▁b"]), (#""prepend_scheme": "never""#, ["a", "▁b"]),
        (#""add_prefix_space": true"#, ["▁a", "▁b"]), (#""add_prefix_space": false"#, ["a", "▁b"]),
        (#""prepend_scheme": "always", "split": false"#, ["▁a▁b"]),
    ])
    func marksBlanks(_ options: String, _ expected: [String]) throws {
        try expect("a b", #"{"type": "Metaspace", "replacement": "▁", \#(options)}"#, gives: expected)
    }

    @Test func marksTheStartOfTheTextOnlyOnce() throws {
        let metaspace = #"{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first"}"#
        let sequence = #"{"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, \#(metaspace)]}"#
        try expect("a b", sequence, gives: ["▁a", "b"])
        try expect(" a b", sequence, gives: ["a", "b"])
    }
}

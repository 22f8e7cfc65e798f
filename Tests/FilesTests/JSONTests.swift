import Files
import Testing

@Suite struct JSONTests {
    private func read(_ bytes: [UInt8]) throws(StrictJSONError) -> JSON {
        var reader = StrictJSONReader(bytes, depthLimit: 64)
        let value = try reader.value()
        try reader.end()
        return value
    }

    private func read(_ text: String) throws(StrictJSONError) -> JSON { try read(Array(text.utf8)) }

    @Test func readsEveryKindOfValueInTheOrderOfTheFile() throws {
        let value = try read(#" {"b": [1, -2.5e3, true, false, null], "a": "x\n\u00e9\ud83d\ude00\/"} "#)
        #expect(
            value
                == .object([
                    .init(key: "b", value: .array([.integer(1), .number(-2500), .bool(true), .bool(false), .null])),
                    .init(key: "a", value: .string("x\né😀/")),
                ]))
    }

    @Test(arguments: [
        "", "{", "[1,", "[1,]", #"{"a":}"#, #"{"a" 1}"#, "{a:1}", #""a"#, #""\x""#, #""\ud800""#, #""\ud800\u0041""#,
        "01", "1.", "-", "+1", "1e", "1e999", "nul", "NaN", "[1] 2", "\"\u{1}\"", #"{"a":1,}"#, "'a'",
        String(repeating: "[", count: 100_000),
    ])
    func refusesWhatIsNoJSON(_ text: String) throws {
        #expect(throws: StrictJSONError.self) { try read(text) }
    }

    @Test func refusesInvalidUTF8() throws {
        #expect(throws: StrictJSONError.self) { try read([0x22, 0xFF, 0x22]) }
        #expect(throws: StrictJSONError.self) { try read([0x22, 0xED, 0xA0, 0x80, 0x22]) }
    }
}

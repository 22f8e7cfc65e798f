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

    /// At every depth, before a key is compared with any other.
    @Test func refusesLongKeysAndManyValues() throws {
        func read(_ text: String) throws(StrictJSONError) -> JSON {
            var reader = StrictJSONReader(Array(text.utf8), keyLimit: 8, valueLimit: 10)
            return try reader.value()
        }
        let key = String(repeating: "k", count: 9)
        for text in [#"{"\#(key)": 1}"#, #"[{"a": {"\#(key)": 1}}]"#, #"{"éééé\u0301": 1}"#] {
            let error = try #require(#expect(throws: StrictJSONError.self) { try read(text) })
            #expect(error.fault == .keyTooLong(limit: 8))
        }
        #expect(throws: Never.self) { try read(#"{"\#(key.dropLast())": [1, 2, 3, 4, 5, 6, 7, 8, 9]}"#) }
        for text in [#"{"a": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}"#, "[[], [], [], [], [[], []], {\"a\": [1, 2, 3]}]"] {
            let error = try #require(#expect(throws: StrictJSONError.self) { try read(text) })
            #expect(error.fault == .tooManyValues(limit: 10))
        }
    }

    @Test func refusesInvalidUTF8() throws {
        #expect(throws: StrictJSONError.self) { try read([0x22, 0xFF, 0x22]) }
        #expect(throws: StrictJSONError.self) { try read([0x22, 0xED, 0xA0, 0x80, 0x22]) }
    }
}

import Testing
import Tokenizers

/// The text files of a tokenizer as every system writes them, and tokens that only look alike.
@Suite struct FileFormTests {
    private static let vocabulary =
        #"{"l": 0, "o": 1, "w": 2, "lo": 3, "low</w>": 4, "w</w>": 5, "<|startoftext|>": 6, "<|endoftext|>": 7}"#

    @Test(arguments: ["\n", "\r\n"], ["", "\u{FEFF}"])
    func readsAFileOfAnySystem(_ end: String, _ mark: String) throws {
        for last in ["", end] {
            let merges = mark + ["#version: 0.2", "l o", "lo w</w>"].joined(separator: end) + last
            let files = ["vocab.json": mark + Self.vocabulary + end, "merges.txt": merges]
            #expect(try TemporaryFolder(files).tokenizer("CLIPTokenizer").encode("low") == [6, 4, 7])
        }
    }

    /// Unicode calls the two equivalent; a tokenizer has two tokens.
    @Test(arguments: [("\u{E9}", "e\u{301}"), ("K", "\u{212A}")])
    func tellsEquivalentTokensApart(_ one: String, _ other: String) throws {
        let tokenizer = try Tokenizer.read(
            """
            {"added_tokens": [{"id": 2, "content": "\(one)", "special": true}, {"id": 3, "content": "\(other)"}],
             "model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []}}
            """)
        #expect(try tokenizer.encode("a\(one)b\(other)") == [0, 2, 1, 3])
        #expect(tokenizer.vocabularySize == 4)
        #expect(try tokenizer.decode([2]).unicodeScalars.elementsEqual(one.unicodeScalars))
    }
}

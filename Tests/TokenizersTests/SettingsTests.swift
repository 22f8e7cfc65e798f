import Testing
import Tokenizers

/// What counts when several files speak of the same token, as transformers settles it.
@Suite struct SettingsTests {
    private static let vocabulary = [
        "vocab.json": #"{"!": 0, "a</w>": 1, "a": 2, "<|startoftext|>": 3, "<|endoftext|>": 4}"#,
        "merges.txt": "#version\n",
    ]

    private func tokenizer(_ files: [String: String]) throws -> Tokenizer {
        try TemporaryFolder(Self.vocabulary.merging(files) { $1 }).tokenizer("CLIPTokenizer")
    }

    @Test func padsWithTheEndWhenNoFileNamesAToken() throws {
        let tokenizer = try tokenizer([:])
        #expect(tokenizer.id(of: .padding) == 4)
        #expect(try tokenizer.encode(["a"], maxLength: 5, padding: .maxLength)[0].ids == [3, 1, 4, 4, 4])
    }

    @Test func letsTheMapWinOverTheConfig() throws {
        let map = #"{"pad_token": "!"}"#
        let config = #"{"pad_token": "<|endoftext|>"}"#
        #expect(try tokenizer(["special_tokens_map.json": map, "tokenizer_config.json": config]).id(of: .padding) == 0)
    }

    @Test func ignoresTheMapWhenTheConfigListsTheAddedTokens() throws {
        let config = #"{"pad_token": "<|endoftext|>", "added_tokens_decoder": {"4": {"content": "<|endoftext|>"}}}"#
        let files = ["special_tokens_map.json": #"{"pad_token": "!"}"#, "tokenizer_config.json": config]
        #expect(try tokenizer(files).id(of: .padding) == 4)
    }

    @Test func addsATokenThatTheVocabularyLacks() throws {
        let tokenizer = try tokenizer(["special_tokens_map.json": #"{"pad_token": {"content": "[PAD]"}}"#])
        #expect(tokenizer.id(of: .padding) == 5)
        #expect(tokenizer.vocabularySize == 6)
    }

    @Test func hasNoPaddingTokenWhenAFileSaysNull() throws {
        let tokenizer = try tokenizer(["tokenizer_config.json": #"{"pad_token": null}"#])
        #expect(tokenizer.id(of: .padding) == nil)
        #expect(throws: TokenizerError.noPaddingToken) {
            try tokenizer.encode(["a"], maxLength: 4, padding: .maxLength)
        }
    }

    @Test func padsAndCutsOnTheSidesTheConfigNames() throws {
        let config = #"{"padding_side": "left", "truncation_side": "left", "model_max_length": 5, "pad_token": "!"}"#
        let tokenizer = try tokenizer(["tokenizer_config.json": config])
        let encodings = try tokenizer.encode(["a", "a ! a a"], padding: .maxLength, truncation: .maxLength)
        #expect(encodings[0].ids == [0, 0, 3, 1, 4])
        #expect(encodings[0].attentionMask == [0, 0, 1, 1, 1])
        #expect(encodings[1].ids == [3, 0, 1, 1, 4])
        #expect(encodings[1].untruncatedCount == 6)
        #expect(try tokenizer.encode(["a", "a a"], padding: .longest).map(\.ids.count) == [4, 4])
        #expect(throws: TokenizerError.lengthTooShort(length: 1, specialTokens: 2)) {
            try tokenizer.encode(["a"], maxLength: 1, truncation: .maxLength)
        }
    }

    @Test(arguments: ["9223372036854775807", "1000000000000000019884624838656", "1e30"])
    func takesALengthBeyondReasonForNoLimit(_ length: String) throws {
        let tokenizer = try tokenizer(["tokenizer_config.json": #"{"model_max_length": \#(length)}"#])
        #expect(tokenizer.modelMaxLength == nil)
        #expect(try tokenizer.encode(["a"], padding: .maxLength, truncation: .maxLength)[0].ids == [3, 1, 4])
    }

    @Test func namesTheFileAndTheKeyInItsErrors() throws {
        let error = #expect(throws: TokenizerError.self) {
            try tokenizer(["tokenizer_config.json": #"{"model_max_length": -3}"#])
        }
        let text = error.map { "\($0)" } ?? ""
        #expect(text.contains("tokenizer_config.json") && text.contains("model_max_length"))
    }
}

import Testing
import Tokenizers

/// Where a template is found, and what a tokenizer adds to it.
@Suite struct ChatTemplateFolderTests {
    private let chat = [ChatMessage(.user, "a cat")]

    private func text(_ files: [String: String]) throws -> String {
        let folder = try TemporaryFolder(files)
        return try ChatTemplate(folder: folder.path).render(chat)
    }

    @Test func prefersItsOwnFileThenTheTokenizersThenTheProcessors() throws {
        var files = [
            "chat_template.json": #"{"chat_template": "processor"}"#,
            "tokenizer_config.json": #"{"chat_template": "tokenizer"}"#, "chat_template.jinja": "own\n",
        ]
        for (name, expected) in [
            ("chat_template.jinja", "own"), ("tokenizer_config.json", "tokenizer"), ("chat_template.json", "processor"),
        ] {
            #expect(try text(files) == expected)
            files[name] = nil
        }
        #expect(throws: TokenizerError.self) { try text(files) }
        #expect(try text(["tokenizer_config.json": "{}", "chat_template.json": #"{"chat_template": "p"}"#]) == "p")
    }

    @Test func takesTheDefaultOfSeveral() throws {
        let list =
            #"[{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d {{ messages[0].role }}"}]"#
        #expect(try text(["tokenizer_config.json": #"{"chat_template": \#(list)}"#]) == "d user")
        #expect(throws: TokenizerError.self) {
            try text(["tokenizer_config.json": #"{"chat_template": [{"name": "tool_use", "template": "t"}]}"#])
        }
        #expect(throws: TokenizerError.self) { try text(["tokenizer_config.json": #"{"chat_template": 3}"#]) }
    }

    private static let tokenizer = [
        "tokenizer.json": #"""
        {"added_tokens": [{"id": 2, "content": "<|im_start|>", "special": true}],
         "model": {"type": "BPE", "vocab": {"a": 0, "[INST]": 1}, "merges": []}}
        """#,
        "tokenizer_config.json": #"{"bos_token": "<|im_start|>", "chat_template": "{{ bos_token }}a{{ more }}"}"#,
    ]

    @Test func givesTheTemplateTheTokenizersSpecialTokens() throws {
        let folder = try TemporaryFolder(Self.tokenizer)
        let tokenizer = try folder.tokenizer()
        let text = try tokenizer.render(chat, by: ChatTemplate(folder: folder.path), ["more": .string("a")])
        #expect(text == "<|im_start|>aa")
        #expect(tokenizer.begins(text) && !tokenizer.begins("a"))
        #expect(try tokenizer.encode(text, addSpecialTokens: false) == [2, 0, 0])
    }

    /// A token that only the vocabulary has is not found in a text, which the model splits before.
    @Test func saysWhichTokensOfATemplateItLacks() throws {
        let tokenizer = try TemporaryFolder(Self.tokenizer).tokenizer()
        try tokenizer.require(["<|im_start|>", "a"], in: "tokenizer")
        #expect(throws: TokenizerError.lacksTokens(["[INST]", "<|im_end|>"], in: "tokenizer")) {
            try tokenizer.require(["<|im_start|>", "[INST]", "<|im_end|>"], in: "tokenizer")
        }
    }

    @Test func takesATokenizersClassFromItsFilesIfItIsAProcessors() throws {
        let files = [
            "vocab.json": #"{"a": 0, "A": 1}"#, "merges.txt": "",
            "tokenizer_config.json": #"{"tokenizer_class": "Qwen2Tokenizer"}"#,
        ]
        #expect(try TemporaryFolder(files).tokenizer("Qwen2VLProcessor").encode("Aa") == [1, 0])
    }
}

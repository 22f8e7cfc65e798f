import Diffusion
import Foundation
import Layers
import Models
import Tensors
import TestKit
import Testing
import Tokenizers

/// Prompts on their way through template, tokenizer and language model.
@DeviceActor @Suite struct ChatEncoderTests {
    private let prompts = [
        "a cat on a mat", "", "Ein Bär\nund eine Katze <|im_end|> sehr, sehr lang, länger als alles andere hier und da",
    ]
    private let length = 72

    private func encoder<Config: LanguageModelConfig>(
        _ folder: String, _ config: Config.Type, model: String, tokenizer: String, needing tokens: [String]
    ) throws -> ChatEncoder<Config> {
        let checkpoint = try CheckpointFolder(folder)
        let component = try Component(
            "text_encoder", in: checkpoint, classes: [model], as: .textEncoder
        ) { (weights, config: Config) in try LanguageModel(weights, config) }
        return try ChatEncoder(
            component, ComputeContext(ComputePlan()), tokenizer: "tokenizer", class: tokenizer, needing: tokens,
            in: checkpoint)
    }

    private func mistral(_ folder: String = TinyCheckpoint.path(of: "language-mistral3")) throws
        -> ChatEncoder<MistralTextConfig>
    {
        try encoder(
            folder, MistralTextConfig.self, model: "Mistral3ForConditionalGeneration", tokenizer: "PixtralProcessor",
            needing: ["[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"])
    }

    private func expect(_ prompt: (states: Tensor, mask: [[Int32]]), _ trace: Trace, _ name: String) throws {
        let golden = try Golden("language/\(name)-prompts")
        let ids = try #require(trace.entries.first { $0.name == "input_ids.text_encoder" })
        #expect(ids.distance(to: try golden.tensor("input_ids")) == 0)
        let distance = try prompt.states.distance(to: golden.tensor("prompt_embeds"))
        #expect(distance <= 1e-5)
    }

    @Test func encodesAsFlux2DoesWithPaddingBefore() throws {
        let trace = Trace()
        let chats = prompts.map { prompt in
            [ChatMessage(.system, parts: [.text("You draw.\nWell.")]), ChatMessage(.user, parts: [.text(prompt)])]
        }
        let prompt = try mistral().encode(chats, length: length, states: [0, 1, 2], trace)
        try expect((prompt.states, prompt.mask), trace, "mistral3")
        #expect(prompt.mask[1].first == 0 && prompt.mask[1].last == 1)
    }

    @Test func encodesAsFlux2KleinDoesWithPaddingAfter() throws {
        let encoder = try encoder(
            TinyCheckpoint.path(of: "language-qwen3"), Qwen3Config.self, model: "Qwen3ForCausalLM",
            tokenizer: "Qwen2Tokenizer", needing: ["<|im_start|>", "<|im_end|>", "<think>", "</think>"])
        let trace = Trace()
        var texts = prompts
        texts[0] = "a cat [IMG]on a mat"
        let prompt = try encoder.encode(
            texts.map { [ChatMessage(.user, $0)] },
            ["add_generation_prompt": .bool(true), "enable_thinking": .bool(false)], length: length, states: [1, 2, 3],
            trace)
        try expect((prompt.states, prompt.mask), trace, "qwen3")
        #expect(prompt.mask[1].first == 1 && prompt.mask[1].last == 0)
        #expect(encoder.encoder.isLoaded)
        try encoder.encoder.release()
        #expect(!encoder.encoder.isLoaded)
    }

    @Test func refusesATokenizerWithoutTheTokensOfItsTemplate() throws {
        let copy = try TinyCheckpoint(copying: "language-mistral3")
        for name in ["tokenizer/tokenizer.json", "tokenizer/tokenizer_config.json"] {
            let text = try String(contentsOfFile: copy.file(name), encoding: .utf8)
            try copy.replace(name, with: text.replacing("[INST]", with: "[inst]"))
        }
        #expect(throws: TokenizerError.lacksTokens(["[INST]"], in: "tokenizer")) {
            try withExtendedLifetime(copy) { try mistral(copy.path) }
        }
    }

    @Test func refusesAFolderWithoutATemplate() throws {
        let copy = try TinyCheckpoint(copying: "language-mistral3")
        try copy.remove("tokenizer/chat_template.jinja")
        #expect(throws: TokenizerError.noTemplate(folder: copy.file("tokenizer"))) {
            try withExtendedLifetime(copy) { try mistral(copy.path) }
        }
    }

    @Test func refusesATokenThatTheModelHasNoRowFor() throws {
        let copy = try TinyCheckpoint(copying: "language-mistral3")
        try copy.editJSON("text_encoder/config.json") { config in
            var text = config["text_config"] as? [String: Any] ?? [:]
            text["vocab_size"] = 100
            config["text_config"] = text
        }
        #expect(throws: ConfigError.self) {
            try withExtendedLifetime(copy) {
                try mistral(copy.path).encode([[ChatMessage(.user, "zebra")]], length: 32, states: [0], nil)
            }
        }
    }
}

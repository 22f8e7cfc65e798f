import Diffusion
import Foundation
import Layers
import Models
import Tensors
import TestKit
import Testing

/// Configs and checkpoints of language models, as libraries of different ages write them.
@DeviceActor @Suite struct LanguageModelConfigTests {
    private let ids: [[Int32]] = [[20, 30, 40, 50, 60, 70, 80]]

    private func state<Config: LanguageModelConfig>(_ model: TinyModel, _ type: Config.Type) throws -> Tensor {
        try model.module("text_encoder") { (weights, config: Config) in try LanguageModel(weights, config) }(
            ids, states: [3])[0]
    }

    private func fault<Config: LanguageModelConfig>(_ values: [String: Any], _ type: Config.Type) throws -> ConfigFault
    {
        try #require(throws: ConfigFault.self) { try Config.read(values, allowingUnknown: false) }
    }

    @Test func readsMistral3AsNewerVersionsWriteIt() throws {
        let copy = try TinyCheckpoint(copying: "language-mistral3")
        try copy.editJSON("text_encoder/config.json") { config in
            var text = config["text_config"] as? [String: Any] ?? [:]
            text["rope_theta"] = nil
            text["rope_parameters"] = ["rope_theta": 1e6, "rope_type": "default"] as [String: Any]
            (config["text_config"], config["dtype"], config["torch_dtype"]) = (text, "bfloat16", nil)
        }
        try copy.rewriteTensors(of: "text_encoder") { tensors in
            tensors = tensors.filter { !$0.name.contains("lm_head") }.map { tensor in
                tensor.renamed("model." + tensor.name.replacing("language_model.model.", with: "language_model."))
            }
            tensors.append(.init(name: "lm_head.weight", shape: [2], floats: [1, 2]))
            tensors.append(.init(name: "model.multi_modal_projector.linear_1.bias", shape: [1], floats: [1]))
            tensors.append(
                .init(name: "model.language_model.layers.1.self_attn.rotary_emb.inv_freq", shape: [1], floats: [1]))
        }
        let expected = try state(TinyModel("language-mistral3"), MistralTextConfig.self)
        let found = try withExtendedLifetime(copy) { try state(TinyModel(copy), MistralTextConfig.self) }
        #expect(try found.distance(to: expected) == 0)
    }

    @Test func readsQwen25VLAsNewerVersionsWriteIt() throws {
        let copy = try TinyCheckpoint(copying: "language-qwen2.5-vl")
        try copy.editJSON("text_encoder/config.json") { config in
            var text = config
            for key in ["architectures", "vision_config", "rope_theta", "rope_scaling"] { text[key] = nil }
            text["model_type"] = "qwen2_5_vl_text"
            text["layer_types"] = Array(repeating: "full_attention", count: 3)
            text["rope_parameters"] =
                ["rope_theta": 1e6, "rope_type": "default", "mrope_section": [2, 1, 1], "factor": nil] as [String: Any?]
            config = ["text_config": text, "vision_config": [:] as [String: Any], "model_type": "qwen2_5_vl"]
        }
        try copy.rewriteTensors(of: "text_encoder") { tensors in
            tensors = tensors.map { tensor in
                tensor.renamed(
                    tensor.name.hasPrefix("model.") ? "model.language_model." + tensor.name.dropFirst(6) : tensor.name)
            }
        }
        let expected = try state(TinyModel("language-qwen2.5-vl"), Qwen25VLTextConfig.self)
        let found = try withExtendedLifetime(copy) { try state(TinyModel(copy), Qwen25VLTextConfig.self) }
        #expect(try found.distance(to: expected) == 0)
    }

    @Test func readsGemma3AsNewerVersionsWriteIt() throws {
        let copy = try TinyCheckpoint(copying: "language-gemma3")
        try copy.editJSON("text_encoder/config.json") { config in
            var text = config["text_config"] as? [String: Any] ?? [:]
            for key in ["rope_theta", "rope_local_base_freq", "rope_scaling", "sliding_window_pattern"] {
                text[key] = nil
            }
            text["layer_types"] = ["sliding_attention", "sliding_attention", "full_attention"]
            text["use_bidirectional_attention"] = false
            text["rope_parameters"] =
                [
                    "full_attention": ["rope_type": "linear", "factor": 8.0, "rope_theta": 1e6] as [String: Any],
                    "sliding_attention": ["rope_type": "default", "rope_theta": 1e4] as [String: Any],
                ] as [String: Any]
            config["text_config"] = text
        }
        let expected = try state(TinyModel("language-gemma3"), Gemma3TextConfig.self)
        let found = try withExtendedLifetime(copy) { try state(TinyModel(copy), Gemma3TextConfig.self) }
        #expect(try found.distance(to: expected) == 0)
    }

    @Test func refusesWhatWouldChangeTheStates() throws {
        let yarn: [String: Any] = ["rope_type": "yarn", "factor": 4.0]
        #expect(
            try fault(["rope_scaling": yarn], Qwen3Config.self)
                == .unsupported("the position scaling yarn in rope_scaling"))
        #expect(
            try fault(["text_config": ["model_type": "ministral3"]], MistralTextConfig.self)
                == .unsupported("the language model ministral3"))
        #expect(
            try fault(["use_bidirectional_attention": true], Gemma3TextConfig.self)
                == .unknown(["use_bidirectional_attention"]))
        #expect(
            try fault(["attn_logit_softcapping": 50.0], Gemma3TextConfig.self)
                == .value("attn_logit_softcapping", found: "50.0"))
        _ = try Gemma3TextConfig.read(["attn_logit_softcapping": NSNull()], allowingUnknown: false)
        for type: any LanguageModelConfig.Type in [MistralTextConfig.self, Qwen25VLTextConfig.self, Qwen3Config.self] {
            let key = "attn_logit_softcapping"
            #expect(throws: ConfigFault.unknown([key])) { try type.read([key: 50.0], allowingUnknown: false) }
        }
        for rope: [String: Any] in [
            ["beta_fast": 32], ["rope_theta": 0], ["rope_type": 3], ["mrope_section": [1, 2]],
            ["mrope_section": [-1, 32, 33]],
            ["factor": 2.0], ["rope_type": "linear", "factor": -1],
        ] {
            _ = try fault(["rope_parameters": rope], Qwen3Config.self)
        }
    }

    @Test func refusesSizesThatFitNoModel() throws {
        for values: [String: Any] in [
            ["num_hidden_layers": 0], ["num_hidden_layers": -3], ["num_hidden_layers": 100_000], ["head_dim": 7],
            ["num_key_value_heads": 3], ["num_key_value_heads": 0], ["num_attention_heads": 0], ["vocab_size": -1],
            ["layer_types": ["full_attention"]], ["num_hidden_layers": 1, "layer_types": ["linear_attention"]],
            ["num_hidden_layers": 1, "max_window_layers": 0, "use_sliding_window": true, "sliding_window": 0],
            ["hidden_act": "swish2"],
        ] {
            _ = try fault(values, Qwen3Config.self)
        }
        _ = try fault(["hidden_size": 33, "num_attention_heads": 4], Qwen25VLTextConfig.self)
        _ = try fault(["query_pre_attn_scalar": 0], Gemma3TextConfig.self)
        _ = try fault(["sliding_window_pattern": 0], Gemma3TextConfig.self)
    }

    /// How many numbers the model reads.
    private func parameters<Config: LanguageModelConfig>(
        _ values: [String: Any], _ type: Config.Type, depth: Int? = nil
    ) throws -> Int {
        let listing = WeightListing(of: nil)
        _ = try LanguageModel(Weights(listing), Config.read(values, allowingUnknown: false).0, depth: depth)
        return listing.entries.reduce(0) { $0 + $1.shape.reduce(1, *) }
    }

    /// The published configs, and what their models are known to have without the last matrix, which makes words.
    @Test func readsThePublishedConfigs() throws {
        let mistral: [String: Any] = [
            "attention_dropout": 0.0, "head_dim": 128, "hidden_act": "silu", "hidden_size": 5120,
            "initializer_range": 0.02, "intermediate_size": 32768, "max_position_embeddings": 131072,
            "model_type": "mistral", "num_attention_heads": 32, "num_hidden_layers": 40, "num_key_value_heads": 8,
            "rms_norm_eps": 1e-5, "rope_theta": 1e9, "sliding_window": NSNull(), "use_cache": true,
            "vocab_size": 131072,
        ]
        let mistral3: [String: Any] = ["model_type": "mistral3", "text_config": mistral, "image_token_index": 10]
        #expect(try parameters(mistral3, MistralTextConfig.self) == 22_901_314_560)
        #expect(try parameters(mistral3, MistralTextConfig.self, depth: 30) == 17_343_754_240)
        let vision: [String: Any] = ["depth": 32, "hidden_size": 1280]
        let qwen25: [String: Any] = [
            "attention_dropout": 0.0, "bos_token_id": 151643, "eos_token_id": 151645, "vision_start_token_id": 151652,
            "vision_end_token_id": 151653, "vision_token_id": 151654, "image_token_id": 151655,
            "video_token_id": 151656, "hidden_act": "silu", "hidden_size": 3584, "initializer_range": 0.02,
            "intermediate_size": 18944, "max_position_embeddings": 128000, "max_window_layers": 28,
            "model_type": "qwen2_5_vl", "num_attention_heads": 28, "num_hidden_layers": 28, "num_key_value_heads": 4,
            "rms_norm_eps": 1e-6, "rope_theta": 1e6, "sliding_window": 32768, "tie_word_embeddings": false,
            "torch_dtype": "bfloat16", "use_cache": true, "use_sliding_window": false, "vision_config": vision,
            "rope_scaling": ["type": "mrope", "mrope_section": [16, 24, 24]] as [String: Any], "vocab_size": 152064,
        ]
        #expect(try parameters(qwen25, Qwen25VLTextConfig.self) == 7_070_619_136)
        var qwen3: [String: Any] = [
            "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 151643, "eos_token_id": 151645,
            "head_dim": 128, "hidden_act": "silu", "hidden_size": 4096, "initializer_range": 0.02,
            "intermediate_size": 12288, "max_position_embeddings": 40960, "max_window_layers": 36,
            "model_type": "qwen3", "num_attention_heads": 32, "num_hidden_layers": 36, "num_key_value_heads": 8,
            "rms_norm_eps": 1e-6, "rope_scaling": NSNull(), "rope_theta": 1_000_000, "sliding_window": NSNull(),
            "tie_word_embeddings": false, "torch_dtype": "bfloat16", "use_cache": true, "use_sliding_window": false,
            "vocab_size": 151936,
        ]
        #expect(try parameters(qwen3, Qwen3Config.self) == 7_568_405_504)
        (qwen3["hidden_size"], qwen3["intermediate_size"], qwen3["tie_word_embeddings"]) = (2560, 9728, true)
        #expect(try parameters(qwen3, Qwen3Config.self) == 4_022_468_096)
        let gemma: [String: Any] = [
            "hidden_size": 3840, "intermediate_size": 15360, "model_type": "gemma3_text", "num_attention_heads": 16,
            "num_hidden_layers": 48, "num_key_value_heads": 8, "sliding_window": 1024,
            "rope_scaling": ["factor": 8.0, "rope_type": "linear"] as [String: Any],
        ]
        #expect(
            try parameters(["text_config": gemma, "model_type": "gemma3"], Gemma3TextConfig.self) == 11_766_034_176)
    }
}

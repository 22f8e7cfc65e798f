import Diffusion
import Engine
import Layers
import Models
import Tensors
import TestKit
import Testing
import Tokenizers

/// A way to damage a checkpoint, and what the sentence about it must name.
struct Damage: Sendable, CustomStringConvertible {
    let description: String
    let names: [String]
    let apply: @Sendable (TinyCheckpoint) throws -> Void

    init(_ description: String, names: String..., apply: @escaping @Sendable (TinyCheckpoint) throws -> Void) {
        (self.description, self.names, self.apply) = (description, names, apply)
    }

    static let weights = [
        "text_encoder/model.safetensors", "text_encoder_2/model.safetensors",
        "transformer/diffusion_pytorch_model-00001-of-00002.safetensors",
        "transformer/diffusion_pytorch_model-00002-of-00002.safetensors", "vae/diffusion_pytorch_model.safetensors",
    ]

    static let all: [Damage] =
        weights.map { file in Damage("\(file) cut in half", names: file) { try $0.truncate(file) } }
        + weights.map { file in Damage("\(file) empty", names: file) { try $0.truncate(file, to: 0) } }
        + weights.map { file in Damage("\(file) one byte short", names: file) { try $0.truncateByOne(file) } }
        + [
            Damage("a shape", names: "proj_out.weight", "[32, 16]", "[16, 32]") {
                try $0.rewriteTensors(of: "transformer") { tensors in
                    tensors = tensors.map { $0.name == "proj_out.weight" ? $0.reshaped([32, 16]) : $0 }
                }
            },
            Damage("a type", names: "decoder.conv_in.bias", "I32") {
                try $0.rewriteTensors(of: "vae") { tensors in
                    tensors = tensors.map {
                        $0.name == "decoder.conv_in.bias"
                            ? .init(name: $0.name, dtype: .int32, shape: $0.shape, bytes: $0.bytes) : $0
                    }
                }
            },
            Damage("a missing tensor", names: "encoder.final_layer_norm.weight") {
                try $0.rewriteTensors(of: "text_encoder_2") { tensors in
                    tensors.removeAll { $0.name == "encoder.final_layer_norm.weight" }
                }
            },
            Damage("a tensor too many", names: "a.stray.tensor") {
                try $0.rewriteTensors(of: "text_encoder") { tensors in
                    tensors.append(.init(name: "a.stray.tensor", shape: [1], floats: [1]))
                }
            },
            Damage("a missing shard", names: "diffusion_pytorch_model-00002-of-00002.safetensors") {
                try $0.remove("transformer/diffusion_pytorch_model-00002-of-00002.safetensors")
            },
            Damage("an index that is no JSON", names: "index.json") {
                try $0.replace("transformer/diffusion_pytorch_model.safetensors.index.json", with: "{")
            },
            Damage("no weights", names: "vae", "diffusion_pytorch_model.safetensors") {
                try $0.remove("vae/diffusion_pytorch_model.safetensors")
            },
            Damage("an unknown key", names: "transformer/config.json", "qk_norm") {
                try $0.editJSON("transformer/config.json") { $0["qk_norm"] = "rms" }
            },
            Damage("a config of another width", names: "transformer") {
                try $0.editJSON("transformer/config.json") { $0["num_attention_heads"] = 4 }
            },
            Damage("an absurd width", names: "num_attention_heads", "1000000000") {
                try $0.editJSON("transformer/config.json") { $0["num_attention_heads"] = 1_000_000_000 }
            },
            Damage("no heads", names: "num_attention_heads", "0") {
                try $0.editJSON("text_encoder/config.json") { $0["num_attention_heads"] = 0 }
            },
            Damage("a missing config", names: "vae/config.json") { try $0.remove("vae/config.json") },
            Damage("a scheduler's option", names: "scheduler_config.json", "noise_offset") {
                try $0.editJSON("scheduler/scheduler_config.json") { $0["noise_offset"] = 0.1 }
            },
            Damage("another scheduler", names: "scheduler", "DDIMScheduler") {
                try $0.editJSON("model_index.json") { $0["scheduler"] = ["diffusers", "DDIMScheduler"] }
            },
            Damage("another pipeline", names: "StableDiffusionPipeline", "FluxPipeline") {
                try $0.editJSON("model_index.json") { $0["_class_name"] = "StableDiffusionPipeline" }
            },
            Damage("a missing component", names: "text_encoder_2") { try $0.remove("text_encoder_2") },
            Damage("a broken tokenizer", names: "tokenizer/tokenizer.json") {
                try $0.truncate("tokenizer/tokenizer.json")
            },
            Damage("an empty tokenizer", names: "tokenizer_2/tokenizer.json") {
                try $0.replace("tokenizer_2/tokenizer.json", with: "{}")
            },
            Damage("no tokenizer", names: "tokenizer_2") {
                for name in ["tokenizer.json", "spiece.model"] { try $0.remove("tokenizer_2/\(name)") }
            },
        ]
}

extension TinyCheckpoint {
    fileprivate func truncateByOne(_ name: String) throws {
        let file = try SafetensorsFile(path: file(name))
        try truncate(name, to: file.mapping.bytes.count - 1)
    }
}

@Suite struct DamagedCheckpointTests {
    @Test(arguments: Damage.all) func saysInOneSentenceWhatIsDamaged(_ damage: Damage) async throws {
        let copy = try TinyCheckpoint()
        try damage.apply(copy)
        let worker = LocalWorker(device: .cpu)
        let error = try #require(
            await #expect(throws: (any Error).self) {
                try await worker.load(Catalog.model(CheckpointFolder(copy.path)), PipelineOptions())
            })
        let isOurs =
            error is CheckpointError || error is ConfigError || error is WeightError || error is SafetensorsError
            || error is TokenizerError
        #expect(isOurs, "\(error)")
        #expect(!"\(error)".contains("\n"))
        for name in damage.names { #expect("\(error)".contains(name)) }
    }
}

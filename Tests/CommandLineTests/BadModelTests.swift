import Foundation
import Layers
import TestKit
import Testing

extension CommandLineRefusalTests {
    /// Models that cannot be run: status 65.
    @Suite struct BadModelTests {
        private let visualgen: VisualGen

        init() throws { visualgen = try VisualGen() }

        private func expectRefused(
            _ model: String, names: [String], at location: SourceLocation = #_sourceLocation
        ) async throws {
            let outcome = try await visualgen.run(VisualGen.generation(model) + ["--output", "a.png"])
            expectRefusal(outcome, 65, names: names, at: location)
            #expect(!visualgen.folder.names.contains("a.png"), sourceLocation: location)
        }

        @Test func refusesWhatIsNoCheckpoint() async throws {
            try await expectRefused("/no/such/folder", names: ["/no/such/folder"])
            try FileManager.default.createDirectory(
                atPath: visualgen.folder.file("empty"), withIntermediateDirectories: false)
            try await expectRefused("empty", names: ["empty", "model_index.json"])
            try visualgen.folder.write("text", to: "notes.txt")
            try await expectRefused("notes.txt", names: ["notes.txt"])
            try await expectRefused(".", names: ["model_index.json", "notes.txt"])
        }

        @Test(arguments: [
            "text_encoder/model.safetensors", "text_encoder_2/model.safetensors",
            "transformer/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.safetensors",
        ])
        func refusesTruncatedWeights(_ file: String) async throws {
            let copy = try TinyCheckpoint(copying: "flux1-tiny-schnell")
            try copy.truncate(file)
            try await expectRefused(copy.path, names: [file])
        }

        @Test func refusesATensorOfAnotherShapeOrType() async throws {
            let shape = try TinyCheckpoint()
            try shape.rewriteTensors(of: "transformer") { tensors in
                tensors = tensors.map { $0.name == "proj_out.weight" ? $0.reshaped([32, 16]) : $0 }
            }
            try await expectRefused(shape.path, names: ["proj_out.weight", "[32, 16]", "[16, 32]"])
            let type = try TinyCheckpoint()
            try type.rewriteTensors(of: "vae") { tensors in
                tensors = tensors.map {
                    guard $0.name == "decoder.conv_in.bias" else { return $0 }
                    return .init(name: $0.name, dtype: .int32, shape: $0.shape, bytes: $0.bytes)
                }
            }
            try await expectRefused(type.path, names: ["decoder.conv_in.bias", "I32"])
        }

        @Test func refusesAnUnknownConfigKeyUnlessAllowed() async throws {
            for file in ["transformer/config.json", "vae/config.json", "scheduler/scheduler_config.json"] {
                let copy = try TinyCheckpoint()
                try copy.editJSON(file) { $0["qk_norm"] = "rms" }
                try await expectRefused(copy.path, names: [file, "qk_norm", "--allow-unknown-config"])
                let allowed = try await visualgen.run(
                    VisualGen.generation(copy.path) + ["--allow-unknown-config", "--output", "b.png"])
                #expect(allowed.status == 0, "\(allowed.testDescription)")
            }
        }

        @Test func refusesABrokenTokenizer() async throws {
            for file in ["tokenizer/tokenizer.json", "tokenizer_2/tokenizer.json"] {
                let copy = try TinyCheckpoint()
                try copy.truncate(file)
                try await expectRefused(copy.path, names: [file])
            }
        }

        @Test func refusesPartsThatDoNotFitEachOther() async throws {
            let token = try TinyCheckpoint()
            try token.editJSON("tokenizer/tokenizer_config.json") { $0["eos_token"] = "<|over|>" }
            try await expectRefused(token.path, names: ["text_encoder/config.json", "vocab_size", "604"])
            let width = try TinyCheckpoint()
            try width.editJSON("transformer/config.json") { $0["joint_attention_dim"] = 24 }
            try await expectRefused(width.path, names: ["transformer/config.json", "joint_attention_dim", "d_model"])
        }

        @Test func refusesAMissingComponentAndAnUnknownPipeline() async throws {
            let missing = try TinyCheckpoint()
            try missing.remove("text_encoder_2")
            try await expectRefused(missing.path, names: ["text_encoder_2"])
            let other = try TinyCheckpoint()
            try other.editJSON("model_index.json") { $0["_class_name"] = "StableDiffusionPipeline" }
            try await expectRefused(other.path, names: ["StableDiffusionPipeline", "FluxPipeline"])
        }

        @Test func refusesAModelWithALineBreakInItsNameInOneSentence() async throws {
            let outcome = try await visualgen.run(VisualGen.generation("no\nsuch\nmodel"))
            expectRefusal(outcome, 65, names: ["no such model"])
        }
    }
}

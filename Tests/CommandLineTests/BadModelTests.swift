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
                try await expectRefused(copy.path, names: [file, "qk_norm", "--allow-unknown"])
            }
            let copy = try TinyCheckpoint()
            for file in ["transformer/config.json", "scheduler/scheduler_config.json"] {
                try copy.editJSON(file) { $0["qk_norm"] = "rms" }
            }
            // The second is the switch's former name.
            for option in ["--allow-unknown", "--allow-unknown-config"] {
                let allowed = try await visualgen.run(
                    VisualGen.generation(copy.path) + [option, "--output", "b.png"])
                #expect(allowed.status == 0, "\(allowed.testDescription)")
            }
        }

        @Test func refusesAnUnknownTensorUnlessAllowed() async throws {
            let copy = try TinyCheckpoint()
            try copy.rewriteTensors(of: "vae") { $0.append(.init(name: "ema.decay", shape: [1], floats: [1])) }
            try await expectRefused(copy.path, names: ["ema.decay", copy.file("vae"), "--allow-unknown"])
            let arguments = VisualGen.generation(copy.path) + ["--output", "b.png"]
            let allowed = try await visualgen.run(arguments + ["--allow-unknown"])
            #expect(allowed.status == 0, "\(allowed.testDescription)")
            try visualgen.folder.write("allow_unknown_config: true", to: "c.yaml")
            let configured = try await visualgen.run(arguments + ["--config", "c.yaml"])
            #expect(configured.status == 0, "\(configured.testDescription)")
        }

        @Test func saysWhatAFileIsThatIsNoPartOfAModel() async throws {
            let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 246144352\n"
            for (file, text, name) in [
                ("vae/diffusion_pytorch_model.safetensors", pointer, "Git-LFS pointer"),
                ("transformer/config.json", "<!DOCTYPE html>\n<html>", "HTML"),
                ("tokenizer/tokenizer.json", #"{"error":"Entry not found"}"#, "Entry not found"),
                ("model_index.json", "", "is empty"),
            ] {
                let copy = try TinyCheckpoint()
                try copy.replace(file, with: text)
                try await expectRefused(copy.path, names: [file, name])
            }
        }

        @Test func refusesDefaultsBeyondAllBounds() async throws {
            let copy = try TinyCheckpoint()
            try copy.editJSON("model_index.json") {
                $0["_visualgen_defaults"] = ["height": 1 << 62, "width": 1 << 62]
            }
            try await expectRefused(copy.path, names: ["model_index.json", "height", "4611686018427387904"])
        }

        /// Infinite weights give an image of undefined numbers, which would be black.
        @Test func refusesAnImageThatIsNotFinite() async throws {
            for (component, tensor) in [("transformer", "proj_out.bias"), ("vae", "decoder.conv_out.bias")] {
                let copy = try TinyCheckpoint()
                try copy.rewriteTensors(of: component) { tensors in
                    for index in tensors.indices where tensors[index].name == tensor {
                        let shape = tensors[index].shape
                        tensors[index] = .init(
                            name: tensor, shape: shape, floats: .init(repeating: .infinity, count: shape.reduce(1, *)))
                    }
                }
                try await expectRefused(copy.path, names: ["not finite", component == "vae" ? "decoded" : "latents"])
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

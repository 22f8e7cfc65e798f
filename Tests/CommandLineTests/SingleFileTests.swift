import Foundation
import Layers
import TestKit
import Testing

extension CommandLineTests {
    /// A model in one file, whose text encoder lies elsewhere.
    @Suite struct SingleFileTests {
        private let visualgen: VisualGen
        private let encoder: String
        private static let size = [
            "--height", "64", "--width", "64", "--num-frames", "9", "--num-inference-steps", "2",
        ]

        init() throws {
            visualgen = try VisualGen()
            let golden = try SingleFileGolden("2.0")
            try golden.write(to: visualgen.folder.file("model.safetensors"))
            encoder = TinyCheckpoint.path(of: golden.model)
        }

        private var setting: String { "{text_encoder_path: '\(encoder)'}" }

        private func generate(_ more: [String]) -> [String] {
            [
                "generate", "--model", "model.safetensors", "--prompt", "a lake", "--max-sequence-length", "16",
                "--seed", "1",
            ] + Self.size + more
        }

        @Test func everyCommandTakesItsTextEncoder() async throws {
            for command in [["inspect", "model.safetensors"], generate(["--output", "a.mp4"])] {
                expectRefusal(
                    try await visualgen.run(command), 64,
                    names: ["model.safetensors has no text encoder", "pipeline_config.text_encoder_path"])
            }
            let inspected = try await visualgen("inspect", "model.safetensors", "--pipeline-config", setting)
            #expect(inspected.status == 0, "\(inspected.testDescription)")
            #expect(inspected.output.contains("\ntext_encoder: "), "\(inspected.testDescription)")
            let measured = try await visualgen.run(
                [
                    "bench", "generation", "--model", "model.safetensors", "--runs", "1", "--pipeline-config",
                    setting,
                ] + Self.size)
            #expect(measured.status == 0 && measured.output.contains("median_seconds"), "\(measured.testDescription)")
        }

        /// The recipe tells of it.
        @Test func generatesAndTellsIt() async throws {
            let made = try await visualgen.run(generate(["--pipeline-config", setting, "--output", "a.mp4"]))
            #expect(made.status == 0, "\(made.testDescription)")
            let inspected = try await visualgen("inspect", "a.mp4")
            let command = try #require(inspected.output.range(of: "\nvisualgen generate "))
            try visualgen.folder.write(String(inspected.output[command.lowerBound...]), to: "again.sh")
            let again = try await visualgen.shell("PATH=\"$(dirname \"$0\"):$PATH\" sh again.sh")
            #expect(again.status == 0, "\(again.testDescription)")
            let files = try ["a.mp4", "output.mp4"].map {
                try Data(contentsOf: URL(fileURLWithPath: visualgen.folder.file($0)))
            }
            #expect(files[0] == files[1])
        }

        @Test func isNotCopied() async throws {
            expectRefusal(
                try await visualgen(
                    "quantize", "model.safetensors", "--algo", "FP8", "--output", "copy", "--pipeline-config", setting),
                65, names: ["model.safetensors is a model in one file", "quant_config"])
            #expect(visualgen.folder.names == ["model.safetensors"])
        }

        @Test func refusesSettingsThatTheModelLacks() async throws {
            for command in [
                ["inspect", "model.safetensors"], generate(["--output", "a.mp4"]),
                ["quantize", "model.safetensors", "--algo", "FP8", "--output", "copy"],
                ["bench", "generation", "--model", "model.safetensors"],
            ] {
                let outcome = try await visualgen.run(
                    command + ["--pipeline-config", "{text_encoder_path: '\(encoder)', text_encoder: a}"])
                #expect(outcome.status == 64, "\(outcome.testDescription)")
                #expect(
                    outcome.errors.contains("pipeline_config.text_encoder is not a setting"),
                    "\(outcome.testDescription)")
            }
            let early = try await visualgen("bench", "transformer", "--pipeline-config", setting)
            #expect(early.status == 64 && early.errors.contains("pipeline-config is for generation"))
        }

        /// Through the cache, as the model itself.
        @Test func itsTextEncoderMayBeOfTheHub() async throws {
            let commit = String(repeating: "0a", count: 20)
            let snapshot = visualgen.folder.file("hub/models--org--gemma/snapshots/\(commit)")
            try FileManager.default.createDirectory(atPath: snapshot, withIntermediateDirectories: true)
            for folder in ["text_encoder", "tokenizer"] {
                for name in try FileManager.default.contentsOfDirectory(atPath: "\(encoder)/\(folder)") {
                    try FileManager.default.copyItem(
                        atPath: "\(encoder)/\(folder)/\(name)", toPath: "\(snapshot)/\(name)")
                }
            }
            try FileManager.default.createDirectory(
                atPath: visualgen.folder.file("hub/models--org--gemma/refs"), withIntermediateDirectories: true)
            try visualgen.folder.write(commit, to: "hub/models--org--gemma/refs/main")
            let line = "HF_HUB_OFFLINE=1 HF_HOME=$PWD \"$0\" inspect model.safetensors --pipeline-config \"$1\""
            let inspected = try await visualgen.shell(line, "{text_encoder_path: org/gemma}")
            #expect(inspected.status == 0, "\(inspected.testDescription)")
            expectRefusal(
                try await visualgen.shell(line, "{text_encoder_path: org/other}"), 65,
                names: ["org/other", "HF_HUB_OFFLINE"])
            expectRefusal(
                try await visualgen.shell(
                    line, "{text_encoder_path: '\(encoder)', spatial_upsampler_path: org/other}"), 65,
                names: ["org/other", "HF_HUB_OFFLINE"])
            expectRefusal(
                try await visualgen.shell(line, "{text_encoder_path: nowhere}"), 64,
                names: ["pipeline_config.text_encoder_path is nowhere"])
        }

        /// As a model with its repository's only LoRA, or with a file that is named.
        @Test func theLoRAOfItsSecondStageMayBeOfTheHub() async throws {
            let commit = String(repeating: "0b", count: 20)
            let snapshot = visualgen.folder.file("hub/models--org--loras/snapshots/\(commit)")
            for folder in [snapshot, visualgen.folder.file("hub/models--org--loras/refs")] {
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            }
            try visualgen.folder.write(commit, to: "hub/models--org--loras/refs/main")
            let name = "diffusion_model.transformer_blocks.0.attn1.to_q"
            func write(_ file: String) throws {
                try SafetensorsWriter.write(
                    ["A": [2, 40], "B": [40, 2]].map { half, shape in
                        .init(
                            name: "\(name).lora_\(half).weight", shape: shape,
                            floats: Array(repeating: 0.1, count: shape.reduce(1, *)))
                    }, to: "\(snapshot)/\(file)")
            }
            try write("distilled-lora.safetensors")
            let line = "HF_HUB_OFFLINE=1 HF_HOME=$PWD \"$0\" inspect model.safetensors --pipeline-config \"$1\""
            let upsampler = TinyCheckpoint.path(of: "ltx2-tiny-upsampler")
            func inspect(_ lora: String) async throws -> VisualGen.Outcome {
                try await visualgen.shell(
                    line,
                    "{text_encoder_path: '\(encoder)', spatial_upsampler_path: '\(upsampler)', distilled_lora_path: \(lora)}"
                )
            }
            let inspected = try await inspect("org/loras")
            #expect(inspected.status == 0, "\(inspected.testDescription)")
            #expect(inspected.output.contains("\ntransformer_2: "), "\(inspected.testDescription)")
            try write("other-lora.safetensors")
            expectRefusal(
                try await inspect("org/loras"), 65,
                names: ["org/loras", "distilled-lora.safetensors", "name one as org/loras/distilled-lora.safetensors"])
            let named = try await inspect("org/loras/other-lora.safetensors")
            #expect(named.status == 0, "\(named.testDescription)")
            expectRefusal(
                try await inspect("org/loras/no.safetensors"), 65,
                names: ["no.safetensors of org/loras", "HF_HUB_OFFLINE"])
            expectRefusal(try await inspect("org/nothing"), 65, names: ["org/nothing", "HF_HUB_OFFLINE"])
            let missing = try await inspect("here/no.safetensors")
            #expect(
                missing.status == 65 && missing.errors.contains("here/no.safetensors cannot be opened"),
                "\(missing.testDescription)")
        }
    }
}

import Foundation
import Layers
import TestKit
import Testing

extension CommandLineTests {
    @Suite struct LoRATests {
        private let visualgen: VisualGen
        private let peft = LoRAGolden.path(of: "flux1-peft")

        init() throws { visualgen = try VisualGen() }

        private func bytes(_ name: String) throws -> Data {
            try Data(contentsOf: URL(fileURLWithPath: visualgen.folder.file(name)))
        }

        private func generate(_ output: String, _ more: String...) async throws -> VisualGen.Outcome {
            try await visualgen.run(VisualGen.generation() + more + ["--output", output])
        }

        @Test func mergesAndTellsIt() async throws {
            let kohya = LoRAGolden.path(of: "flux1-kohya")
            let merged = try await generate("a.png", "--lora", "\(peft):0.5", "--lora", kohya)
            #expect(merged.status == 0 && merged.complaints.isEmpty, "\(merged.testDescription)")
            let plain = try await generate("b.png", "--lora", "\(peft):0")
            #expect(plain.status == 0)
            #expect(try bytes("a.png") != bytes("b.png"))
            let inspected = try await visualgen("inspect", "a.png")
            #expect(inspected.output.contains("LoRA flux1-peft.safetensors 0.5, LoRA flux1-kohya.safetensors 1.0"))
            let command = try #require(inspected.output.range(of: "\nvisualgen generate "))
            try visualgen.folder.write(String(inspected.output[command.lowerBound...]), to: "again.sh")
            let again = try await visualgen.shell("PATH=\"$(dirname \"$0\"):$PATH\" sh again.sh")
            #expect(again.status == 0, "\(again.testDescription)")
            #expect(try bytes("a.png") == bytes("output.png"))
        }

        /// What a simple option cannot say, a file of the configuration and the YAML of an option can.
        @Test func takesTheWholeConfiguration() async throws {
            let config = "{path: '\(peft)', scale: 0.5, target_components: [transformer], strict: false}"
            try visualgen.folder.write("runtime_lora_config: \(config)\n", to: "a.yaml")
            for (name, more) in [
                ("a.png", ["--config", visualgen.folder.file("a.yaml")]),
                ("b.png", ["--runtime-lora-config", "[\(config)]"]),
            ] {
                let merged = try await visualgen.run(VisualGen.generation() + more + ["--output", name])
                #expect(merged.status == 0, "\(merged.testDescription)")
            }
            #expect(try bytes("a.png") == bytes("b.png"))
            let inspected = try await visualgen("inspect", "a.png")
            #expect(inspected.output.contains("--runtime-lora-config="))
            let both = try await generate("c.png", "--lora", peft, "--runtime-lora-config", config)
            #expect(both.status == 64 && both.errors.contains("give one of them"), "\(both.testDescription)")
        }

        @Test func refusesWhatDoesNotFitBeforeAnythingIsLoaded() async throws {
            let foreign = LoRAGolden.path(of: "wan-comfy-peft")
            for (more, status, words) in [
                (["--lora", foreign], 65, "\(foreign) has no LoRA for this model"),
                (["--lora", "none.safetensors"], 65, "none.safetensors"),
                (["--lora", ":2"], 65, ":2"),
                (
                    ["--runtime-lora-config", "{path: '\(peft)', target_components: [unet]}"], 64,
                    "target_components has unet"
                ),
                (["--runtime-lora-config", "{scale: 1}"], 64, "runtime_lora_config.path must not be empty"),
            ] as [([String], Int32, String)] {
                let refused = try await visualgen.run(VisualGen.generation() + more + ["--output", "a.png"])
                #expect(refused.status == status, "\(refused.testDescription)")
                #expect(refused.complaints.count == 1 && refused.errors.contains(words), "\(refused.testDescription)")
                #expect(!refused.errors.contains("loading "), "\(refused.testDescription)")
            }
        }
    }
}

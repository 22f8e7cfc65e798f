import Foundation
import Layers
import TestKit
import Testing

extension CommandLineTests {
    @Suite struct QuantisationTests {
        private let visualgen: VisualGen

        init() throws { visualgen = try VisualGen() }

        private func bytes(_ name: String) throws -> Data {
            try Data(contentsOf: URL(fileURLWithPath: visualgen.folder.file(name)))
        }

        private func generate(_ output: String, _ more: String...) async throws -> VisualGen.Outcome {
            try await visualgen.run(VisualGen.generation() + more + ["--output", output])
        }

        @Test func quantisesWhatIsAskedForAndTellsIt() async throws {
            let config = "{quant_algo: FP8_PER_CHANNEL_PER_TOKEN, ignore: [proj_out, nothing.*]}"
            let quantised = try await generate("a.png", "--quant-config", config)
            #expect(quantised.status == 0, "\(quantised.testDescription)")
            let warning = "visualgen: quant_config.ignore has nothing.*, which is no layer's name"
            #expect(quantised.complaints.contains(warning), "\(quantised.testDescription)")
            let plain = try await generate("b.png")
            #expect(plain.status == 0)
            #expect(try bytes("a.png") != bytes("b.png"))
            let inspected = try await visualgen("inspect", "a.png")
            #expect(inspected.output.contains("FP8_PER_CHANNEL_PER_TOKEN"))
            let command = try #require(inspected.output.range(of: "\nvisualgen generate "))
            try visualgen.folder.write(String(inspected.output[command.lowerBound...]), to: "again.sh")
            let again = try await visualgen.shell("PATH=\"$(dirname \"$0\"):$PATH\" sh again.sh")
            #expect(again.status == 0, "\(again.testDescription)")
            #expect(try bytes("a.png") == bytes("output.png"))
        }

        private static let int8 = "{qk_dtype: int8, q_block_size: 1, k_block_size: 16, v_block_size: 1}"

        @Test func quantisesAttentionAndTellsTheKernels() async throws {
            let config =
                "{backend: TRTLLM, quant_attention_config: \(Self.int8), exact_steps: {first: 1}, "
                + "exact_layers: ['nothing.*']}"
            let quantised = try await generate("a.png", "--attention-config", config, "--metrics", "a.json")
            #expect(quantised.status == 0, "\(quantised.testDescription)")
            let warning = "visualgen: attention_config.exact_layers has nothing.*, which is no attention's name"
            #expect(quantised.complaints.contains(warning), "\(quantised.testDescription)")
            // Four blocks, and one step of either kind.
            #expect(try kernels("a.json") == ["sage-int8": 4, "tiled": 4])
            let plain = try await generate("b.png", "--metrics", "b.json")
            #expect(plain.status == 0)
            #expect(try bytes("a.png") != bytes("b.png"))
            #expect(try kernels("b.json") == ["tiled": 8])
            let inspected = try await visualgen("inspect", "a.png")
            #expect(inspected.output.contains("attention TRTLLM int8/fp8 (1,16,1)"))
            let command = try #require(inspected.output.range(of: "\nvisualgen generate "))
            try visualgen.folder.write(String(inspected.output[command.lowerBound...]), to: "again.sh")
            let again = try await visualgen.shell("PATH=\"$(dirname \"$0\"):$PATH\" sh again.sh")
            #expect(again.status == 0, "\(again.testDescription)")
            #expect(try bytes("a.png") == bytes("output.png"))
        }

        private func kernels(_ name: String) throws -> [String: Int]? {
            let metrics = try JSONSerialization.jsonObject(with: bytes(name)) as? [String: Any]
            return (metrics?["kernels"] as? [String: Any])?["attention"] as? [String: Int]
        }

        @Test(arguments: [
            ("{backend: CUDNN}", "attention_config.backend CUDNN needs device cuda, not cpu"),
            ("{backend: FLASHINFER}", "attention_config.backend FLASHINFER is not available in this build"),
            ("{backend: FA5}", "attention_config.backend must be one of VANILLA"),
            (
                "{backend: CUTEDSL, quant_attention_config: {qk_dtype: mxfp8}}",
                "attention_config.quant_attention_config mxfp8/fp8 (0,0,0) is not available in this build"
            ),
            (
                "{backend: TRTLLM, quant_attention_config: {}}",
                "asks for bf16/fp8 (0,0,0), which backend TRTLLM does not"
            ),
            ("{backend: TRTLLM, exact_steps: {first: 1}}", "attention_config.exact_steps needs quant_attention_config"),
        ])
        func refusesAttentionThatCannotBe(_ config: String, _ sentence: String) async throws {
            let outcome = try await generate("a.png", "--attention-config", config)
            #expect(outcome.status == 64 && !outcome.isKilled)
            #expect(outcome.errors.contains(sentence), "\(outcome.testDescription)")
            #expect(!visualgen.folder.names.contains("a.png"))
        }

        @Test func measuresQuantisedAttention() async throws {
            let config = "{backend: TRTLLM, quant_attention_config: \(Self.int8)}"
            let outcome = try await visualgen(
                "bench", "attention", "--tokens", "64", "--heads", "2", "--runs", "1", "--attention-config", config)
            #expect(outcome.status == 0, "\(outcome.testDescription)")
            #expect(outcome.output.contains("\"attention_config\" : \"\(config)\""))
            let refused = try await visualgen("bench", "product", "--attention-config", config)
            #expect(refused.status != 0 && refused.errors.contains("attention-config"))
        }

        @Test(arguments: [
            ("{quant_algo: NVFP4}", "context_embedder has rows of 20 numbers"),
            ("{quant_algo: FP8, ignore: ['*']}", "quant_config.ignore (\"*\") leaves no layer"),
            ("{quant_algo: FP8, dynamic: false}", "is not quantised, so quant_config.quant_algo FP8 needs dynamic"),
            ("{quant_algo: W4A16_AWQ}", "W4A16_AWQ is not available in this build"),
            ("{quant_algo: FP9}", "quant_config.quant_algo must be one of FP8"),
            ("{quant_algo: FP8, ignore: ['[']}", "quant_config.ignore[0] is no pattern"),
        ])
        func refusesWhatCannotBe(_ config: String, _ sentence: String) async throws {
            let outcome = try await generate("a.png", "--quant-config", config)
            #expect(outcome.status != 0 && !outcome.isKilled)
            #expect(outcome.errors.contains(sentence), "\(outcome.testDescription)")
            #expect(!visualgen.folder.names.contains("a.png"))
        }

        @Test(arguments: [("flux1-fp8", "28 FP8"), ("flux2-mixed", "10 FP8, 4 NVFP4")])
        func inspectsQuantisedCheckpoints(_ name: String, _ layers: String) async throws {
            let copy = try TinyCheckpoint(quantised: name)
            let outcome = try await visualgen("inspect", copy.path)
            #expect(outcome.status == 0, "\(outcome.testDescription)")
            #expect(outcome.output.contains("  quantised layers: \(layers)\n"), "\(outcome.testDescription)")
            try copy.rewriteTensors(of: "transformer") { tensors in
                tensors.removeAll { $0.name == "transformer_blocks.0.attn.to_q.weight_scale" }
            }
            let damaged = try await visualgen("inspect", copy.path)
            #expect(damaged.status != 0)
            #expect(
                damaged.output.contains("transformer_blocks.0.attn.to_q.weight_scale"), "\(damaged.testDescription)")
        }

        @Test func writesAQuantisedCopy() async throws {
            let model = TinyCheckpoint.path()
            let arguments = ["quantize", model, "--algo", "FP8_PER_CHANNEL_PER_TOKEN", "--ignore", "proj_out"]
            let outcome = try await visualgen.run(arguments + ["--ignore", "nothing", "--output", "copy"])
            #expect(outcome.status == 0, "\(outcome.testDescription)")
            #expect(outcome.complaints.contains("visualgen: ignore has nothing, which is no layer's name"))
            #expect(outcome.errors.contains("saved copy\n"))
            let inspected = try await visualgen("inspect", "copy")
            #expect(inspected.status == 0, "\(inspected.testDescription)")
            #expect(inspected.output.contains("FP8_PER_CHANNEL_PER_TOKEN\n"), "\(inspected.testDescription)")
            let again = try await visualgen.run(arguments + ["--output", "copy"])
            #expect(again.status == 73, "\(again.testDescription)")
            #expect(again.errors.contains("copy exists already"))
            let twice = try await visualgen("quantize", "copy", "--algo", "FP8", "--output", "twice")
            #expect(twice.status == 64, "\(twice.testDescription)")
            #expect(twice.errors.contains("copy/transformer are quantised already"))
            #expect(!visualgen.folder.names.contains("twice.partial"))
        }

        @Test func measuresQuantisedLayers() async throws {
            let outcome = try await visualgen.run([
                "bench", "transformer", "--family", "flux.1", "--quant-algo", "NVFP4", "--height", "64", "--width",
                "64",
                "--text-tokens", "8", "--set", "num_layers=1", "--set", "num_single_layers=0", "--set",
                "num_attention_heads=1", "--set", "joint_attention_dim=64", "--runs", "1",
            ])
            #expect(outcome.status == 0, "\(outcome.testDescription)")
            #expect(outcome.output.contains("\"quant_algo\" : \"NVFP4\""))
            let refused = try await visualgen("bench", "product", "--quant-algo", "FP8")
            #expect(refused.status != 0 && refused.errors.contains("quant-algo"))
        }
    }
}

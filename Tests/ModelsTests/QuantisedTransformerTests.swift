import Diffusion
import Layers
import Models
import Tensors
import TestKit
import Testing

/// Whole transformers that ModelOpt exported, against what their bytes stand for in 64 bits.
@DeviceActor @Suite(.serialized) struct QuantisedTransformerTests {
    /// A mode of a golden.
    struct Case: CustomTestStringConvertible, Sendable {
        let name, mode: String
        var isDynamic: Bool { ["dynamic", "token", "block"].contains(mode) }
        var testDescription: String { "\(name) \(mode)" }
    }

    /// Those that can be asked for: of weights alone there are only blocks, and one algorithm is asked for, not two.
    nonisolated static let cases = QuantisedGolden.names.flatMap { name in
        ((try? Golden("quantised/\(name)").names) ?? []).filter { $0.hasPrefix("output.") }
            .map { Case(name: name, mode: String($0.dropFirst("output.".count))) }
            .filter { !["simulated", "unquantised"].contains($0.mode) }
            .filter { $0.mode != "weights" || $0.name.contains("blocks") }
            .filter { !$0.isDynamic || !$0.name.contains("mixed") }
    }

    private func plan(_ test: Case, _ dtype: DType = .float32) -> ComputePlan {
        let asked = test.isDynamic ? QuantizationPlan(QuantisedModel.algorithm(of: test.name)) : nil
        return ComputePlan(dtype: dtype, quantization: asked)
    }

    @Test func hasCasesOfEveryCheckpoint() {
        #expect(Set(Self.cases.map(\.name)) == Set(QuantisedGolden.names))
        #expect(QuantisedGolden.names.count == 14)
        #expect(Self.cases.count == 26)
    }

    /// A number may be rounded to the other side, which is seen; weights alone leave nothing to round.
    @Test(arguments: cases) func agreesWithExactArithmetic(_ test: Case) throws {
        let distance = try QuantisedModel(test.name, test.name, plan(test)).distance(to: test.mode)
        let floor = try QuantisedFloors().moved(test.name, test.mode).output
        #expect(distance <= (test.mode == "weights" ? 1e-5 : max(5e-3, 2 * floor)))
    }

    /// Quantising is seen: what is not quantised is far away.
    @Test(arguments: cases) func isNotWhatItWasBefore(_ test: Case) throws {
        let model = try QuantisedModel(test.name, test.name, plan(test))
        #expect(try model.distance(to: "unquantised") > 1e-2)
    }

    nonisolated static let bases = ["flux1", "flux2", "qwen-image", "ltx2"]

    private func dynamic(_ base: String, _ algorithm: QuantAlgorithm, _ dtype: DType = .float32) throws
        -> QuantisedModel
    {
        let ignored: [String: [String]] = [
            "flux1": ["x_embedder", "context_embedder", "time_text_embed*", "norm_out*", "proj_out"],
            "flux2": [
                "x_embedder", "context_embedder", "time_guidance_embed*", "norm_out*", "*modulation*", "proj_out",
            ],
            "qwen-image": ["img_in", "txt_in", "time_text_embed*", "norm_out*", "proj_out"],
            // What the golden leaves out stays as it is by itself.
            "ltx2": [],
        ]
        let plan = QuantizationPlan(algorithm, ignoring: try #require(ignored[base]))
        return try QuantisedModel(base, "dynamic-\(base)", ComputePlan(dtype: dtype, quantization: plan))
    }

    @Test(arguments: bases, QuantAlgorithm.allCases)
    func agreesWhereItIsQuantisedWhileLoading(_ base: String, _ algorithm: QuantAlgorithm) throws {
        let model = try dynamic(base, algorithm)
        #expect(try model.distance(to: algorithm.rawValue) <= 5e-3)
        #expect(try model.distance(to: "unquantised") > 5e-3)
    }

    /// Rounding of 16 bits moves as much as quantising: no further than twice that.
    @Test(arguments: bases, QuantAlgorithm.allCases)
    func runsIn16Bits(_ base: String, _ algorithm: QuantAlgorithm) throws {
        let bound = [.nvfp4: 0.25, .int8: 0.04][algorithm] ?? 0.11
        #expect(try dynamic(base, algorithm, .bfloat16).distance(to: algorithm.rawValue) <= bound)
    }
}

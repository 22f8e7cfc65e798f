import Diffusion
import Layers
import Models
import Tensors
import TestKit
import Testing

/// LTX-2's transformer in the layout of ModelOpt's exports.
@DeviceActor @Suite(.serialized) struct LTX2ExportTests {
    /// Which layers are quantised: those that are quantised while they are loaded, too; all of the blocks, with the gates of heads,
    /// as NVIDIA's example does it; or all but those that ModelOpt leaves out unasked.
    enum Scope: CaseIterable {
        case usual, blocks, all

        func includes(_ layer: String) -> Bool {
            switch self {
            case .usual: layer.hasPrefix("transformer_blocks.") && !layer.contains("to_gate_logits")
            case .blocks: layer.hasPrefix("transformer_blocks.")
            case .all: !layer.contains("proj_out")
            }
        }
    }

    private enum Form { case exported, widened }

    /// The whole model with an exported transformer, or with the weights that its codes stand for.
    private func copy(
        _ algorithm: QuantAlgorithm, _ scope: Scope, _ form: Form = .exported, inputScale: Float = 1
    ) throws -> TinyCheckpoint {
        let copy = try TinyCheckpoint(quantised: "ltx2")
        var config: [String: Any] = [:]
        try copy.rewriteTensors(of: "transformer") { tensors in
            let export = ModelOptExport(tensors, algorithm, inputScale: inputScale, quantises: scope.includes)
            #expect(export.tensors.count > tensors.count)
            tensors = form == .exported ? export.tensors : export.widened
            config = export.config
        }
        if form == .exported {
            try copy.editJSON("transformer/config.json") { $0["quantization_config"] = config }
        }
        return copy
    }

    private func outputs(_ copy: TinyCheckpoint, _ plan: ComputePlan = ComputePlan()) throws -> [Double] {
        try QuantisedModel("ltx2", "dynamic-ltx2", plan, folder: copy.file("transformer")).outputs().flatMap {
            try $0.to(.float32).floats().map(Double.init)
        }
    }

    /// Weights are those of the codes, and inputs are rounded by the file's scales.
    @Test(arguments: [QuantAlgorithm.fp8, .nvfp4], Scope.allCases)
    func computesWithWhatTheCodesStandFor(_ algorithm: QuantAlgorithm, _ scope: Scope) throws {
        let found = try outputs(copy(algorithm, scope))
        let exact = try outputs(copy(algorithm, scope, .widened))
        let distance = QuantisedModel.distance(found, to: exact)
        // Rounding of inputs moves as much as with the best scales, or twice that.
        let plan = ComputePlan(quantization: QuantizationPlan(algorithm))
        let dynamic = QuantisedModel.distance(try outputs(copy(algorithm, scope), plan), to: exact)
        #expect(distance > 1e-4 && distance < 2 * dynamic, "\(distance) after \(dynamic)")
        let unquantised = QuantisedModel.distance(found, to: try outputs(TinyCheckpoint(quantised: "ltx2")))
        #expect(unquantised > distance, "\(unquantised) after \(distance)")
        // Inputs beyond what the scales hold are cut off there.
        let narrow = QuantisedModel.distance(found, to: try outputs(copy(algorithm, scope, inputScale: 1 / 256)))
        #expect(narrow > 0.2, "\(narrow)")
    }

    /// Where inputs get their scales as they come, it does not matter who quantised the weights.
    @Test(arguments: [QuantAlgorithm.fp8, .nvfp4]) func isWhatLoadingQuantises(_ algorithm: QuantAlgorithm) throws {
        let plan = ComputePlan(quantization: QuantizationPlan(algorithm))
        #expect(try outputs(copy(algorithm, .usual), plan) == outputs(TinyCheckpoint(quantised: "ltx2"), plan))
    }

    @Test(arguments: [QuantAlgorithm.fp8, .nvfp4], Scope.allCases)
    func makesAVideo(_ algorithm: QuantAlgorithm, _ scope: Scope) throws {
        let copy = try copy(algorithm, scope)
        let model = TinyModel(copy)
        #expect(try model.model().quantAlgorithms(ComputePlan()) == [algorithm])
        var request = GenerationRequest(prompts: ["a lake"])
        (request.height, request.width, request.numFrames, request.maxSequenceLength) = (64, 64, 9, 16)
        (request.numInferenceSteps, request.seeds) = (2, [1])
        let base = try TinyCheckpoint(quantised: "ltx2")
        let plain = try TinyModel(base).run(request).0
        #expect(try model.run(request).0 != plain)
        withExtendedLifetime((base, copy)) {}
    }
}

import Diffusion
import Layers
import Models
import Tensors
import TestKit
import Testing

/// Requests to whole models whose transformer ModelOpt exported.
@DeviceActor @Suite(.serialized) struct QuantisedPipelineTests {
    typealias Case = QuantisedTransformerTests.Case

    private func run(_ test: Case, _ request: GenerationRequest) throws -> [String: Trace.Entry] {
        let copy = try TinyCheckpoint(quantised: test.name)
        let asked = test.isDynamic ? QuantizationPlan(QuantisedModel.algorithm(of: test.name)) : nil
        return try TinyModel(copy).run(request, plan: ComputePlan(quantization: asked)).1
    }

    @Test(arguments: QuantisedTransformerTests.cases) func agreesWithTheReferenceAtEveryStep(_ test: Case) throws {
        let golden = try Golden("quantised/\(test.name)")
        let trace = try run(test, GenerationRequest(golden.request()))
        let prefix = "pipeline."
        let names = golden.names.filter { $0.hasPrefix(prefix) && $0.hasSuffix(".\(test.mode)") }
        #expect(names.count == 6)
        let floor = try QuantisedFloors().moved(test.name, test.mode).pipeline
        for name in names {
            let entry = try #require(trace[String(name.dropFirst(prefix.count).dropLast(test.mode.count + 1))])
            let distance = try QuantisedModel.distance(entry.values.map(Double.init), to: golden.tensor(name).doubles)
            #expect(distance <= (test.mode == "weights" ? 1e-4 : max(2e-2, 2 * floor)), "\(name)")
        }
    }
}

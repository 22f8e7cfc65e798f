import Diffusion
import Files
import Layers
import Models
import Tensors
import TestKit
import Testing

/// Weights that wait in the host's memory change nothing of what is made.
@DeviceActor @Suite struct OffloadCompositionTests {
    /// In 16 bits, which files do not hold: numbers in the files' own pages may lie so that products sum in another order.
    private static let plain = ComputePlan(dtype: .bfloat16)
    private static let plan = {
        var plan = plain
        plan.offload = OffloadPlan()
        return plan
    }()

    private func request(_ model: any ModelFamily, seed: UInt64 = 1) throws -> GenerationRequest {
        var request = GenerationRequest(prompts: ["a boat"])
        (request.height, request.width, request.numInferenceSteps, request.seeds) = (64, 64, 2, [seed])
        if model.defaults.numFrames != nil { request.numFrames = 9 }
        if model.defaults.maxSequenceLength ?? 0 > 16, !(model is Cosmos3) { request.maxSequenceLength = 16 }
        return try model.resolve(request)
    }

    private func pixels(_ pipeline: Pipeline, _ request: GenerationRequest) throws -> PixelBatch? {
        let collector = OutputCollector()
        _ = try pipeline.generate(request, observe: { _ in }, trace: nil, deliver: collector.add)
        return collector.pixels
    }

    /// With room for no more than must be on the device at once.
    @Test(arguments: [
        "flux1-tiny-dev", "flux2-tiny-dev", "qwen-image-tiny", "wan2.1-tiny-t2v", "wan2.2-tiny-t2v-a14b", "ltx2-tiny",
        "cosmos3-tiny",
    ])
    func makesTheSameOfEveryFamily(_ name: String) throws {
        let model = try TinyModel(name).model()
        let request = try request(model)
        let forecast = try model.memory(of: request, PipelineOptions(Self.plan))
        let least = forecast.leastPeak
        #expect(try least <= model.memory(of: request, PipelineOptions(Self.plain)).leastPeak)
        let pipeline = try model.load(PipelineOptions(Self.plan, memoryLimit: least))
        let expected = try pixels(model.load(PipelineOptions(Self.plain)), request)
        // The second time the weights come from the host.
        for _ in 0..<2 { #expect(try pixels(pipeline, request) == expected) }
    }

    @Test func hasBlocksOfBothTowersWait() throws {
        let model = try TinyModel("cosmos3-tiny").model()
        let all = try model.memory(of: request(model), PipelineOptions(Self.plan))
        let stage = try #require(all.stages.first { $0.components == ["transformer"] })
        func forecast(_ offload: OffloadPlan?) -> MemoryForecast {
            MemoryForecast(weights: all.weights, stages: [stage], offload: offload)
        }
        let least = forecast(Self.plan.offload).leastPeak
        let saved = forecast(nil).leastPeak - least
        #expect(saved > 0)
        #expect(all.offloaded(in: stage, limit: least) == ["transformer": saved])
        #expect(all.offloaded(in: stage, limit: all.peakKeepingAll) == nil)
    }

    /// A larger request leaves less room for weights than the one before.
    @Test func makesRoomForALargerRequest() throws {
        let model = try TinyModel("flux1-tiny-dev").model()
        let small = try request(model)
        var large = small
        (large.height, large.width) = (160, 160)
        let limit = try model.memory(of: large, PipelineOptions(Self.plan)).leastPeak
        let pipeline = try model.load(PipelineOptions(Self.plan, memoryLimit: limit))
        let free = try model.load(PipelineOptions(Self.plain))
        for request in [small, large, small] { #expect(try pixels(pipeline, request) == pixels(free, request)) }
    }

    @Test func refusesWeightsThatTheHostHasNoRoomFor() throws {
        let model = try TinyModel("flux1-tiny-dev").model()
        let context = ComputeContext(Self.plan)
        let residency = try Residency(model.open(context).components, limit: 1, context, hostMemory: 1000)
        let forecast = try model.memory(of: request(model), PipelineOptions(Self.plan))
        let error = try #require(throws: OffloadError.self) { try residency.prepare(for: forecast, observe: { _ in }) }
        #expect("\(error)".hasPrefix("cpu_offload_config.enable: the weights take about "))
        #expect(error.blame == .memory)
    }
}

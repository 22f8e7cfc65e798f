import Diffusion
import Layers
import Models
import Tensors
import TestKit
import Testing

/// Whole models with quantised attention.
@DeviceActor @Suite(.serialized) struct QuantisedAttentionTests {
    /// What rounds queries, keys and values.
    struct Recipe: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let quantization: AttentionQuantization

        static let all =
            [1, 4, 16].map { Recipe("int8 \($0)", AttentionQuantization(.int8, keyBlock: $0)) }
            + [1, 4].map { Recipe("fp8 \($0)", AttentionQuantization(.fp8, keyBlock: $0)) }
            + [Recipe("bf16", AttentionQuantization(.unrounded, valueChannels: false))]

        private init(_ name: String, _ quantization: AttentionQuantization) {
            (testDescription, self.quantization) = (name, quantization)
        }

        func plan(_ dtype: DType = .float32, _ change: (inout AttentionQuantization) -> Void = { _ in }) -> ComputePlan
        {
            var quantization = quantization
            change(&quantization)
            return ComputePlan(dtype: dtype, attention: AttentionPlan(quantization: quantization))
        }
    }

    nonisolated static let models = ["flux1-tiny-dev", "flux2-tiny-klein", "qwen-image-tiny", "wan2.1-tiny-t2v"]

    private func request(_ model: String, _ prompts: [String] = ["a lake"]) -> GenerationRequest {
        var request = GenerationRequest(prompts: prompts)
        (request.height, request.width, request.numInferenceSteps) = (64, 64, 4)
        (request.seeds, request.maxSequenceLength) = (prompts.indices.map { UInt64($0 + 3) }, 32)
        if model.hasPrefix("wan") { request.numFrames = 5 }
        return request
    }

    private func run(_ model: String, _ request: GenerationRequest, _ plan: ComputePlan) throws
        -> (latents: [Double], pixels: PixelBatch, kernels: [String: Int])
    {
        let model = try TinyModel(model).model()
        let (trace, collector) = (Trace(), OutputCollector())
        let times = try model.load(PipelineOptions(plan)).generate(
            model.resolve(request), observe: { _ in }, trace: trace, deliver: collector.add)
        let last = try #require(trace.entries.last { $0.name.hasPrefix("latents.step") })
        return (last.values.map(Double.init), try #require(collector.pixels), times.kernels.attention)
    }

    /// Measured: 0.7 to 1.5 % for FLUX.1 and Wan, 1.1 to 1.9 % for FLUX.2, 3.5 to 5.9 % for Qwen-Image with its guidance.
    @Test(arguments: models, Recipe.all)
    func isNearExactAttention(_ model: String, _ recipe: Recipe) throws {
        let request = request(model)
        let (exact, quantised) = (try run(model, request, ComputePlan()), try run(model, request, recipe.plan()))
        let distance = QuantisedModel.distance(quantised.latents, to: exact.latents)
        #expect(distance > 1e-3 && distance <= (model.hasPrefix("qwen") ? 0.08 : 0.03), "\(distance)")
        #expect(exact.kernels.keys.sorted() == ["tiled"])
        #expect((quantised.kernels[recipe.quantization.kernelName] ?? 0) > 0)
        #expect(quantised.kernels.values.reduce(0, +) == exact.kernels["tiled"])
    }

    /// With all steps, or all layers, left exact nothing is rounded; with some of them, less.
    @Test(arguments: models) func leavesStepsAndLayersExact(_ model: String) throws {
        let recipe = Recipe.all[5]
        let request = request(model)
        let (exact, quantised) = (try run(model, request, ComputePlan()), try run(model, request, recipe.plan()))
        let kernel = recipe.quantization.kernelName
        for (first, last) in [(4, 0), (0, 4), (2, 2), (9, 9)] {
            let found = try run(
                model, request, recipe.plan { ($0.firstExactSteps, $0.lastExactSteps) = (first, last) })
            #expect(found.latents == exact.latents && found.pixels == exact.pixels && found.kernels == exact.kernels)
        }
        #expect(try run(model, request, recipe.plan { $0.exactLayers = ["*"] }).latents == exact.latents)
        let half = try run(model, request, recipe.plan { ($0.firstExactSteps, $0.lastExactSteps) = (1, 1) })
        #expect(half.kernels[kernel] == quantised.kernels[kernel].map { $0 / 2 })
        #expect(half.latents != exact.latents && half.latents != quantised.latents)
    }

    @Test(arguments: ["flux1-tiny-dev", "flux2-tiny-klein"], Recipe.all)
    func makesEachImageOfABatchAsIfAlone(_ model: String, _ recipe: Recipe) throws {
        let request = request(model, ["a lake", "a dog"])
        let both = try run(model, request, recipe.plan()).pixels
        for index in 0..<2 {
            var one = request
            (one.prompts, one.seeds) = ([request.prompts[index]], [request.seeds[index]])
            let alone = try run(model, one, recipe.plan()).pixels
            #expect(Array(both.bytes[index * alone.bytes.count..<(index + 1) * alone.bytes.count]) == alone.bytes)
        }
    }

    @Test(arguments: [DType.bfloat16, .float16]) func runsIn16Bits(_ dtype: DType) throws {
        let model = "flux1-tiny-dev"
        let exact = try run(model, request(model), ComputePlan()).latents
        let plain = try run(model, request(model), ComputePlan(dtype: dtype)).latents
        let quantised = try run(model, request(model), Recipe.all[2].plan(dtype)).latents
        let rounding = QuantisedModel.distance(plain, to: exact)
        #expect(quantised != plain)
        #expect(QuantisedModel.distance(quantised, to: exact) <= rounding + 0.02)
    }

    /// Only patterns that mean an attention have an effect; the others are told.
    @Test func namesPatternsOfNoAttention() throws {
        let model = try TinyModel().model()
        var quantization = AttentionQuantization(.int8)
        quantization.exactLayers = ["transformer_blocks.0.*", "nothing.*", "single_transformer_blocks.?.attn"]
        #expect(try model.idlePatterns(quantization) == ["nothing.*"])
    }
}

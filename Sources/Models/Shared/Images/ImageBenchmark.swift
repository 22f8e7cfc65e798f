internal import Diffusion
internal import Layers
internal import Tensors

/// What the benchmarks of models of images run on: eight pixels a latent, four latents a token.
struct ImageBenchmark {
    let grid: PatchGrid
    let textTokens: Int
    private let source: NoiseSource
    private let plan: ComputePlan

    init(_ shape: BenchmarkShape, _ plan: ComputePlan) throws {
        (self.plan, textTokens) = (plan, shape.textTokens)
        grid = PatchGrid([1, shape.height / 8, shape.width / 8], patch: [1, 2, 2])
        source = try NoiseSource(seeds: [0], count: shape.batch)
    }

    /// Random numbers of the plan's type, `[batch] + shape`.
    func drawn(_ shape: [Int]) throws(TensorError) -> Tensor { try source.draw(shape).to(plan.dtype, on: plan.device) }

    /// Random tokens as an autoencoder decodes them, `[batch, tokens, channels]`.
    func tokens(channels: Int) throws(TensorError) -> Tensor {
        try source.draw([grid.tokens, channels]).to(on: plan.device)
    }
}

extension ImageFamily {
    package static func transformerBenchmark(
        _ shape: BenchmarkShape, _ options: PipelineOptions, _ context: ComputeContext
    ) throws -> Benchmark {
        let plan = context.plan
        var changes = benchmarkConfig.merging(shape.config) { $1 }
        let guidance = changes.removeValue(forKey: "guidance_embeds")
        var config = try Parts.Denoiser.Config.defaults(changing: changes)
        if let guidance { config.guidanceEmbeds = guidance != 0 }
        try config.validate()
        let image = try ImageBenchmark(shape, plan)
        let transformer = try context.making { try Parts.Denoiser(Weights(RandomWeights(), context), config) }
        var request = GenerationRequest(prompts: [])
        request.guidanceScale = 3.5
        let conditions = try ImageConditions(
            request: request, latents: image.drawn([image.grid.tokens, config.inChannels]), references: nil,
            grids: [image.grid], prompts: [benchmarkPrompt(image, config)], timesteps: [noiseTimestep / 2],
            device: plan.device)
        var input = try inputs(of: transformer, conditions)[0]
        input.timestep = noiseTimestep / 2
        return try Benchmark(
            of: transformer, input,
            operations: config.operations(batch: shape.batch, text: image.textTokens, image: image.grid.tokens),
            branches: shape.branches, options.stepCache, context)
    }

    package static func decoderBenchmark(
        _ shape: BenchmarkShape, _ context: ComputeContext
    ) throws -> Benchmark {
        let config = try Parts.Autoencoder.Config.published(changing: shape.config)
        let vae = try Parts.Autoencoder(Weights(RandomWeights(), context), config)
        let image = try ImageBenchmark(shape, context.plan)
        let tokens = try image.tokens(channels: 4 * config.latentChannels)
        return Benchmark(operations: 0) { _ = try vae.pixels(of: tokens, image.grid) }
    }
}

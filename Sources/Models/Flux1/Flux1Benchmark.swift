package import Diffusion
internal import Layers
internal import Tensors

extension Flux1 {
    package static func benchmark(_ part: BenchmarkPart, _ shape: BenchmarkShape, _ options: PipelineOptions) throws
        -> Benchmark
    {
        switch part {
        case .transformer: try transformerBenchmark(shape, options)
        case .decoder: try decoderBenchmark(shape, options.plan)
        }
    }

    private static func transformerBenchmark(_ shape: BenchmarkShape, _ options: PipelineOptions) throws -> Benchmark {
        let plan = options.plan
        var changes = shape.config
        let guidance = changes.removeValue(forKey: "guidance_embeds") ?? 1
        var config = try TransformerConfig.defaults(changing: changes)
        config.guidanceEmbeds = guidance != 0
        let transformer = try Transformer(Weights(RandomWeights(), plan: plan), config)
        let grid = Grid(rows: shape.height / 16, columns: shape.width / 16)
        let source = try NoiseSource(seeds: [0], count: shape.batch)
        let input = try transformer.prepared(
            Transformer.Input(
                latents: try source.draw([grid.rows * grid.columns, config.inChannels]).to(plan.dtype, on: plan.device),
                prompt: try source.draw([shape.textTokens, config.jointAttentionDim]).to(plan.dtype, on: plan.device),
                pooledPrompt: try source.draw([config.pooledProjectionDim]).to(plan.dtype, on: plan.device),
                timestep: 500,
                guidance: 3.5,
                rotary: try grid.rotary(
                    textTokens: shape.textTokens, widths: config.axesDimsRope, on: plan.device)))
        let operations = config.operations(
            batch: shape.batch, text: shape.textTokens, image: grid.rows * grid.columns)
        let predict = StepPredictor(transformer, options.stepCache, steps: 0..<Int.max)
        return Benchmark(operations: operations) { _ = try predict([input]) }
    }

    private static func decoderBenchmark(_ shape: BenchmarkShape, _ plan: ComputePlan) throws -> Benchmark {
        var config = try AutoencoderKLConfig.defaults(changing: shape.config)
        config.blockOutChannels = [128, 256, 512, 512]
        (config.downBlockTypes, config.upBlockTypes) = (
            Array(repeating: "DownEncoderBlock2D", count: 4), Array(repeating: "UpDecoderBlock2D", count: 4)
        )
        (config.layersPerBlock, config.latentChannels) = (2, 16)
        (config.useQuantConv, config.usePostQuantConv) = (false, false)
        let vae = try AutoencoderKL(Weights(RandomWeights(), plan: plan), config)
        let latents = try NoiseSource(seeds: [0], count: shape.batch)
            .draw([config.latentChannels, shape.height / 8, shape.width / 8]).to(plan.dtype, on: plan.device)
        return Benchmark(operations: 0) { _ = try vae.decode(latents) }
    }
}

extension Flux1.TransformerConfig {
    /// Floating point operations of the blocks' products and attention: of the text's tokens, the last block takes nothing
    /// but keys and values.
    fileprivate func operations(batch: Int, text: Int, image: Int) -> Double {
        let tokens = Double(text + image)
        let area = Double(width * width)
        let products = 2 * tokens * area * (12 * Double(numLayers) + 12 * Double(numSingleLayers))
        let attention = 4 * tokens * tokens * Double(width) * Double(numLayers + numSingleLayers)
        let leftOut = numSingleLayers > 0 ? Double(text) * (2 * area * 10 + 4 * tokens * Double(width)) : 0
        return Double(batch) * (products + attention - leftOut)
    }
}

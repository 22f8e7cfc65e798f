package import Diffusion
internal import Layers
internal import Tensors

extension QwenImage {
    package static func transformerBenchmark(_ shape: BenchmarkShape, _ options: PipelineOptions) throws -> Benchmark {
        let plan = options.plan
        let config = try TransformerConfig.defaults(changing: shape.config)
        let grid = PatchGrid([1, shape.height / 8, shape.width / 8], patch: [1, 2, 2])
        let source = try NoiseSource(seeds: [0], count: shape.batch)
        func drawn(_ shape: [Int]) throws -> Tensor { try source.draw(shape).to(plan.dtype, on: plan.device) }
        return try Benchmark(
            of: Transformer(Weights(RandomWeights(), plan: plan), config),
            Transformer.Input(
                latents: drawn([grid.tokens, config.inChannels]),
                prompt: drawn([shape.textTokens, config.jointAttentionDim]), textMask: nil, timestep: 0.5,
                rotary: config.rotary(textTokens: shape.textTokens, grid, on: plan.device)),
            operations: config.operations(batch: shape.batch, text: shape.textTokens, image: grid.tokens),
            options.stepCache)
    }
}

extension QwenImage.TransformerConfig {
    /// Floating point operations of the blocks' products and attention.
    fileprivate func operations(batch: Int, text: Int, image: Int) -> Double {
        let (tokens, width) = (Double(text + image), Double(width))
        return Double(batch * numLayers) * (24 * tokens * width * width + 4 * tokens * tokens * width)
    }
}

package import Diffusion
package import Layers
internal import Tensors

extension QwenImage {
    package static func transformerBenchmark(_ shape: BenchmarkShape, _ options: PipelineOptions) throws -> Benchmark {
        let plan = options.plan
        let config = try TransformerConfig.defaults(changing: shape.config)
        let image = try ImageBenchmark(shape, plan)
        return try Benchmark(
            of: Transformer(Weights(RandomWeights(), plan: plan), config),
            Transformer.Input(
                latents: image.drawn([image.grid.tokens, config.inChannels]),
                prompt: image.drawn([shape.textTokens, config.jointAttentionDim]), textMask: nil, timestep: 0.5,
                rotary: config.rotary(textTokens: shape.textTokens, [image.grid], on: plan.device),
                modulations: Transformer.Modulations(of: [0.5])),
            operations: config.operations(batch: shape.batch, text: shape.textTokens, image: image.grid.tokens),
            options.stepCache)
    }

    package static func decoderBenchmark(_ shape: BenchmarkShape, _ plan: ComputePlan) throws -> Benchmark {
        let config = try AutoencoderKLWanConfig.defaults(changing: shape.config)
        let vae = try AutoencoderKLWan(Weights(RandomWeights(), plan: plan), config)
        let latents = try ImageBenchmark(shape, plan).latents(config.zDim).unsqueezed(2)
        return Benchmark(operations: 0) { _ = try vae.image(normalised: latents) }
    }
}

extension QwenImage.TransformerConfig {
    /// Floating point operations of the blocks' products and attention.
    fileprivate func operations(batch: Int, text: Int, image: Int) -> Double {
        let (tokens, width) = (Double(text + image), Double(width))
        return Double(batch * numLayers) * (24 * tokens * width * width + 4 * tokens * tokens * width)
    }
}

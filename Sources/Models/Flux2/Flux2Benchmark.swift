package import Diffusion
package import Layers
internal import Tensors

extension Flux2 {
    package static func transformerBenchmark(_ shape: BenchmarkShape, _ options: PipelineOptions) throws -> Benchmark {
        let plan = options.plan
        var changes = shape.config
        let guidance = changes.removeValue(forKey: "guidance_embeds") ?? 1
        var config = try TransformerConfig.defaults(changing: changes)
        config.guidanceEmbeds = guidance != 0
        let image = try ImageBenchmark(shape, plan)
        return try Benchmark(
            of: Transformer(Weights(RandomWeights(), plan: plan), config),
            Transformer.Input(
                latents: image.drawn([image.grid.tokens, config.inChannels]),
                prompt: image.drawn([shape.textTokens, config.jointAttentionDim]), timestep: 500, guidance: 3.5,
                rotary: config.rotary(textTokens: shape.textTokens, [image.grid], on: plan.device)),
            operations: config.operations(batch: shape.batch, text: shape.textTokens, image: image.grid.tokens),
            options.stepCache)
    }

    package static func decoderBenchmark(_ shape: BenchmarkShape, _ plan: ComputePlan) throws -> Benchmark {
        let config = try AutoencoderKLFlux2Config.defaults(changing: shape.config)
        let vae = try AutoencoderKLFlux2(Weights(RandomWeights(), plan: plan), config)
        let latents = try ImageBenchmark(shape, plan).latents(config.latentChannels)
        return Benchmark(operations: 0) { _ = try vae.decode(latents) }
    }
}

extension Flux2.TransformerConfig {
    /// Floating point operations of the blocks' products and attention: the last block takes the text's tokens through its
    /// first product alone.
    fileprivate func operations(batch: Int, text: Int, image: Int) -> Double {
        let (tokens, width, inner) = (Double(text + image), Double(width), Double(inner))
        let products = 2 * tokens * width * (4 * width + 3 * inner) * Double(numLayers + numSingleLayers)
        let attention = 4 * tokens * tokens * width * Double(numLayers + numSingleLayers)
        let leftOut =
            numSingleLayers > 0 ? Double(text) * (2 * width * (width + inner) + 4 * tokens * width) : 0
        return Double(batch) * (products + attention - leftOut)
    }
}

package import Diffusion
package import Layers
internal import Tensors

extension Flux1 {
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
                prompt: image.drawn([shape.textTokens, config.jointAttentionDim]),
                pooledPrompt: image.drawn([config.pooledProjectionDim]), timestep: 500, guidance: 3.5,
                rotary: image.grid.rotary(after: shape.textTokens, widths: config.axesDimsRope, on: plan.device)),
            operations: config.operations(batch: shape.batch, text: shape.textTokens, image: image.grid.tokens),
            options.stepCache)
    }

    package static func decoderBenchmark(_ shape: BenchmarkShape, _ plan: ComputePlan) throws -> Benchmark {
        var config = try AutoencoderKLConfig.defaults(changing: shape.config)
        config.blockOutChannels = [128, 256, 512, 512]
        config.downBlockTypes = Array(repeating: "DownEncoderBlock2D", count: 4)
        config.upBlockTypes = Array(repeating: "UpDecoderBlock2D", count: 4)
        (config.layersPerBlock, config.latentChannels) = (2, 16)
        (config.useQuantConv, config.usePostQuantConv) = (false, false)
        let vae = try AutoencoderKL(Weights(RandomWeights(), plan: plan), config)
        let latents = try ImageBenchmark(shape, plan).latents(config.latentChannels)
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

package import Diffusion
package import Layers
internal import Tensors

extension Cosmos3 {
    /// Cosmos3-Nano's denoiser, without sound.
    package static func transformerBenchmark(
        _ shape: BenchmarkShape, _ options: PipelineOptions, _ context: ComputeContext
    ) throws -> Benchmark {
        let plan = context.plan
        let config = try TransformerConfig.defaults(changing: shape.config)
        let size = OutputSize(height: shape.height, width: shape.width, frames: shape.numFrames ?? 189)
        let latents = [((size.frames ?? 1) - 1) / 4 + 1, size.height / 16, size.width / 16]
        let source = try NoiseSource(seeds: [0], count: shape.batch)
        let ids = (0..<max(shape.textTokens, 1)).map { Int32($0 * 7919 % config.vocabSize) }
        let prompt = Prompt(ids)
        return try Benchmark(
            of: context.making { try Transformer(Weights(RandomWeights(), context), config) },
            Transformer.Input(
                video: source.draw([config.latentChannel] + latents).to(on: plan.device),
                prompts: Array(repeating: prompt, count: shape.batch), rate: 24, timestep: 500),
            operations: config.operations(batch: shape.batch, text: ids.count, tokens: config.grid(latents).tokens),
            branches: shape.branches, options.stepCache, context)
    }

    /// The autoencoder of Cosmos3's videos, which is Wan 2.2's.
    package static func decoderBenchmark(_ shape: BenchmarkShape, _ context: ComputeContext) throws -> Benchmark {
        let config = try AutoencoderKLWanConfig.wan22(changing: shape.config)
        let vae = try AutoencoderKLWan(Weights(RandomWeights(), context), config)
        let size = OutputSize(height: shape.height, width: shape.width, frames: shape.numFrames ?? 17)
        let latents = try NoiseSource(seeds: [0], count: shape.batch)
            .draw([config.zDim] + config.latentSize(size)).to(on: context.plan.device)
        return Benchmark(operations: 0) { try vae.decode(normalised: latents) { _ in } }
    }
}

extension AutoencoderKLWanConfig {
    /// The config of Wan 2.2's, whose latents are not moved.
    fileprivate static func wan22(changing changes: [String: Int]) throws(ConfigFault) -> Self {
        var config = try defaults(changing: changes)
        (config.baseDim, config.decoderBaseDim, config.zDim, config.isResidual) = (160, 256, 48, true)
        (config.inChannels, config.outChannels, config.patchSize, config.scaleFactorSpatial) = (12, 12, 2, 16)
        config.latentsMean = Array(repeating: 0, count: config.zDim)
        config.latentsStd = Array(repeating: 1, count: config.zDim)
        try config.validate()
        return config
    }
}

extension Cosmos3.TransformerConfig {
    /// Floating point operations of the blocks' products and attention.
    fileprivate func operations(batch: Int, text: Int, tokens: Int) -> Double {
        let (width, tokens) = (Double(hiddenSize), Double(tokens))
        let weights = width * Double(2 * queryWidth + 2 * keyWidth + 3 * intermediateSize)
        let attention = 4 * Double(queryWidth) * tokens * (tokens + Double(text))
        return Double(batch * numHiddenLayers) * (2 * weights * tokens + attention)
    }
}

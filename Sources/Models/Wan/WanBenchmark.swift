package import Diffusion
package import Layers
internal import Tensors

extension Wan {
    /// Wan2.1-T2V-1.3B's denoiser.
    package static func transformerBenchmark(
        _ shape: BenchmarkShape, _ options: PipelineOptions, _ context: ComputeContext
    ) throws -> Benchmark {
        let plan = context.plan
        let published = ["num_layers": 30, "num_attention_heads": 12, "ffn_dim": 8960]
        let config = try TransformerConfig.defaults(changing: published.merging(shape.config) { $1 })
        let size = AutoencoderKLWanConfig().latentSize(shape.videoSize)
        let grid = PatchGrid(size, patch: config.patchSize)
        let source = try NoiseSource(seeds: [0], count: shape.batch)
        return try Benchmark(
            of: context.making { try Transformer(Weights(RandomWeights(), context), config) },
            Transformer.Input(
                latents: source.draw([config.inChannels] + size).to(on: plan.device),
                prompt: source.draw([shape.textTokens, config.textDim]).to(plan.dtype, on: plan.device),
                timesteps: [500], rotary: grid.rotary(widths: config.rotaryWidths, on: plan.device)),
            operations: config.operations(batch: shape.batch, text: shape.textTokens, video: grid.tokens),
            branches: shape.branches, options.stepCache, context)
    }

    /// The autoencoder of Wan 2.1.
    package static func decoderBenchmark(
        _ shape: BenchmarkShape, _ context: ComputeContext
    ) throws -> Benchmark {
        let config = try AutoencoderKLWanConfig.defaults(changing: shape.config)
        let vae = try AutoencoderKLWan(Weights(RandomWeights(), context), config)
        let latents = try NoiseSource(seeds: [0], count: shape.batch)
            .draw([config.zDim] + config.latentSize(shape.videoSize)).to(on: context.plan.device)
        return Benchmark(operations: 0) { try vae.decode(normalised: latents) { _ in } }
    }
}

extension BenchmarkShape {
    fileprivate var videoSize: OutputSize { OutputSize(height: height, width: width, frames: numFrames ?? 17) }
}

extension Wan.TransformerConfig {
    /// Floating point operations of the blocks' products and attention.
    fileprivate func operations(batch: Int, text: Int, video: Int) -> Double {
        let projected = Double(keepsKeys(ofText: text, video: video) ? 0 : text)
        let (text, video, width) = (Double(text), Double(video), Double(width))
        let products = 2 * width * (video * (6 * width + 2 * Double(ffnDim)) + projected * 2 * width)
        let attention = 4 * width * video * (video + text)
        return Double(batch) * Double(numLayers) * (products + attention)
    }
}

package import Diffusion
package import Layers
internal import Tensors

extension LTX2 {
    /// LTX-2's denoiser, with the sound of a video of 24 frames a second.
    package static func transformerBenchmark(
        _ shape: BenchmarkShape, _ options: PipelineOptions, _ context: ComputeContext
    ) throws -> Benchmark {
        let (plan, rate) = (context.plan, 24.0)
        let config = try TransformerConfig.read(
            (shape.config as [String: Any]).merging(["rope_type": "split"] as [String: Any]) { own, _ in own },
            allowingUnknown: false
        ).0
        let size = OutputSize(height: shape.height, width: shape.width, frames: shape.numFrames ?? 121)
        let latents = LatentSize(
            size, rate: rate, AutoencoderKLLTX2VideoConfig(), AutoencoderKLLTX2AudioConfig())
        let source = try NoiseSource(seeds: [0], count: shape.batch)
        func draw(_ tokens: Int, _ width: Int, _ dtype: DType = .float32) throws -> Tensor {
            try source.draw([tokens, width]).to(dtype, on: plan.device)
        }
        return try Benchmark(
            of: context.making { try Transformer(Weights(RandomWeights(), context), config) },
            Transformer.Input(
                video: draw(latents.tokens, config.inChannels), audio: draw(latents.length, config.audioInChannels),
                videoText: draw(shape.textTokens, config.captionChannels, plan.dtype),
                audioText: draw(shape.textTokens, config.captionChannels, plan.dtype),
                size: [latents.frames, latents.rows, latents.columns], rate: rate, timesteps: [500], timestep: 500),
            operations: config.operations(batch: shape.batch, text: shape.textTokens, latents),
            branches: shape.branches, options.stepCache, context)
    }

    /// The autoencoder of LTX-2's videos.
    package static func decoderBenchmark(_ shape: BenchmarkShape, _ context: ComputeContext) throws -> Benchmark {
        let config = try AutoencoderKLLTX2VideoConfig.read(
            (shape.config as [String: Any]).merging(["decoder_causal": false] as [String: Any]) { own, _ in own },
            allowingUnknown: false
        ).0
        let vae = try AutoencoderKLLTX2Video(Weights(RandomWeights(), context), config)
        let size = OutputSize(height: shape.height, width: shape.width, frames: shape.numFrames ?? 17)
        let latents = try NoiseSource(seeds: [0], count: shape.batch)
            .draw([config.latentChannels] + config.latentSize(size)).to(on: context.plan.device)
        return Benchmark(operations: 0) { try vae.decode(normalised: latents) { _ in } }
    }
}

extension LTX2.TransformerConfig {
    /// Floating point operations of the blocks' products and attention.
    fileprivate func operations(batch: Int, text: Int, _ size: LTX2.LatentSize) -> Double {
        let (video, audio, text) = (Double(size.tokens), Double(size.length), Double(text))
        let (wide, narrow) = (Double(width), Double(audioWidth))
        // Of self attention, of attention to the prompt and of the feed-forward layer.
        func stream(_ tokens: Double, _ width: Double) -> Double {
            2 * width * width * (tokens * (4 + 2 + 8) + text * 2) + 4 * width * tokens * (tokens + text)
        }
        // Queries and results at a stream's width, keys and values of the other; all heads at the sound's.
        let joined = 2 * (4 * wide * narrow * video + 4 * narrow * narrow * audio) + 8 * narrow * video * audio
        return Double(batch) * Double(numLayers) * (stream(video, wide) + stream(audio, narrow) + joined)
    }
}

package import Diffusion
internal import Layers
internal import Tensors

extension Wan {
    /// What `visualgen bench` times: Wan2.1-T2V-1.3B's denoiser, and the autoencoder of 2.1.
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
        let published = ["num_layers": 30, "num_attention_heads": 12, "ffn_dim": 8960]
        let config = try TransformerConfig.defaults(changing: published.merging(shape.config) { $1 })
        let transformer = try Transformer(Weights(RandomWeights(), plan: plan), config)
        let size = LatentSize(shape, AutoencoderKLWanConfig())
        let grid = Grid(frames: size.frames, height: size.height, width: size.width, config)
        let source = try NoiseSource(seeds: [0], count: shape.batch)
        let input = try transformer.prepared(
            Transformer.Input(
                latents: try source.draw([config.inChannels, size.frames, size.height, size.width])
                    .to(on: plan.device),
                prompt: try source.draw([shape.textTokens, config.textDim]).to(plan.dtype, on: plan.device),
                timesteps: [500],
                rotary: try grid.rotary(headWidth: config.attentionHeadDim, on: plan.device)))
        let operations = config.operations(batch: shape.batch, text: shape.textTokens, video: grid.tokens)
        let predict = StepPredictor(transformer, options.stepCache, steps: 0..<Int.max)
        return Benchmark(operations: operations) { _ = try predict([input]) }
    }

    private static func decoderBenchmark(_ shape: BenchmarkShape, _ plan: ComputePlan) throws -> Benchmark {
        let config = try AutoencoderKLWanConfig.defaults(changing: shape.config)
        let vae = try AutoencoderKLWan(Weights(RandomWeights(), plan: plan), config)
        let size = LatentSize(shape, config)
        let latents = try NoiseSource(seeds: [0], count: shape.batch)
            .draw([config.zDim, size.frames, size.height, size.width]).to(on: plan.device)
        return Benchmark(operations: 0) { try vae.decode(normalised: latents) { _ in } }
    }

    /// The latents of a benchmark's video.
    private struct LatentSize {
        let frames, height, width: Int

        init(_ shape: BenchmarkShape, _ config: AutoencoderKLWanConfig) {
            frames = config.latentFrames(shape.numFrames ?? 17)
            (height, width) = (shape.height / config.scaleFactor, shape.width / config.scaleFactor)
        }
    }
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

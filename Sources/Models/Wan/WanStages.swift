internal import Diffusion
internal import Layers
internal import Tensors

extension Wan {
    /// The parts of a request, with what each holds in memory.
    struct Stages {
        let text: MemoryStage
        /// Of the image encoder, and of the autoencoder; nil if the request has no image.
        let look, condition: MemoryStage?
        /// Of both transformers; nil for one that takes no step.
        let denoise, denoise2: MemoryStage?
        let decode: MemoryStage

        /// - Parameters:
        ///   - request: a resolved request
        ///   - components: the model's
        ///   - experts: which transformer takes which steps
        ///   - options: how the model is opened
        init(_ request: GenerationRequest, _ components: Parts, _ experts: Experts, _ options: PipelineOptions) {
            let plan = options.plan
            let decoder = components.vae.plan(plan)
            let (config, vae) = (components.transformer.config, components.vae.config)
            let count = max(request.outputCount, 1)
            let outputs = MemorySize(count)
            let length = request.maxSequenceLength ?? 0
            let size = VideoSize(request)
            // The states of prompts and negative prompts, which outlive their stage, and their copies for every video.
            let prompts = 4 * outputs * length * config.textDim * plan.dtype.size
            let area = MemorySize(size.height / vae.scaleFactor) * (size.width / vae.scaleFactor)
            let latents = area * vae.latentFrames(size.frames)
            // Latents, prediction, what the scheduler remembers, and what images add.
            let kept = prompts + 8 * outputs * latents * config.inChannels * DType.float32.size
            let coding = vae.decodingBytes(
                batch: count, frames: size.frames, height: size.height, width: size.width, dtype: decoder.dtype,
                tiling: Wan.tiling(of: request, vae))
            text = MemoryStage(
                [components.textEncoder.name],
                activations: prompts
                    + components.textEncoder.config.activationBytes(
                        texts: max(request.prompts.count, request.negativePrompts.count), tokens: length, plan.dtype))
            look = components.imageEncoder.map {
                MemoryStage([$0.name], activations: prompts + $0.config.activationBytes(images: 2, $0.plan(plan).dtype))
            }
            // Nothing in the encoder is larger than its mirror image in the decoder.
            let encoding = vae.decodingBytes(
                batch: 1, frames: size.frames, height: size.height, width: size.width, dtype: decoder.dtype)
            condition =
                request.images.isEmpty
                ? nil : MemoryStage([components.vae.name], activations: kept + encoding + 4 * size.frameBytes)
            let tokens = latents / config.patchSize[1] / config.patchSize[2]
            let isShown = request.previews > 0
            let still = vae.decodingBytes(
                batch: count, frames: 1, height: size.height, width: size.width, dtype: decoder.dtype,
                tiling: Wan.tiling(of: request, vae))
            let held =
                outputs * (options.stepCache?.heldStreams(branches: 2) ?? 0) * tokens * config.width
                * DType.float32.size
            let step =
                kept + held + config.activationBytes(outputs: outputs, text: length, video: tokens, plan.dtype)
                + config.keptKeyBytes(outputs: outputs, text: length, video: tokens, plan.dtype)
                + (isShown ? still : 0)
            func denoising(_ transformer: String) -> MemoryStage {
                MemoryStage([transformer] + (isShown ? [components.vae.name] : []), activations: step)
            }
            denoise = experts.boundary > 0 ? denoising(components.transformer.name) : nil
            denoise2 =
                experts.boundary < experts.count ? components.transformer2.map { denoising($0.name) } : nil
            decode = MemoryStage([components.vae.name], activations: kept + coding + 8 * outputs * size.frameBytes)
        }

        /// In the order they run.
        var all: [MemoryStage] { [text, look, condition, denoise, denoise2, decode].compactMap { $0 } }
    }
}

extension Wan {
    /// How the decoder divides a request's videos: in the order that needs less memory.
    ///
    /// - Parameters:
    ///   - request: a resolved request
    ///   - config: the autoencoder's
    /// - Returns: nil if they are decoded whole
    static func tiling(of request: GenerationRequest, _ config: AutoencoderKLWanConfig) -> VideoTiling? {
        guard request.extra["vae_tiling"]?.flag == true else { return nil }
        let size = VideoSize(request)
        func bytes(_ tiling: VideoTiling) -> MemorySize {
            config.decodingBytes(
                batch: 1, frames: size.frames, height: size.height, width: size.width, dtype: .float32, tiling: tiling)
        }
        var (frames, tiles) = (VideoTiling(), VideoTiling())
        (frames.order, tiles.order) = (.frames, .tiles)
        return bytes(tiles) < bytes(frames) ? tiles : frames
    }
}

/// The size of a request's videos.
fileprivate struct VideoSize {
    let height, width, frames: Int

    init(_ request: GenerationRequest) {
        (height, width, frames) = (request.height ?? 0, request.width ?? 0, request.numFrames ?? 1)
    }

    /// One frame in 32-bit floats.
    var frameBytes: MemorySize { 3 * MemorySize(height) * width * DType.float32.size }
}

extension Wan.TransformerConfig {
    /// What a step holds at once besides weights, in bytes.
    ///
    /// The feed-forward's inner stream decides, or query, key, value and the attention's result, beside the stream itself
    /// and its normalised form; the prompt's and the image's tokens are few beside a video's.
    fileprivate func activationBytes(
        outputs: MemorySize, text: Int, video: MemorySize, _ dtype: DType
    ) -> MemorySize {
        let stream = outputs * video * width
        let inner = outputs * video * max(2 * MemorySize(ffnDim), 6 * MemorySize(width))
        let context = outputs * text * (4 * MemorySize(width) + textDim)
        let convertedWeights = dtype.size < DType.float32.size ? 64 << 20 : 0
        return (6 * stream + inner + context) * dtype.size + 3 * stream * DType.float32.size + convertedWeights
    }

    /// What the blocks keep of two prompts and the images from step to step, in bytes.
    fileprivate func keptKeyBytes(
        outputs: MemorySize, text: Int, video: MemorySize, _ dtype: DType
    ) -> MemorySize {
        guard keepsKeys(ofText: text, video: video.count) else { return 0 }
        // Two images have 257 tokens each.
        let tokens = text + (imageDim == nil ? 0 : 514)
        return 4 * outputs * numLayers * tokens * width * dtype.size
    }
}

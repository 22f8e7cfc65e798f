internal import Diffusion
internal import Layers
internal import Tensors

extension Wan {
    /// The parts of a request, with what each holds in memory.
    struct Stages {
        let text, decode: MemoryStage
        /// Of the image encoder, and of the autoencoder; nil if the request has no image.
        let look, condition: MemoryStage?
        /// Of each transformer; nil for one that takes no step.
        let denoise: [MemoryStage?]

        init(_ request: GenerationRequest, _ parts: Parts, _ experts: Experts, _ options: PipelineOptions) {
            let memory = RequestMemory(request, options)
            let (config, vae, size) = (parts.transformer.config, parts.vae.config, OutputSize(request))
            let prompts = memory.prompts(width: config.textDim)
            let encoding = parts.textEncoder.config.activationBytes(
                texts: max(request.prompts.count, request.negativePrompts.count), tokens: memory.textTokens,
                memory.dtype)
            text = MemoryStage([parts.textEncoder.name], activations: prompts + encoding)
            look = parts.imageEncoder.map {
                let dtype = $0.plan(options.plan).dtype
                return MemoryStage([$0.name], activations: prompts + $0.config.activationBytes(images: 2, dtype))
            }

            let latents = vae.latentSize(size).reduce(MemorySize(1)) { $0 * $1 }
            // Latents, prediction, what the scheduler remembers, and what images add.
            let kept = prompts + 8 * memory.outputs * latents * config.inChannels * DType.float32.size
            let frame = 3 * MemorySize(size.height) * size.width * DType.float32.size
            let tiling = parts.tiling(of: request)
            func decoding(_ size: OutputSize, batch: Int, _ tiling: VideoTiling?) -> MemorySize {
                vae.decodingBytes(batch: batch, size, dtype: parts.vae.plan(options.plan).dtype, tiling: tiling)
            }
            // Nothing in the encoder is larger than its mirror image in the decoder.
            let image = MemoryStage([parts.vae.name], activations: kept + decoding(size, batch: 1, nil) + 4 * frame)
            condition = request.images.isEmpty ? nil : image
            let videos = decoding(size, batch: memory.outputs.count, tiling) + memory.encoding(size)
            decode = MemoryStage([parts.vae.name], activations: kept + videos)

            let tokens = latents / config.patchSize[1] / config.patchSize[2]
            let still = OutputSize(height: size.height, width: size.width, frames: 1)
            let previews = (parts.vae.name, decoding(still, batch: memory.outputs.count, tiling))
            let step =
                kept + memory.stepCache(tokens: tokens, width: config.width)
                + config.activationBytes(memory, video: tokens) + config.keptKeyBytes(memory, video: tokens)
            denoise = zip(parts.transformers, experts.steps).map { transformer, steps in
                steps.isEmpty ? nil : memory.denoising(transformer.name, previewsBy: previews, activations: step)
            }
        }

        /// In the order they run.
        var all: [MemoryStage] { ([text, look, condition] + denoise + [decode]).compactMap { $0 } }
    }
}

extension Wan.Parts {
    /// How the decoder divides a request's videos; nil if they are decoded whole.
    func tiling(of request: GenerationRequest) -> VideoTiling? {
        request.extra["vae_tiling"]?.flag == true ? vae.config.tiling(OutputSize(request)) : nil
    }
}

extension Wan.TransformerConfig {
    /// What a step holds at once besides weights, in bytes.
    ///
    /// The feed-forward's inner stream decides, or query, key, value and the attention's result, beside the stream itself
    /// and its normalised form; the prompt's and the image's tokens are few beside a video's.
    fileprivate func activationBytes(_ memory: RequestMemory, video: MemorySize) -> MemorySize {
        let numbers = 6 * width + max(2 * ffnDim, 6 * width)
        let streams = memory.streams(tokens: video, numbers: numbers, width: width) * memory.dtype.size
        // What is exchanged is counted there.
        let wide = memory.streams(tokens: video, numbers: 3 * width, width: 0) * DType.float32.size
        let context = memory.outputs * memory.textTokens * (4 * MemorySize(width) + textDim) * memory.dtype.size
        return streams + wide + context
    }

    /// What the blocks keep of two prompts and the images from step to step, in bytes.
    fileprivate func keptKeyBytes(_ memory: RequestMemory, video: MemorySize) -> MemorySize {
        guard keepsKeys(ofText: memory.textTokens, video: video.count) else { return 0 }
        // Two images have 257 tokens each.
        let tokens = memory.textTokens + (imageDim == nil ? 0 : 514)
        return 4 * memory.outputs * numLayers * tokens * width * memory.dtype.size
    }
}

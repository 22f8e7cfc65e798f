internal import Diffusion
internal import Layers
internal import Tensors

extension LTX2 {
    /// The parts of a request, with what each holds in memory.
    struct Stages {
        let text, connect, denoise, decode: MemoryStage
        /// Of the autoencoder; nil if the request has no image.
        let condition: MemoryStage?
        /// Of the step to twice the height and width, and of the steps behind it; nil where there is one stage.
        let second: (enlarge: MemoryStage, denoise: MemoryStage)?
        /// Nil for a request without sound.
        let sound: MemoryStage?

        init(_ request: GenerationRequest, _ parts: Parts, _ options: PipelineOptions) {
            let memory = RequestMemory(request, options)
            let (config, texts, vae) = (parts.transformer.config, parts.connectors.config, parts.vae.config)
            let (size, firstSize, dtype) = (OutputSize(request), parts.firstSize(request), memory.dtype)
            let latents = LatentSize(size, rate: request.frameRate ?? 1, parts)
            let firstLatents = LatentSize(firstSize, rate: request.frameRate ?? 1, parts)
            let (count, wide) = (max(request.prompts.count, request.negativePrompts.count), DType.float32.size)

            // The states of every layer, of the prompts and of the negative ones.
            let states = 2 * MemorySize(count) * memory.textTokens * texts.encoded * wide
            let encoder = parts.textEncoder.config
            text = MemoryStage(
                [parts.textEncoder.name],
                activations: states
                    + encoder.activationBytes(
                        texts: 1, tokens: memory.textTokens, states: encoder.layerCount + 1, dtype))
            let prompts = memory.prompts(width: texts.videoWidth) + memory.prompts(width: texts.audioWidth)
            connect = MemoryStage(
                [parts.connectors.name],
                activations: states + prompts + texts.activationBytes(tokens: memory.textTokens, dtype))

            let numbers = MemorySize(latents.tokens) * config.inChannels + latents.length * config.audioInChannels
            // Latents, predictions of all branches, and what guidance makes of them.
            let kept = prompts + 12 * memory.outputs * numbers * wide
            let frame = 3 * MemorySize(size.height) * size.width * wide
            let vaeType = parts.vae.plan(options.plan).dtype
            let still = OutputSize(height: size.height, width: size.width, frames: 1)
            let firstStill = OutputSize(height: firstSize.height, width: firstSize.width, frames: 1)
            condition =
                request.images.isEmpty
                ? nil
                : MemoryStage(
                    [parts.vae.name],
                    activations: kept + vae.encodingBytes(batch: 1, firstStill, dtype: vaeType, on: options.plan.device)
                        + 4 * frame)

            let tiling = parts.tiling(of: request)
            func decoding(_ size: OutputSize) -> MemorySize {
                vae.decodingBytes(
                    batch: memory.outputs.count, size, dtype: vaeType, on: options.plan.device, tiling: tiling)
            }
            let branches = StreamGuidance(request, config).streams[0].branches.count
            let streams =
                memory.stepCache(tokens: MemorySize(firstLatents.tokens), width: config.width, branches: branches)
                + memory.stepCache(
                    tokens: MemorySize(firstLatents.length), width: config.audioWidth, branches: branches)
            // Of frames with noise levels of their own, the ranks that share tokens have them for every token.
            let levels =
                request.images.isEmpty || !memory.sharesTokens
                ? 0
                : memory.streams(tokens: MemorySize(latents.tokens), numbers: 10 * config.width, width: 0) * wide
            denoise = memory.denoising(
                parts.transformer.name, previewsBy: (parts.vae.name, decoding(firstStill)),
                activations: kept + streams + levels + config.activationBytes(memory, firstLatents))
            second = parts.upsampler.map { upsampler in
                let enlarging = upsampler.config.bytes(
                    batch: memory.outputs.count, [firstLatents.frames, firstLatents.rows, firstLatents.columns],
                    dtype: upsampler.plan(options.plan).dtype)
                return (
                    MemoryStage(
                        [upsampler.name, parts.vae.name, parts.audioVAE.name], activations: kept + enlarging),
                    memory.denoising(
                        (parts.distilled ?? parts.transformer).name,
                        previewsBy: (parts.vae.name, decoding(still)),
                        activations: kept + levels + config.activationBytes(memory, latents))
                )
            }
            decode = MemoryStage([parts.vae.name], activations: kept + decoding(size) + memory.encoding(size))

            let frames = parts.audioVAE.config.frames(latents: latents.length)
            let spectrogram = parts.audioVAE.config.decodingBytes(
                batch: memory.outputs.count, latentFrames: latents.length,
                dtype: parts.audioVAE.plan(options.plan).dtype)
            sound =
                request.extra["enable_audio"]?.flag == false
                ? nil
                : MemoryStage(
                    [parts.audioVAE.name, parts.vocoder.name],
                    activations: kept
                        + max(spectrogram, parts.vocoder.bytes(batch: memory.outputs.count, frames: frames)))
        }

        /// In the order they run.
        var all: [MemoryStage] {
            [text, connect, condition, denoise, second?.enlarge, second?.denoise, sound, decode].compactMap { $0 }
        }
    }
}

extension LTX2.ConnectorsConfig {
    /// What the connectors hold at once besides weights, for one prompt, in bytes.
    fileprivate func activationBytes(tokens: Int, _ dtype: DType) -> MemorySize {
        // The states normed, side by side, and in the model's type; then a feed-forward's inner stream.
        let joined = MemorySize(tokens) * encoded * (3 * DType.float32.size + dtype.size)
        return joined + MemorySize(tokens) * 16 * max(videoWidth, audioWidth) * DType.float32.size
    }
}

extension LTX2.TransformerConfig {
    /// What a step holds at once besides weights, in bytes.
    ///
    /// The video's feed-forward decides, or its query, key, value and what comes of them, beside both streams and the tables of
    /// where tokens lie.
    fileprivate func activationBytes(_ memory: RequestMemory, _ size: LTX2.LatentSize) -> MemorySize {
        let wide = DType.float32.size
        let wideStreams = memory.dtype.mayBeConvertedForProducts ? 6 : 4
        /// What is in the model's type, and four streams in 32-bit floats, or six where products of 16 bits are made in those.
        func held(_ tokens: Int, _ numbers: Int, _ width: Int) -> MemorySize {
            memory.streams(tokens: MemorySize(tokens), numbers: numbers, width: width) * memory.dtype.size
                + memory.streams(tokens: MemorySize(tokens), numbers: wideStreams * width, width: 0) * wide
        }
        let video = held(size.tokens, 12 * width, width)
        let audio = held(size.length, 4 * audioWidth, audioWidth)
        let tables = (MemorySize(size.tokens) * (width + audioWidth) + MemorySize(size.length) * 2 * audioWidth) * wide
        let text = memory.outputs * memory.textTokens * 4 * (width + audioWidth) * memory.dtype.size
        return video + audio + tables + text
    }
}

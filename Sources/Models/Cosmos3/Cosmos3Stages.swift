internal import Diffusion
internal import Layers
internal import Tensors

extension Cosmos3 {
    /// The parts of a request, with what each holds in memory.
    struct Stages {
        /// Of the autoencoder; nil if the request has no image.
        let condition: MemoryStage?
        /// Of the tower that reads prompts, and of the other one.
        let text, denoise: MemoryStage
        /// Nil for a request without sound.
        let sound: MemoryStage?
        let decode: MemoryStage

        init(_ request: GenerationRequest, _ parts: Parts, _ options: PipelineOptions) {
            let memory = RequestMemory(request, options)
            let (config, vae, size) = (parts.transformer.config, parts.vae.config, OutputSize(request))
            let (latents, wide) = (vae.latentSize(size), DType.float32.size)
            let soundFrames = parts.soundFrames(of: request)
            let numbers =
                latents.reduce(MemorySize(1)) { $0 * $1 } * vae.zDim
                + MemorySize(soundFrames) * (config.soundDim ?? 0)
            let branches = (request.guidanceScale ?? 1) == 1 ? 1 : 2

            // Keys and values of each prompt, and of all of a batch side by side.
            let prompts = MemorySize(max(request.prompts.count, request.negativePrompts.count)) + memory.outputs
            let keys =
                prompts * branches * memory.textTokens * config.numHiddenLayers * 2 * config.keyWidth
                * memory.dtype.size
            // Latents, predictions of both branches, what guidance makes of them, and what the scheduler remembers.
            let kept = keys + 12 * memory.outputs * numbers * wide
            text = MemoryStage([parts.transformer.name], activations: kept + config.readingBytes(memory))

            let frame = 3 * MemorySize(size.height) * size.width * wide
            let still = OutputSize(height: size.height, width: size.width, frames: 1)
            let vaeType = parts.vae.plan(options.plan).dtype
            condition =
                request.images.isEmpty
                ? nil
                : MemoryStage(
                    [parts.vae.name], activations: kept + vae.encodingBytes(still, dtype: vaeType) + 4 * frame)

            let tiling = parts.tiling(of: request)
            func decoding(_ size: OutputSize) -> MemorySize {
                vae.decodingBytes(batch: memory.outputs.count, size, dtype: vaeType, tiling: tiling)
            }
            let grid = config.grid(latents)
            let tokens = MemorySize(grid.frames) * grid.rows * grid.columns + soundFrames
            denoise = memory.denoising(
                parts.transformer.name, previewsBy: (parts.vae.name, decoding(still)),
                activations: kept
                    + memory.stepCache(tokens: tokens, width: config.hiddenSize, branches: branches)
                    + config.activationBytes(memory, tokens: tokens))
            decode = MemoryStage([parts.vae.name], activations: kept + decoding(size) + memory.encoding(size))
            sound =
                soundFrames == 0
                ? nil
                : parts.soundTokenizer.map {
                    MemoryStage(
                        [$0.name],
                        activations: kept
                            + $0.config.decodingBytes(batch: memory.outputs.count, frames: soundFrames))
                }
        }

        /// In the order they run.
        var all: [MemoryStage] { [condition, text, denoise, sound, decode].compactMap { $0 } }
    }
}

extension Cosmos3.TransformerConfig {
    /// What reading one prompt holds at once besides weights and what is kept, in bytes.
    fileprivate func readingBytes(_ memory: RequestMemory) -> MemorySize {
        let (tokens, wide, narrow) = (MemorySize(memory.textTokens), DType.float32.size, memory.dtype.size)
        let streams = tokens * hiddenSize * (3 * wide + narrow)
        let attention = tokens * (MemorySize(queryWidth) * (3 * wide + 2 * narrow) + MemorySize(keyWidth) * 3 * wide)
        let feedForward = tokens * intermediateSize * 3 * narrow
        // As many queries share a head of keys, each with a mask of its own.
        let masks =
            tokens * memory.textTokens * (MemorySize(wide) + (numAttentionHeads / numKeyValueHeads + 1) * narrow)
        return streams + max(attention, feedForward) + masks
    }

    /// What a step holds at once besides weights, in bytes.
    ///
    /// The feed-forward's inner stream decides, or queries while they are normed and turned, beside the stream and the tables of
    /// where tokens lie.
    fileprivate func activationBytes(_ memory: RequestMemory, tokens: MemorySize) -> MemorySize {
        let (wide, narrow) = (DType.float32.size, memory.dtype.size)
        func held(_ numbers: Int, _ width: Int = 0) -> MemorySize {
            memory.streams(tokens: tokens, numbers: numbers, width: width)
        }
        let inner = held(3 * intermediateSize + hiddenSize, 0) * narrow
        let attention = held(2 * queryWidth + 4 * keyWidth, queryWidth) * narrow + held(3 * queryWidth) * wide
        let text = memory.outputs * memory.textTokens * 4 * keyWidth * narrow
        let tables = memory.outputs * tokens * 2 * headDim * wide
        return held(3 * hiddenSize) * wide + max(inner, attention) + text + tables
    }
}

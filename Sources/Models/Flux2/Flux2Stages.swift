internal import Diffusion
internal import Layers
internal import Tensors

extension Flux2 {
    /// The parts of a request, with what each holds in memory.
    struct Stages {
        let text, denoise, decode: MemoryStage
        /// Of the autoencoder; nil if the request has no image.
        let references: MemoryStage?

        init(_ request: GenerationRequest, _ parts: Parts, _ options: PipelineOptions) {
            let memory = RequestMemory(request, options)
            let (size, config, vae) = (OutputSize(request), parts.transformer.config, parts.vae)
            let prompts = memory.prompts(width: config.jointAttentionDim)
            let encoding = parts.textEncoder.activationBytes(
                texts: request.prompts.count, tokens: memory.textTokens, states: parts.variant.states.count,
                memory.dtype)
            text = MemoryStage([parts.textEncoder.name], activations: prompts + encoding)

            let sizes = request.images.map {
                ReferenceSize(width: $0.pixels.width, height: $0.pixels.height, granularity: parts.granularity).crop
            }
            func area(_ size: OutputSize) -> MemorySize { MemorySize(size.height) * size.width }
            func decoding(_ size: OutputSize) -> MemorySize {
                vae.config.decoderNetwork.decodingBytes(pixels: area(size), memory.dtype)
            }
            let patch = parts.granularity * parts.granularity
            let seen = sizes.reduce(MemorySize(0)) { $0 + area($1) / patch }
            // Nothing in the encoder is larger than its mirror image in the decoder.
            let largest = sizes.map(decoding).reduce(MemorySize(0), max)
            references =
                sizes.isEmpty
                ? nil : MemoryStage([vae.name], activations: prompts + largest + seen * 6 * config.inChannels * 4)

            // One image after the other, and what came of all of them, twice when it is put together.
            let pixels = decoding(size) + 2 * memory.outputs * area(size) * 3 * DType.float32.size
            decode = MemoryStage([vae.name], activations: prompts + pixels)
            let tokens = area(size) / patch + seen
            denoise = memory.denoising(
                parts.transformer.name, previewsBy: (vae.name, pixels),
                activations: prompts + config.activationBytes(memory, imageTokens: tokens)
                    + 2 * memory.stepCache(tokens: tokens + memory.textTokens, width: config.width))
        }

        /// In the order they run.
        var all: [MemoryStage] { [text, references, denoise, decode].compactMap { $0 } }
    }
}

extension Flux2.TransformerConfig {
    /// What a step holds at once besides weights, in bytes.
    ///
    /// The joined product of a single block decides: query, key, value and both halves of the feed-forward, beside the
    /// stream, its normalised form, the attention's result and what is joined for the next product.
    fileprivate func activationBytes(_ memory: RequestMemory, imageTokens: MemorySize) -> MemorySize {
        let tokens = memory.outputs * (imageTokens + memory.textTokens)
        let numbers = tokens * (12 * width + 6 * inner)
        let latents = memory.outputs * imageTokens * inChannels * DType.float32.size
        let convertedWeights = memory.dtype.mayBeConvertedForProducts ? 64 << 20 : 0
        return numbers * memory.dtype.size + 8 * latents + convertedWeights
    }
}

internal import Diffusion
internal import Layers
internal import Tensors

extension Flux1 {
    /// The parts of a request, with what each holds in memory.
    struct Stages {
        let text, denoise, decode: MemoryStage

        init(_ request: GenerationRequest, _ parts: Parts, _ options: PipelineOptions) {
            let memory = RequestMemory(request, options)
            let (texts, size) = (request.prompts.count, OutputSize(request))
            let (config, clip) = (parts.transformer.config, parts.textEncoder.config)
            let prompts = memory.prompts(width: config.jointAttentionDim)
            let encoding = max(
                clip.activationBytes(texts: texts, tokens: clip.maxPositionEmbeddings, memory.dtype),
                parts.textEncoder2.config.activationBytes(texts: texts, tokens: memory.textTokens, memory.dtype))
            text = MemoryStage([parts.textEncoder.name, parts.textEncoder2.name], activations: prompts + encoding)
            // One image after the other, and what came of all of them, twice when it is put together.
            let pixels = MemorySize(size.height) * size.width
            let decoding =
                parts.vae.config.decodingBytes(pixels: pixels, memory.dtype)
                + 2 * memory.outputs * pixels * 3 * DType.float32.size
            decode = MemoryStage([parts.vae.name], activations: prompts + decoding)
            let grid = parts.grid(of: request)
            let tokens = MemorySize(grid.rows) * grid.columns
            denoise = memory.denoising(
                parts.transformer.name, previewsBy: (parts.vae.name, decoding),
                activations: prompts + config.activationBytes(memory, imageTokens: tokens)
                    + memory.stepCache(tokens: tokens + memory.textTokens, width: config.width))
        }

        /// In the order they run.
        var all: [MemoryStage] { [text, denoise, decode] }
    }
}

extension Flux1.TransformerConfig {
    /// What a step holds at once besides weights, in bytes.
    ///
    /// The widest product of a block decides: beside the joint stream there are query, key and value, the feed-forward's
    /// and the attention's results, those joined, and what the system gets back late. Measured, all that is 13 to 20 times
    /// the stream, with 16-bit numbers and the parts of weights that are converted for their products too.
    fileprivate func activationBytes(_ memory: RequestMemory, imageTokens: MemorySize) -> MemorySize {
        let stream = memory.outputs * (imageTokens + memory.textTokens) * width * memory.dtype.size
        let latents = memory.outputs * imageTokens * inChannels * DType.float32.size
        let convertedWeights = memory.dtype.mayBeConvertedForProducts ? 64 << 20 : 0
        return 22 * stream + 8 * latents + convertedWeights
    }
}

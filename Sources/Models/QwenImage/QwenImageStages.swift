internal import Diffusion
internal import Layers
internal import Tensors

extension QwenImage {
    /// The parts of a request, with what each holds in memory.
    struct Stages {
        let text, denoise, decode: MemoryStage

        init(_ request: GenerationRequest, _ parts: Parts, _ options: PipelineOptions) {
            let memory = RequestMemory(request, options)
            let (size, config, vae) = (OutputSize(request), parts.transformer.config, parts.vae)
            let prompts = memory.prompts(width: config.jointAttentionDim)
            let encoding = parts.textEncoder.activationBytes(
                texts: max(request.prompts.count, request.negativePrompts.count), tokens: memory.textTokens, states: 1,
                memory.dtype)
            text = MemoryStage([parts.textEncoder.name], activations: prompts + encoding)

            let pixels = MemorySize(size.height) * size.width
            let decoding =
                vae.config.decodingBytes(
                    batch: 1, OutputSize(height: size.height, width: size.width, frames: 1),
                    dtype: vae.plan(options.plan).dtype, tiling: nil)
                + 2 * memory.outputs * pixels * 3 * DType.float32.size
            decode = MemoryStage([vae.name], activations: prompts + decoding)
            let grid = parts.grid(of: request)
            let tokens = MemorySize(grid.rows) * grid.columns
            denoise = memory.denoising(
                parts.transformer.name, previewsBy: (vae.name, decoding),
                activations: prompts + config.activationBytes(memory, imageTokens: tokens)
                    + memory.stepCache(tokens: tokens + memory.textTokens, width: config.width))
        }

        /// In the order they run.
        var all: [MemoryStage] { [text, denoise, decode] }
    }
}

extension QwenImage.TransformerConfig {
    /// What a step holds at once besides weights, in bytes: as FLUX.1's blocks that hold text and image apart.
    fileprivate func activationBytes(_ memory: RequestMemory, imageTokens: MemorySize) -> MemorySize {
        let stream = memory.outputs * (imageTokens + memory.textTokens) * width * memory.dtype.size
        let latents = memory.outputs * imageTokens * inChannels * DType.float32.size
        let convertedWeights = memory.dtype.mayBeConvertedForProducts ? 64 << 20 : 0
        return 18 * stream + 8 * latents + convertedWeights
    }
}

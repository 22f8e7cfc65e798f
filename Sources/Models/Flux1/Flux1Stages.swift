internal import Diffusion
internal import Layers
internal import Tensors

extension Flux1 {
    /// The parts of a request, with what each holds in memory.
    struct Stages {
        let text, denoise, decode: MemoryStage

        /// - Parameters:
        ///   - request: a resolved request
        ///   - components: the model's
        ///   - options: how the model is opened
        init(_ request: GenerationRequest, _ components: Parts, _ options: PipelineOptions) {
            let plan = options.plan
            let transformer = components.transformer.config
            let vae = components.vae.config
            let length = request.maxSequenceLength ?? 0
            let grid = Grid(request, scaleFactor: vae.scaleFactor)
            let outputs = MemorySize(max(request.outputCount, 1))
            // The states of prompts and negative prompts, which outlive their stage, and their copies for every image.
            let prompts = 4 * outputs * length * transformer.jointAttentionDim * plan.dtype.size
            text = MemoryStage(
                [components.textEncoder.name, components.textEncoder2.name],
                activations: prompts
                    + max(
                        components.textEncoder.config.activationBytes(
                            texts: request.prompts.count, tokens: components.textEncoder.config.maxPositionEmbeddings,
                            plan.dtype),
                        components.textEncoder2.config.activationBytes(
                            texts: request.prompts.count, tokens: length, plan.dtype)))
            let pixels = MemorySize(request.height ?? 0) * (request.width ?? 0)
            // One image after the other, and what came of all of them, twice when it is put together.
            let decoding = vae.decodingBytes(pixels: pixels, plan.dtype) + 2 * outputs * pixels * 3 * DType.float32.size
            let isShown = request.previews > 0
            let tokens = MemorySize(grid.rows) * grid.columns
            let held = outputs * (options.stepCache?.heldStreams(branches: 2) ?? 0)
            denoise = MemoryStage(
                [components.transformer.name] + (isShown ? [components.vae.name] : []),
                activations: prompts + (isShown ? decoding : 0)
                    + transformer.activationBytes(
                        outputs: outputs, textTokens: length, imageTokens: tokens, plan.dtype)
                    + held * (tokens + length) * transformer.width * DType.float32.size)
            decode = MemoryStage([components.vae.name], activations: prompts + decoding)
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
    fileprivate func activationBytes(
        outputs: MemorySize, textTokens: Int, imageTokens: MemorySize, _ dtype: DType
    ) -> MemorySize {
        let stream = outputs * (imageTokens + textTokens) * width * dtype.size
        let latents = outputs * imageTokens * inChannels * DType.float32.size
        let convertedWeights = dtype.mayBeConvertedForProducts ? 64 << 20 : 0
        return 22 * stream + 8 * latents + convertedWeights
    }
}

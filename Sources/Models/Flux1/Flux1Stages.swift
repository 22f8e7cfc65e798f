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
        ///   - plan: how they compute
        init(_ request: GenerationRequest, _ components: Components, _ plan: ExecutionPlan) {
            let clip = components.textEncoder.config
            let t5 = components.textEncoder2.config
            let vae = components.vae.config
            let length = request.maxSequenceLength ?? 0
            let grid = Grid(request, scaleFactor: vae.scaleFactor)
            let prompts = max(request.prompts.count, 1)
            let outputs = max(request.outputCount, 1)
            text = MemoryStage(
                [components.textEncoder.name, components.textEncoder2.name],
                activations: max(
                    clip.activationBytes(texts: prompts, tokens: Flux1TextEncoders.clipTokens, plan.dtype),
                    t5.activationBytes(texts: prompts, tokens: length, plan.dtype)))
            denoise = MemoryStage(
                [components.transformer.name],
                activations: components.transformer.config.activationBytes(
                    outputs: outputs, textTokens: length, pictureTokens: grid.rows * grid.columns, plan.dtype))
            decode = MemoryStage(
                [components.vae.name],
                activations: vae.decodingBytes(
                    pixels: outputs * (request.height ?? 0) * (request.width ?? 0), plan.dtype))
        }

        /// In the order they run.
        var all: [MemoryStage] { [text, denoise, decode] }
    }
}

extension Flux1.TransformerConfig {
    /// What a step holds at once besides weights, in bytes.
    ///
    /// A block's peak lies in its widest product: the joint stream, the attention's and the feed-forward's results beside
    /// it, and the input of the product once more where 16-bit numbers are multiplied as 32-bit ones. All of it is a
    /// multiple of one stream.
    fileprivate func activationBytes(outputs: Int, textTokens: Int, pictureTokens: Int, _ dtype: DType) -> Int {
        let stream = outputs * (textTokens + pictureTokens) * width * dtype.size
        let latents = outputs * pictureTokens * inChannels * DType.float32.size
        return 20 * stream + 8 * latents
    }
}

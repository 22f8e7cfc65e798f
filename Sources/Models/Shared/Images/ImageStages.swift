internal import Diffusion
internal import Layers
internal import Tensors

/// The parts of a request for images, with what each holds in memory.
struct ImageStages {
    let text, denoise, decode: MemoryStage
    /// Of the autoencoder; nil if the denoiser sees no image.
    let references: MemoryStage?

    /// - Parameters:
    ///   - model: the model
    ///   - request: a resolved request
    ///   - options: how the model is opened
    ///   - memory: of the request
    ///   - encoding: what encoding the texts holds besides their states, in bytes
    ///   - staying: what is held in every stage besides the states, in bytes
    ///   - denoising: what all steps hold besides what this counts, in bytes
    ///   - numbers: how many numbers a step holds at once for each token
    ///   - caches: how many step caches there are
    init(
        _ model: some ImageFamily, _ request: GenerationRequest, _ options: PipelineOptions, _ memory: RequestMemory,
        encoding: MemorySize, staying: MemorySize = 0, denoising own: MemorySize = 0,
        numbersOfToken numbers: Int, caches: Int = 1
    ) {
        let (parts, size, float) = (model.parts, OutputSize(request), DType.float32.size)
        let (config, vae) = (parts.transformer.config, parts.vae)
        let dtype = vae.plan(options.plan).dtype
        let stays = memory.prompts(width: config.jointAttentionDim) + staying
        text = MemoryStage(parts.textEncoders.map(\.name), activations: stays + encoding)

        func tokens(_ size: OutputSize) -> MemorySize {
            let grid = parts.grid(size)
            return MemorySize(grid.rows) * grid.columns
        }
        let images = model.references(of: request).map(\.kept)
        let seen = images.map(tokens).sum()
        let largest = images.map { vae.config.encodingBytes($0, dtype: dtype) }.reduce(0, max)
        let encoded = seen * 6 * config.inChannels * float
        references = images.isEmpty ? nil : MemoryStage([vae.name], activations: stays + largest + encoded)

        // One image after the other, and what came of all of them, twice when it is put together.
        let pixels = 2 * memory.outputs * MemorySize(size.height) * size.width * 3 * float
        let decoding = vae.config.decodingBytes(size, dtype: dtype) + pixels
        decode = MemoryStage([vae.name], activations: stays + decoding)

        let (image, all) = (tokens(size) + seen, tokens(size) + seen + memory.textTokens)
        let latents = 8 * memory.outputs * image * config.inChannels * float
        let streams = memory.streams(tokens: all, numbers: numbers, width: config.width) * memory.dtype.size
        denoise = memory.denoising(
            parts.transformer.name, previewsBy: (vae.name, decoding),
            activations: stays + own + streams + latents
                + memory.stepCache(tokens: all, width: config.width) * caches)
    }

    /// In the order they run.
    var all: [MemoryStage] { [text, references, denoise, decode].compactMap { $0 } }
}

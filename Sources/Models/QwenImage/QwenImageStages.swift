internal import Diffusion
internal import Layers
internal import Tensors

extension QwenImage {
    /// The parts of a request, with what each holds in memory.
    struct Stages {
        let text, denoise, decode: MemoryStage
        /// Of the autoencoder; nil if the request has no image.
        let references: MemoryStage?

        init(_ request: GenerationRequest, _ parts: Parts, _ options: PipelineOptions) {
            let memory = RequestMemory(parts.counted(request), options)
            let (size, config, vae) = (OutputSize(request), parts.transformer.config, parts.vae)
            // The text encoder may stay, so what its vision tower takes beyond the model's type counts in every stage.
            let prompts = memory.prompts(width: config.jointAttentionDim) + parts.wideningBytes(memory.dtype)
            let encoding = parts.textEncoder.config.activationBytes(
                texts: max(request.prompts.count, request.negativePrompts.count), tokens: memory.textTokens, states: 1,
                memory.dtype)
            text = MemoryStage(
                [parts.textEncoder.name], activations: prompts + encoding + parts.lookingBytes(request))

            func area(_ size: OutputSize) -> MemorySize { MemorySize(size.height) * size.width }
            func decoding(_ size: OutputSize) -> MemorySize {
                vae.config.decodingBytes(
                    batch: 1, OutputSize(height: size.height, width: size.width, frames: 1),
                    dtype: vae.plan(options.plan).dtype, tiling: nil)
            }
            let sizes = ReferenceSize.all(of: request).map(\.autoencoder)
            let patch = parts.granularity * parts.granularity
            let seen = sizes.reduce(MemorySize(0)) { $0 + area($1) / patch }
            let largest = sizes.map { vae.config.encodingBytes($0, dtype: vae.plan(options.plan).dtype) }
                .reduce(MemorySize(0), max)
            references =
                sizes.isEmpty
                ? nil : MemoryStage([vae.name], activations: prompts + largest + seen * 6 * config.inChannels * 4)

            let pixels = decoding(size) + 2 * memory.outputs * area(size) * 3 * DType.float32.size
            decode = MemoryStage([vae.name], activations: prompts + pixels)
            let tokens = area(size) / patch + seen
            denoise = memory.denoising(
                parts.transformer.name, previewsBy: (vae.name, pixels),
                activations: prompts + config.activationBytes(memory, imageTokens: tokens)
                    + memory.stepCache(tokens: tokens + memory.textTokens, width: config.width))
        }

        /// In the order they run.
        var all: [MemoryStage] { [text, references, denoise, decode].compactMap { $0 } }
    }
}

extension QwenImage.Parts {
    /// What the template writes beside an image, in tokens, and a little more.
    private static let wordsOfImage = 12

    /// The request as texts count: the images in them are as many tokens more.
    fileprivate func counted(_ request: GenerationRequest) -> GenerationRequest {
        guard sight != nil, let length = request.maxSequenceLength else { return request }
        var counted = request
        counted.maxSequenceLength = length + imageTokens(of: request) + Self.wordsOfImage * request.images.count
        return counted
    }

    /// What the vision tower's weights take in 32-bit floats beyond what they would in the model's type, in bytes.
    fileprivate func wideningBytes(_ dtype: DType) -> MemorySize {
        (sight?.vision.parameterCount ?? 0) * (DType.float32.size - dtype.size)
    }

    /// What the vision tower holds at once besides weights, in bytes.
    fileprivate func lookingBytes(_ request: GenerationRequest) -> MemorySize {
        guard let sight else { return 0 }
        let largest = visionPatches(of: request).counts.max() ?? 0
        let seen = MemorySize(imageTokens(of: request)) * sight.vision.outHiddenSize * (2 * DType.float32.size)
        return sight.vision.activationBytes(patches: largest) + seen
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

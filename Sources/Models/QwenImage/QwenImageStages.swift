internal import Diffusion
internal import Layers
internal import Tensors

extension QwenImage {
    /// A step holds what FLUX.1's blocks do that hold text and image apart.
    func stages(of request: GenerationRequest, _ options: PipelineOptions) -> ImageStages {
        let memory = RequestMemory(parts.counted(request), options)
        let encoding = parts.textEncoder.config.activationBytes(
            texts: max(request.prompts.count, request.negativePrompts.count), tokens: memory.textTokens, states: 1,
            memory.dtype)
        return ImageStages(
            self, request, options, memory, encoding: encoding + parts.lookingBytes(request),
            // The text encoder may stay, so what its vision tower takes beyond the model's type counts in every stage.
            staying: parts.wideningBytes(memory.dtype),
            denoising: parts.transformer.config.modulationBytes(memory.dtype) * rowsAtOnce(on: options.plan.device),
            numbersOfToken: 18 * parts.transformer.config.width)
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

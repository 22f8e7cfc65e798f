/// What a user asks for; what is nil is the model's own choice.
package struct GenerationRequest: Sendable, Equatable, Codable {
    /// One for each item of the batch.
    package var prompts: [String]
    /// None, one for all prompts, or one for each.
    package var negativePrompts: [String] = []
    /// The images that the output begins with or is made from, for models that take any.
    package var images: [RequestImage] = []
    /// The image that a video ends with.
    package var lastImage: RequestImage?
    package var height: Int?
    package var width: Int?
    package var numFrames: Int?
    package var frameRate: Double?
    package var numInferenceSteps: Int?
    package var guidanceScale: Double?
    package var maxSequenceLength: Int?
    package var numImagesPerPrompt = 1
    /// One for the batch, one for each prompt, or one for each image; none draws one.
    package var seeds: [UInt64] = []
    /// How often an image is shown on its way, for families that can; it does not change the image.
    package var previews = 0
    /// Parameters that only some families know, by the name of diffusers' argument.
    package var extra: [String: ParameterValue] = [:]

    /// - Parameter prompts: one for each item of the batch; none for what only carries a model's defaults
    package init(prompts: [String]) { self.prompts = prompts }

    /// The names that diffusers gives to the fields every request has.
    package static let commonFields = [
        "prompt", "negative_prompt", "image", "last_image", "height", "width", "num_frames", "frame_rate",
        "num_inference_steps", "guidance_scale", "max_sequence_length", "num_images_per_prompt", "seed",
    ]

    /// How many denoising steps there are: one for each of `sigmas`, where they are given.
    package var stepCount: Int { extra["sigmas"]?.items.count ?? numInferenceSteps ?? 1 }

    /// How many images or videos come out.
    package var outputCount: Int { (MemorySize(prompts.count) * numImagesPerPrompt).count }
}

extension GenerationRequest {
    /// The request, with a model's own choices where it does not say.
    ///
    /// - Parameter defaults: the model's choices
    /// - Returns: the request filled in
    package func filled(from defaults: GenerationRequest) -> GenerationRequest {
        var filled = self
        if negativePrompts.isEmpty { filled.negativePrompts = defaults.negativePrompts }
        filled.height = height ?? defaults.height
        filled.width = width ?? defaults.width
        filled.numFrames = numFrames ?? defaults.numFrames
        filled.frameRate = frameRate ?? defaults.frameRate
        filled.numInferenceSteps = numInferenceSteps ?? defaults.numInferenceSteps
        filled.guidanceScale = guidanceScale ?? defaults.guidanceScale
        filled.maxSequenceLength = maxSequenceLength ?? defaults.maxSequenceLength
        filled.extra.merge(defaults.extra) { own, _ in own }
        return filled
    }
}

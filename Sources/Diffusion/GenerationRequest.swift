/// What a user asks for; what is nil is the model's own choice.
package struct GenerationRequest: Sendable, Equatable {
    /// One for each item of the batch.
    package var prompts: [String]
    /// None, one for all prompts, or one for each.
    package var negativePrompts: [String] = []
    package var height: Int?
    package var width: Int?
    package var numFrames: Int?
    package var frameRate: Double?
    package var numInferenceSteps: Int?
    package var guidanceScale: Double?
    package var maxSequenceLength: Int?
    package var numImagesPerPrompt = 1
    /// One for the batch, one for each prompt, or one for each picture; none draws one.
    package var seeds: [UInt64] = []
    /// Parameters that only some families know, by the name of diffusers' argument.
    package var extra: [String: ParameterValue] = [:]

    /// - Parameter prompts: one for each item of the batch
    package init(prompts: [String]) { self.prompts = prompts }

    /// The names that diffusers gives to the fields every request has.
    package static let commonFields = [
        "prompt", "negative_prompt", "height", "width", "num_frames", "frame_rate", "num_inference_steps",
        "guidance_scale", "max_sequence_length", "num_images_per_prompt", "seed",
    ]

    /// How many pictures or videos come out.
    package var outputCount: Int { prompts.count * numImagesPerPrompt }
}

/// The value of a parameter whose type the family decides.
package enum ParameterValue: Sendable, Equatable {
    case number(Double)
    case bool(Bool)
    case text(String)
    case list([ParameterValue])
    case null
}

internal import Diffusion

/// What a request asks for besides its prompt; what is nil is the model's own choice.
///
/// The names are those of TensorRT-LLM's class of this name, in Swift's spelling.
public struct VisualGenParams: Sendable, Equatable {
    /// Height in pixels (`height`).
    public var height: Int?
    /// Width in pixels (`width`).
    public var width: Int?
    /// Denoising steps (`num_inference_steps`): 1 to 1000.
    public var numInferenceSteps: Int?
    /// How closely to follow the prompt (`guidance_scale`): 0 to 1000.
    public var guidanceScale: Double?
    /// Tokens of a prompt (`max_sequence_length`).
    public var maxSequenceLength: Int?
    /// What the noise is drawn from (`seed`); nil draws one, which the output tells.
    public var seed: UInt64?
    /// Frames of a video (`num_frames`).
    public var numFrames: Int?
    /// Frames of a video in a second (`frame_rate`).
    public var frameRate: Double?
    /// The images that the output begins with or is made from (`image`), for models that take any.
    public var images: [InputImage] = []
    /// The image that a video ends with (`last_image`), for models that take one.
    public var lastImage: InputImage?
    /// What the image must not show (`negative_prompt`).
    public var negativePrompt: String?
    /// Images or videos of the prompt (`num_images_per_prompt`), drawn one after the other from the seed: default 1.
    public var numImagesPerPrompt = 1
    /// Parameters that only some models have, by name (`extra_params`); see ``VisualGen/extraParamSpecs``.
    public var extraParams: [String: ConfigValue] = [:]

    /// The model's own choices.
    public init() {}

    /// Reads parameters by name, in the original's spelling.
    ///
    /// - Parameter dictionary: the fields; what is missing is the model's choice. `image` is a path or a list of paths,
    ///   `last_image`, which may also stand in `extra_params`, a path; the files are read.
    /// - Throws: ``ConfigurationError`` with all that is wrong
    public init(dictionary: [String: ConfigValue]) throws(ConfigurationError) {
        self.init()
        var given = dictionary
        if let image = given["image"], case .string = image { given["image"] = [image] }
        if case .mapping(var extra) = given["extra_params"], let image = extra.removeValue(forKey: "last_image") {
            given["extra_params"] = .mapping(extra)
            given["last_image"] = given["last_image"] ?? image
        }
        var fields = ConfigFields(reading: given, at: "")
        fields.exchange("height", &height)
        fields.exchange("width", &width)
        fields.exchange("num_inference_steps", &numInferenceSteps)
        fields.exchange("guidance_scale", &guidanceScale)
        fields.exchange("max_sequence_length", &maxSequenceLength)
        var signed = seed.map { Int(truncatingIfNeeded: $0) }
        fields.exchange("seed", &signed)
        seed = signed.map { UInt64(bitPattern: Int64($0)) }
        fields.exchange("num_frames", &numFrames)
        fields.exchange("frame_rate", &frameRate)
        fields.exchange("image", &images)
        fields.exchange("last_image", &lastImage)
        fields.exchange("negative_prompt", &negativePrompt)
        fields.exchange("num_images_per_prompt", &numImagesPerPrompt)
        fields.exchange("extra_params", &extraParams)
        let problems = fields.problems
        guard problems.isEmpty else { throw ConfigurationError(problems) }
    }

    /// A model's own choices, as parameters.
    init(_ defaults: GenerationRequest) {
        (height, width, numInferenceSteps) = (defaults.height, defaults.width, defaults.numInferenceSteps)
        (guidanceScale, maxSequenceLength) = (defaults.guidanceScale, defaults.maxSequenceLength)
        (numFrames, frameRate) = (defaults.numFrames, defaults.frameRate)
        negativePrompt = defaults.negativePrompts.first
        extraParams = defaults.extra.mapValues(ConfigValue.init)
    }

    /// The request for a prompt.
    ///
    /// - Parameter prompt: what the image shows
    /// - Returns: the request
    func request(_ prompt: String) -> GenerationRequest {
        var request = GenerationRequest(prompts: [prompt])
        (request.height, request.width) = (height, width)
        (request.numFrames, request.frameRate) = (numFrames, frameRate)
        (request.images, request.lastImage) = (images.map(\.image), lastImage?.image)
        (request.numInferenceSteps, request.guidanceScale) = (numInferenceSteps, guidanceScale)
        (request.maxSequenceLength, request.numImagesPerPrompt) = (maxSequenceLength, numImagesPerPrompt)
        request.negativePrompts = negativePrompt.map { [$0] } ?? []
        request.seeds = seed.map { [$0] } ?? []
        request.extra = extraParams.mapValues(ParameterValue.init)
        return request
    }
}

extension ConfigValue {
    init(_ value: ParameterValue) {
        self =
            switch value {
            case .null: .null
            case .bool(let flag): .bool(flag)
            case .number(let number): Int(exactly: number).map(ConfigValue.int) ?? .double(number)
            case .text(let text): .string(text)
            case .list(let items): .list(items.map(ConfigValue.init))
            }
    }
}

extension ParameterValue {
    /// A mapping, which no parameter takes, is told as its text.
    init(_ value: ConfigValue) {
        self =
            switch value {
            case .null: .null
            case .bool(let flag): .bool(flag)
            case .int(let number): .number(Double(number))
            case .double(let number): .number(number)
            case .string(let text): .text(text)
            case .list(let items): .list(items.map(ParameterValue.init))
            case .mapping: .text("\(value)")
            }
    }
}

internal import Diffusion
internal import Engine
internal import Files
internal import VisualGen

/// What the model makes, from what, and within which limits: `/v1/capabilities`.
struct Capabilities: Encodable {
    struct Defaults: Encodable {
        let height, width, numFrames, numInferenceSteps, maxSequenceLength: Int?
        let frameRate, guidanceScale: Double?
        let extraParams: [String: ParameterValue]
    }

    struct Parameter: Encodable {
        let name, accepts, description: String
        let type: CapabilityField.Kind
        let minimum, maximum: Double?
        let `default`: ParameterValue?
        let needs: CapabilityField.Condition?
    }

    struct Images: Encodable {
        /// Whether a request must, may or must not bring an image to begin with, and one that a video ends with.
        let first, last: ModelFields.Need
    }

    struct Attention: Encodable {
        /// As in `attention_config`.
        let backend: String
        /// The types of queries, keys and values, and the tokens that share a scale; null for exact attention.
        let quantised: String?
        /// Those that ran since the server started, while it warmed up too.
        let kernels: [String]

        private enum CodingKeys: String, CodingKey { case backend, quantised = "quantAttentionConfig", kernels }
    }

    struct LoRA: Encodable {
        /// The name of the file, or of the folder that it is in.
        let file: String
        /// How strongly it acts, on top of its own scaling.
        let scale: Double
    }

    struct Limits: Encodable {
        let promptCharacters, n, pixels, pixelsTimesFramesTimesSteps, frames: Int
        let seconds: Double
        let bodyBytes, inputImages, inputPixels, waiting, waitingPerKey: Int
        let keepSeconds: Double
    }

    let model, family: String
    let makes: String
    let takesImages: Bool
    let formats: [String]
    let partialImages = true
    /// The algorithms of the model's quantised layers; none for a model in floats.
    let quantAlgorithms: [String]
    /// What is merged into the weights, in order.
    let loras: [LoRA]
    let attention: Attention
    let images: Images
    let defaults: Defaults
    /// What people can choose besides the prompt, the size and the seed.
    let fields: [CapabilityField]
    let extraParams: [Parameter]
    let limits: Limits

    /// - Parameters:
    ///   - core: what all routes share
    ///   - kernels: the attention kernels that ran
    init(_ core: ServerCore, kernels: Set<String>) {
        let (offer, bounds) = (core.model.offer, core.limits)
        (model, family) = (core.model.name, offer.family)
        (makes, takesImages) = (core.model.makesVideos ? "video" : "image", core.model.takesImages)
        formats = core.model.makesVideos ? VideoFormatNames.available : ["png", "jpeg", "webp"]
        quantAlgorithms = core.model.quantAlgorithms
        loras = core.model.compute.loras.map { LoRA(file: $0.path.pathName, scale: $0.scale) }
        let config = core.model.compute.attention ?? AttentionConfig()
        attention = Attention(
            backend: config.backend.rawValue, quantised: config.quantAttentionConfig?.recipe, kernels: kernels.sorted())
        let values = offer.defaults
        defaults = Defaults(
            height: values.height, width: values.width, numFrames: values.numFrames,
            numInferenceSteps: values.numInferenceSteps, maxSequenceLength: values.maxSequenceLength,
            frameRate: values.frameRate, guidanceScale: values.guidanceScale, extraParams: values.extra)
        images = Images(first: core.model.fields.firstImage, last: core.model.fields.lastImage)
        fields = CapabilityField.common(core.model, bounds)
        extraParams = core.model.fields.parameters.compactMap { spec in
            guard let field = CapabilityField(spec).limited(by: core.model.fields) else { return nil }
            return Parameter(
                name: spec.name, accepts: "\(spec.kind)", description: spec.help, type: field.type,
                minimum: field.minimum, maximum: field.maximum, default: spec.defaultValue, needs: field.needs)
        }
        limits = Limits(
            promptCharacters: bounds.promptCharacters, n: bounds.images, pixels: bounds.pixels,
            pixelsTimesFramesTimesSteps: bounds.work, frames: bounds.frames, seconds: bounds.seconds,
            bodyBytes: bounds.bodyBytes, inputImages: bounds.inputImages, inputPixels: bounds.inputPixels,
            waiting: bounds.waiting, waitingPerKey: bounds.waitingPerKey, keepSeconds: bounds.keepSeconds)
    }
}

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

        init(_ values: GenerationRequest) {
            (height, width, numFrames) = (values.height, values.width, values.numFrames)
            (numInferenceSteps, maxSequenceLength) = (values.numInferenceSteps, values.maxSequenceLength)
            (frameRate, guidanceScale, extraParams) = (values.frameRate, values.guidanceScale, values.extra)
        }
    }

    /// What else the model makes, in place of the members of the same names.
    struct Alternative: Encodable {
        let makes: String
        let takesImages: Bool
        let formats: [String]
        let images: Images
        let defaults: Defaults
        let fields: [CapabilityField]

        /// Images of a model of videos: they begin with no others.
        ///
        /// - Parameters:
        ///   - model: who computes
        ///   - limits: how much is taken
        ///   - defaults: the model's own choices for images
        init(imagesOf model: ServedModel, _ limits: ServerLimits, _ defaults: GenerationRequest) {
            (makes, takesImages) = (Job.Kind.image.rawValue, false)
            (formats, images) = (imageFormats, Images(first: .refused, last: .refused))
            self.defaults = Defaults(defaults)
            fields = CapabilityField.common(model, limits, .image, defaults)
        }
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
    /// Whether images are shown on their way.
    let partialImages: Bool
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
    /// What else it makes.
    let alternatives: [Alternative]
    let limits: Limits

    private static let imageFormats = ["png", "jpeg", "webp"]

    /// - Parameters:
    ///   - core: what all routes share
    ///   - kernels: the attention kernels that ran
    init(_ core: ServerCore, kernels: Set<String>) {
        let (offer, bounds) = (core.model.offer, core.limits)
        (model, family) = (core.model.name, offer.family)
        let kind: Job.Kind = core.model.makesVideos ? .video : .image
        (makes, takesImages) = (kind.rawValue, core.model.takesImages)
        formats = kind == .video ? VideoFormatNames.available : Self.imageFormats
        partialImages = !core.model.admission.guardrail.isConfigured
        quantAlgorithms = core.model.quantAlgorithms
        loras = core.model.compute.loras.map { LoRA(file: $0.path.pathName, scale: $0.scale) }
        let config = core.model.compute.attention ?? AttentionConfig()
        attention = Attention(
            backend: config.backend.rawValue, quantised: config.quantAttentionConfig?.recipe, kernels: kernels.sorted())
        defaults = Defaults(offer.defaults)
        images = Images(first: core.model.fields.firstImage, last: core.model.fields.lastImage)
        fields = CapabilityField.common(core.model, bounds, kind, offer.defaults)
        let others = kind == .video ? core.model.imageDefaults : nil
        alternatives = others.map { [Alternative(imagesOf: core.model, bounds, $0)] } ?? []
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

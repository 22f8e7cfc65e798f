internal import Diffusion
internal import Engine
internal import Hummingbird

/// What the model makes, from what, and within which limits: `/v1/capabilities`.
struct Capabilities: Encodable {
    struct Defaults: Encodable {
        let height, width, numFrames, numInferenceSteps, maxSequenceLength: Int?
        let frameRate, guidanceScale: Double?
        let extraParams: [String: ParameterValue]
    }

    struct Parameter: Encodable {
        let name, accepts, description: String
        let `default`: ParameterValue?
    }

    struct Limits: Encodable {
        let promptCharacters, n, pixels, pixelsTimesFramesTimesSteps, frames: Int
        let seconds: Double
        let bodyBytes, inputPictures, inputPixels, waiting, waitingPerKey: Int
        let keepSeconds: Double
    }

    let model, family: String
    let makes: String
    let takesPictures: Bool
    let formats: [String]
    let partialImages = true
    let defaults: Defaults
    let extraParams: [Parameter]
    let limits: Limits

    init(_ core: ServerCore) {
        let (offer, bounds) = (core.model.offer, core.limits)
        (model, family) = (core.model.name, offer.family)
        (makes, takesPictures) = (core.model.makesVideos ? "video" : "image", core.model.takesPictures)
        formats = core.model.makesVideos ? VideoFormatNames.available : ["png", "jpeg", "webp"]
        let values = offer.defaults
        defaults = Defaults(
            height: values.height, width: values.width, numFrames: values.numFrames,
            numInferenceSteps: values.numInferenceSteps, maxSequenceLength: values.maxSequenceLength,
            frameRate: values.frameRate, guidanceScale: values.guidanceScale, extraParams: values.extra)
        extraParams = offer.parameters.map {
            Parameter(name: $0.name, accepts: "\($0.kind)", description: $0.help, default: $0.defaultValue)
        }
        limits = Limits(
            promptCharacters: bounds.promptCharacters, n: bounds.images, pixels: bounds.pixels,
            pixelsTimesFramesTimesSteps: bounds.work, frames: bounds.frames, seconds: bounds.seconds,
            bodyBytes: bounds.bodyBytes, inputPictures: bounds.inputPictures, inputPixels: bounds.inputPixels,
            waiting: bounds.waiting, waitingPerKey: bounds.waitingPerKey, keepSeconds: bounds.keepSeconds)
    }

    var response: Response { get throws { try Response.json(self) } }
}

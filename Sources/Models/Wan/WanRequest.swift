package import Diffusion

extension Wan {
    /// What a video should not look like, where a request does not say.
    ///
    /// TensorRT-LLM's own; diffusers has none.
    package static let defaultNegativePrompt =
        "Vibrant colors, overexposed, static, blurry details, subtitles, style, artwork, painting, image, still image, "
        + "overall grayish tone, worst quality, low quality, JPEG compression artifacts, ugly, incomplete, "
        + "extra fingers, poorly drawn hands, poorly drawn face, deformed, disfigured, malformed limbs, "
        + "fused fingers, motionless image, cluttered background, three legs, many people in the background, "
        + "walking backward"

    /// The longest text.
    private static let longestSequence = 512

    package var defaults: GenerationRequest { withOwnChoices(published) }

    /// What TensorRT-LLM chooses for the published checkpoints.
    private var published: GenerationRequest {
        var choices = GenerationRequest(prompts: [])
        choices.negativePrompts = [Self.defaultNegativePrompt]
        choices.maxSequenceLength = Self.longestSequence
        (choices.height, choices.width, choices.numFrames, choices.frameRate) = (720, 1280, 81, 16)
        (choices.numInferenceSteps, choices.guidanceScale) = (50, 5)
        if parts.conditioning == .firstFrame {
            (choices.height, choices.numFrames, choices.frameRate) = (704, 121, 24)
        } else if parts.boundaryRatio != nil {
            (choices.numInferenceSteps, choices.guidanceScale) = (40, 4)
        } else if parts.transformer.config.numAttentionHeads <= 12 || checkpoint.path.lowercased().contains("480p") {
            (choices.height, choices.width) = (480, 832)
        }
        return choices
    }

    package var warmUpSizes: [OutputSize] {
        let chosen = checkpoint.defaults
        if let height = chosen.height, let width = chosen.width {
            return [OutputSize(height: height, width: width, frames: chosen.numFrames)]
        }
        let (frames, sizes) =
            parts.conditioning == .firstFrame ? (121, [(704, 1280)]) : (81, [(480, 832), (720, 1280)])
        return sizes.flatMap { height, width in
            [33, frames].map { OutputSize(height: height, width: width, frames: $0) }
        }
    }

    package var limitedEffects: [String: FieldEffect] {
        let guided = FieldEffect.whileAbove(1, of: "guidance_scale")
        return ["negative_prompt": guided, "guidance_scale_2": guided]
    }

    package func notes(on request: GenerationRequest, resolved: GenerationRequest) -> [RequestNote] {
        var notes: [RequestNote] = []
        let scale = resolved.guidanceScale ?? 1
        if scale <= 1, request.hasNegativePrompt(besides: defaults) {
            notes.append(.withoutGuidance("negative_prompt", "guidance_scale", scale))
        }
        guard parts.transformer2 != nil, request.extra["guidance_scale_2"]?.number != nil else { return notes }
        if scale <= 1 {
            notes.append(.withoutGuidance("guidance_scale_2", "guidance_scale", scale))
        } else if Experts(resolved, parts, scheduler).steps[1].isEmpty {
            notes.append(RequestNote("guidance_scale_2", "no step is left for the second transformer"))
        }
        return notes
    }

    package func resolve(_ request: GenerationRequest) throws(InvalidRequest) -> GenerationRequest {
        var resolved = request.filled(from: defaults)
        try Self.check(resolved, parts)
        let (rows, columns) = parts.granularity
        resolved.height = resolved.height.map { $0 / rows * rows }
        resolved.width = resolved.width.map { $0 / columns * columns }
        resolved.numFrames = resolved.numFrames.map { parts.vae.config.whole(frames: $0) }
        return resolved
    }

    private static func check(_ request: GenerationRequest, _ components: Parts) throws(InvalidRequest) {
        var checks = RequestChecks(request, model: name)
        checks.batch()
        checks.size(atLeast: max(components.granularity.height, components.granularity.width))
        checks.frames()
        checks.steps()
        checks.finiteGuidance()
        checks.sequenceLength(atMost: longestSequence)
        checks.images(first: components.firstImage, last: components.lastImage)
        if request.lastImage != nil, components.lastImage != .refused, let frames = request.numFrames,
            components.vae.config.whole(frames: frames) < 2
        {
            checks.refuse("num_frames", frames, "more than one latent frame, for a video between two images")
        }
        checks.parameters(parameters)
        if components.transformer2 == nil {
            for name in ["guidance_scale_2", "boundary_ratio"] where request.extra[name] != nil {
                checks.notForModel(name)
            }
        }
        try checks.finish()
    }
}

extension Wan.Parts {
    /// Whether a request must, may or must not bring an image to begin with.
    fileprivate var firstImage: RequestChecks.Need {
        needsImage ? .required : conditioning == .firstFrame ? .optional : .refused
    }

    /// Whether a request must, may or must not bring an image to end with.
    fileprivate var lastImage: RequestChecks.Need {
        guard conditioning == .channels else { return .refused }
        // The embedding of the image encoder's states is made for one image or for two.
        guard imageEncoder != nil else { return .optional }
        return transformer.config.posEmbedSeqLen == nil ? .refused : .required
    }
}

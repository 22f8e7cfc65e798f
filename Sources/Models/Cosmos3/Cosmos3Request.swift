package import Diffusion

extension Cosmos3 {
    package var defaults: GenerationRequest { withOwnChoices(published(isImage: false)) }

    package var imageDefaults: GenerationRequest? { imageChoices }

    /// A checkpoint's own choice of frames is one for videos.
    private var imageChoices: GenerationRequest {
        var choices = withOwnChoices(published(isImage: true))
        choices.numFrames = 1
        return choices
    }

    /// TensorRT-LLM's choices.
    private func published(isImage: Bool) -> GenerationRequest {
        var choices = GenerationRequest(prompts: [])
        choices.negativePrompts = [""]
        choices.maxSequenceLength = min(4096, parts.transformer.config.longestPrompt)
        (choices.height, choices.width, choices.numFrames, choices.frameRate) = (720, 1280, 189, 24)
        (choices.numInferenceSteps, choices.guidanceScale) = (35, 6)
        if isImage {
            (choices.height, choices.width, choices.numFrames) = (1024, 1024, 1)
            (choices.numInferenceSteps, choices.guidanceScale) = (50, 7)
        }
        if let sigmas = parts.sampling.distilledSigmas {
            (choices.numInferenceSteps, choices.guidanceScale) = (sigmas.count, 1)
        }
        return choices
    }

    /// A distilled model has no guidance whatever a request says, and another is guided on either side of 1.
    package var limitedEffects: [String: FieldEffect] {
        parts.sampling.distilledSigmas == nil ? [:] : ["negative_prompt": .never]
    }

    package func notes(on request: GenerationRequest, resolved: GenerationRequest) -> [RequestNote] {
        var notes: [RequestNote] = []
        if resolved.guidanceScale == 1, request.hasNegativePrompt(besides: defaults) {
            notes.append(
                RequestNote("negative_prompt", "guidance_scale is 1.0, with which predictions follow the prompt alone"))
        }
        if resolved.numFrames == 1, !request.images.isEmpty {
            notes.append(RequestNote("image", "an image of one frame begins with noise alone"))
        }
        if resolved.guidanceScale == 1, request.extra["guidance_interval"] != nil {
            notes.append(RequestNote("guidance_interval", "guidance_scale is 1.0, with which no step is guided"))
        }
        return notes
    }

    package func resolve(_ request: GenerationRequest) throws(InvalidRequest) -> GenerationRequest {
        let asked = try request.renamed(by: Self.parameters)
        let isImage = asked.numFrames == 1 || asked.extra["output_type"] == .text("image")
        var resolved = asked.filled(from: isImage ? imageChoices : defaults)
        var checks = RequestChecks(resolved, model: Self.name)
        check(resolved, &checks)
        try checks.finish()
        // As in the reference, the image of a request for one frame changes nothing.
        if resolved.numFrames == 1 { resolved.images = [] }
        return resolved
    }

    private func check(_ request: GenerationRequest, _ checks: inout RequestChecks) {
        checks.batch()
        checks.size(atLeast: parts.vae.config.scaleFactor)
        for (field, size) in [("height", request.height), ("width", request.width)] {
            if let size, size > 0, !size.isMultiple(of: parts.vae.config.scaleFactor) {
                checks.refuse(field, size, "a multiple of \(parts.vae.config.scaleFactor)")
            }
        }
        checks.frames()
        checks.steps()
        checks.finiteGuidance()
        checks.sequenceLength(atMost: parts.transformer.config.longestPrompt)
        checks.images(first: .optional, last: .refused)
        for image in request.images where image.pixels.width * image.pixels.height == 1 {
            checks.refuse("image", "one pixel (\(image.name))", "larger than one pixel")
        }
        checks.parameters(Self.parameters)
        checkPositions(request, &checks)
        checkParameters(request, &checks)
        checkSampling(request, &checks)
    }

    /// The last latent frame's time must lie within what the model was trained with: less than the margin before the first.
    private func checkPositions(_ request: GenerationRequest, _ checks: inout RequestChecks) {
        let config = parts.transformer.config
        guard let frames = request.numFrames, let rate = request.frameRate, frames > 1, rate > 0 else { return }
        let (margin, compression) = (Double(config.temporalModalityMargin), Double(parts.vae.config.temporalFactor))
        if Double(frames - 1) / rate * config.baseFps / compression > margin {
            let most = margin * compression / config.baseFps
            checks.refuse(
                "num_frames", frames, "so few that the video is at most \(most) seconds long at \(rate) frames a second"
            )
        }
    }

    private func checkParameters(_ request: GenerationRequest, _ checks: inout RequestChecks) {
        if request.extra["enable_audio"] == .bool(true), parts.soundTokenizer == nil {
            checks.refuse(
                "enable_audio", true,
                parts.transformer.config.soundGen
                    ? "false: the checkpoint has no sound_tokenizer" : "false: the model was trained without sound")
        }
        if let type = request.extra["output_type"] {
            if type == .text("image"), request.numFrames != 1 {
                checks.refuse("num_frames", request.numFrames ?? 1, "1, as output_type is image")
            } else if type == .text("video"), request.numFrames == 1 {
                checks.refuse("num_frames", 1, "more than 1, as output_type is video")
            } else if type != .text("image"), type != .text("video") {
                checks.refuse("output_type", type, "image or video")
            }
        }
        if let ends = request.extra["guidance_interval"]?.items.compactMap(\.number),
            ends.count != 2 || ends[0] >= ends[1]
        {
            checks.refuse("guidance_interval", ends, "two numbers, the lower one first")
        }
    }

    /// A distilled model has steps and guidance of its own.
    private func checkSampling(_ request: GenerationRequest, _ checks: inout RequestChecks) {
        guard let count = parts.sampling.distilledSigmas?.count else { return }
        if let steps = request.numInferenceSteps, steps != count {
            checks.refuse("num_inference_steps", steps, "\(count): the model was distilled for these steps")
        }
        if let scale = request.guidanceScale, scale != 1 {
            checks.refuse("guidance_scale", scale, "1: guidance is in the distilled model's weights")
        }
        if request.numFrames == 1, !request.images.isEmpty {
            checks.refuse(
                "num_frames", 1, "more than 1 where there is an image: the distilled model has no other use for it")
        }
        for name in ["flow_shift", "use_karras_sigmas", "guidance_interval"] where request.extra[name] != nil {
            checks.notForModel(name)
        }
    }
}

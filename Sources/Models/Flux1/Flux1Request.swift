package import Diffusion

extension Flux1 {
    /// The longest text of the second encoder.
    private static let longestSequence = 512

    package var defaults: GenerationRequest {
        let side = 128 * parts.vae.config.scaleFactor
        var published = GenerationRequest(prompts: [])
        (published.height, published.width) = (side, side)
        // The guidance embedding is what tells FLUX.1-dev from FLUX.1-schnell, which is made for four steps.
        published.numInferenceSteps = parts.transformer.config.guidanceEmbeds ? 50 : 4
        (published.maxSequenceLength, published.guidanceScale) = (Self.longestSequence, 3.5)
        return withOwnChoices(published)
    }

    package var limitedEffects: [String: FieldEffect] {
        let negative = FieldEffect.whileAbove(1, of: "true_cfg_scale")
        var effects = ["negative_prompt": negative, "negative_prompt_2": negative]
        if !parts.transformer.config.guidanceEmbeds { effects["guidance_scale"] = .never }
        return effects
    }

    package func notes(on request: GenerationRequest, resolved: GenerationRequest) -> [RequestNote] {
        let defaults = defaults
        var notes: [RequestNote] = []
        let scale = resolved.extra["true_cfg_scale"]?.number ?? 1
        if scale <= 1 {
            let isGiven = [
                ("negative_prompt", request.hasNegativePrompt(besides: defaults)),
                ("negative_prompt_2", request.extra["negative_prompt_2"].map { $0 != .null } ?? false),
            ]
            notes += isGiven.filter(\.1).map { .withoutGuidance($0.0, "true_cfg_scale", scale) }
        } else if resolved.negativePrompts.isEmpty {
            for field in ["negative_prompt_2", "true_cfg_scale"] where request.extra[field] != nil {
                notes.append(RequestNote(field, "it counts only with negative_prompt"))
            }
        }
        if let scale = request.guidanceScale, scale != defaults.guidanceScale, !parts.transformer.config.guidanceEmbeds
        {
            notes.append(RequestNote("guidance_scale", "the model was made without it"))
        }
        if let steps = request.numInferenceSteps, let made = resolved.numInferenceSteps, steps != made {
            notes.append(RequestNote("num_inference_steps", "sigmas are given for \(made) steps"))
        }
        return notes
    }

    package func resolve(_ request: GenerationRequest) throws(InvalidRequest) -> GenerationRequest {
        var resolved = request.filled(from: defaults)
        if let sigmas = request.extra["sigmas"] { resolved.numInferenceSteps = sigmas.items.count }
        let granularity = parts.granularity
        try Self.check(resolved, granularity: granularity)
        resolved.cropSize(to: granularity)
        return resolved
    }

    private static func check(_ request: GenerationRequest, granularity: Int) throws(InvalidRequest) {
        var checks = RequestChecks(request, model: name)
        checks.imageRequest(granularity: granularity, longestSequence: longestSequence)
        checks.images(first: .refused, last: .refused)
        checks.parameters(parameters)
        for field in ["prompt_2", "negative_prompt_2"] {
            if let texts = request.extra[field] { checks.oneForEachPrompt(field, count: texts.items.count) }
        }
        try checks.finish()
    }
}

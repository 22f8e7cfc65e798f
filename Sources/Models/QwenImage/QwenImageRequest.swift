package import Diffusion

extension QwenImage {
    /// The longest text.
    private static let longestSequence = 1024

    /// TensorRT-LLM's choices.
    package var defaults: GenerationRequest {
        var published = GenerationRequest(prompts: [])
        (published.height, published.width, published.numInferenceSteps) = (1328, 1328, 50)
        (published.guidanceScale, published.maxSequenceLength) = (4, Self.longestSequence)
        published.negativePrompts = [""]
        return withOwnChoices(published)
    }

    package var limitedEffects: [String: FieldEffect] {
        ["negative_prompt": .whileAbove(1, of: "guidance_scale")]
    }

    package func notes(on request: GenerationRequest, resolved: GenerationRequest) -> [RequestNote] {
        let scale = resolved.trueCFGScale
        if scale > 1, resolved.negativePrompts.isEmpty {
            return [RequestNote("true_cfg_scale", "it counts only with negative_prompt")]
        }
        guard scale <= 1, request.hasNegativePrompt(besides: defaults) else { return [] }
        let field = resolved.extra["true_cfg_scale"] == nil ? "guidance_scale" : "true_cfg_scale"
        return [.withoutGuidance("negative_prompt", field, scale)]
    }

    package func resolve(_ request: GenerationRequest) throws(InvalidRequest) -> GenerationRequest {
        var resolved = request.filled(from: defaults)
        // With diffusers' own name of the scale its rule holds: no guidance without a negative prompt.
        if request.extra["true_cfg_scale"] != nil { resolved.negativePrompts = request.negativePrompts }
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
        try checks.finish()
    }
}

extension GenerationRequest {
    /// Qwen-Image's guidance, under diffusers' name or TensorRT-LLM's.
    var trueCFGScale: Double { extra["true_cfg_scale"]?.number ?? guidanceScale ?? 1 }
}

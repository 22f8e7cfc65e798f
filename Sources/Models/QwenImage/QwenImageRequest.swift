package import Diffusion

extension QwenImage {
    /// The longest text.
    private static let longestSequence = 1024

    /// How far places are counted in the tables that the model was trained with.
    private static let places = 4096

    /// TensorRT-LLM's choices for text to image, the published ones for images that are changed.
    package var defaults: GenerationRequest {
        var published = GenerationRequest(prompts: [])
        if parts.sight == nil {
            (published.height, published.width, published.numInferenceSteps) = (1328, 1328, 50)
            published.negativePrompts = [""]
        } else {
            (published.height, published.width, published.numInferenceSteps) = (1024, 1024, 40)
            published.negativePrompts = [" "]
        }
        (published.guidanceScale, published.maxSequenceLength) = (4, Self.longestSequence)
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
        var resolved = request
        if let style = parts.sight?.style {
            ReferenceSize.fill(&resolved, style)
            if let last = request.images.last?.pixels, ReferenceSize.takes(width: last.width, height: last.height) {
                // As large as the last image makes it, unless the request says otherwise.
                let size = ReferenceSize.output(width: last.width, height: last.height)
                (resolved.height, resolved.width) = (request.height ?? size.height, request.width ?? size.width)
            }
        }
        resolved = resolved.filled(from: defaults)
        // With diffusers' own name of the scale its rule holds: no guidance without a negative prompt.
        if request.extra["true_cfg_scale"] != nil { resolved.negativePrompts = request.negativePrompts }
        if let sigmas = request.extra["sigmas"] { resolved.numInferenceSteps = sigmas.items.count }
        try check(resolved)
        resolved.cropSize(to: parts.granularity)
        return resolved
    }

    private func check(_ request: GenerationRequest) throws(InvalidRequest) {
        var checks = RequestChecks(request, model: Self.name)
        checks.imageRequest(granularity: parts.granularity, longestSequence: Self.longestSequence)
        checks.parameters(Self.parameters)
        if let style = parts.sight?.style {
            checks.images(first: .required, last: .refused, takesSeveral: style.takesSeveral)
            // With an area that is none, sizes would be none either.
            if checks.problems.isEmpty { checkEdit(request, &checks) }
        } else {
            checks.images(first: .refused, last: .refused)
            for parameter in ReferenceSize.parameters where request.extra[parameter.name] != nil {
                checks.notForModel(parameter.name)
            }
        }
        try checks.finish()
    }

    /// What only holds for images that are changed.
    private func checkEdit(_ request: GenerationRequest, _ checks: inout RequestChecks) {
        if request.prompts.count > 1 {
            checks.refuse("prompt", "\(request.prompts.count) texts", "one: the model changes images by one at a time")
        }
        for (field, texts) in [("prompt", request.prompts), ("negative_prompt", request.negativePrompts)]
        where texts.contains(where: { $0.contains(QwenImageTemplate.placeholder) }) {
            checks.refuse(
                field, "a text with \(QwenImageTemplate.placeholder)", "without it: it stands for parts of the images")
        }
        let sizes = ReferenceSize.all(of: request)
        for (image, size) in zip(request.images, sizes) {
            let (width, height) = (image.pixels.width, image.pixels.height)
            if ReferenceSize.takes(width: width, height: height), parts.visionSize(size) != nil { continue }
            checks.refuse("image", "\(width)×\(height) (\(image.name))", "less narrow")
        }
        let grids = ([OutputSize(request)] + sizes.map(\.autoencoder)).map(parts.grid)
        let edge = grids.map { max($0.rows / 2, $0.columns / 2) }.max() ?? 0
        let tokens = parts.imageTokens(of: request)
        if edge + tokens > Self.places {
            checks.refuse(
                "image", "\(request.images.count) images of \(tokens) tokens",
                "fewer: there are places for \(Self.places - edge)")
        }
    }
}

extension GenerationRequest {
    /// Qwen-Image's guidance, under diffusers' name or TensorRT-LLM's.
    var trueCFGScale: Double { extra["true_cfg_scale"]?.number ?? guidanceScale ?? 1 }
}

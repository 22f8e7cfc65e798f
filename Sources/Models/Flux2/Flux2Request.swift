package import Diffusion

extension Flux2 {
    /// The longest text.
    private static let longestSequence = 512

    package var defaults: GenerationRequest {
        let side = 128 * parts.vae.config.scaleFactor
        var published = GenerationRequest(prompts: [])
        (published.height, published.width, published.maxSequenceLength) = (side, side, Self.longestSequence)
        switch parts.variant {
        case .dev: (published.numInferenceSteps, published.guidanceScale) = (50, 3.5)
        case .distilledKlein: (published.numInferenceSteps, published.guidanceScale) = (4, 1)
        case .baseKlein:
            (published.numInferenceSteps, published.guidanceScale) = (50, 4)
            published.negativePrompts = [""]
        }
        return withOwnChoices(published)
    }

    package var limitedEffects: [String: FieldEffect] {
        switch parts.variant {
        case .dev: parts.transformer.config.guidanceEmbeds ? [:] : ["guidance_scale": .never]
        case .distilledKlein: ["guidance_scale": .never]
        case .baseKlein: ["negative_prompt": .whileAbove(1, of: "guidance_scale")]
        }
    }

    package func notes(on request: GenerationRequest, resolved: GenerationRequest) -> [RequestNote] {
        let (defaults, scale) = (defaults, resolved.guidanceScale ?? 1)
        if parts.variant == .baseKlein {
            guard scale <= 1, request.hasNegativePrompt(besides: defaults) else { return [] }
            return [.withoutGuidance("negative_prompt", "guidance_scale", scale)]
        }
        let given = request.guidanceScale.map { $0 != defaults.guidanceScale } ?? false
        guard limitedEffects["guidance_scale"] != nil, given else { return [] }
        return [RequestNote("guidance_scale", "the model was made without it")]
    }

    package func resolve(_ request: GenerationRequest) throws(InvalidRequest) -> GenerationRequest {
        var resolved = request
        let granularity = parts.granularity
        if let size = references(of: request).first?.kept {
            // As large as the first image, unless the request says otherwise.
            (resolved.height, resolved.width) = (request.height ?? size.height, request.width ?? size.width)
        }
        resolved = resolved.filled(from: defaults)
        try check(resolved, granularity)
        resolved.cropSize(to: granularity)
        return resolved
    }

    private func check(_ request: GenerationRequest, _ granularity: Int) throws(InvalidRequest) {
        var checks = RequestChecks(request, model: Self.name)
        checks.imageRequest(granularity: granularity, longestSequence: Self.longestSequence)
        checks.images(first: .optional, last: .refused, takesSeveral: true)
        for image in request.images {
            let (width, height) = (image.pixels.width, image.pixels.height)
            guard !ReferenceSize.takes(width: width, height: height) else { continue }
            checks.refuse(
                "image", "\(width)×\(height) (\(image.name))",
                "at least \(ReferenceSize.leastSide) pixels a side, and at most \(ReferenceSize.mostRatio) times as "
                    + "long as wide")
        }
        checks.parameters(Self.parameters)
        checkLayers(of: request, &checks)
        if parts.variant != .baseKlein, request.negativePrompts.contains(where: { !$0.isEmpty }) {
            checks.notForModel("negative_prompt")
        }
        try checks.finish()
    }

    /// Layers above the last one that is asked for by default are not loaded.
    private func checkLayers(of request: GenerationRequest, _ checks: inout RequestChecks) {
        let (name, known) = ("text_encoder_out_layers", parts.variant.states)
        let deepest = known.max() ?? 0
        // What is no list of numbers at all has been refused already.
        guard let value = request.extra[name], value.items.allSatisfy({ $0.number != nil }) else { return }
        if let states = request.textStates, states.count == known.count, states.allSatisfy((0...deepest).contains) {
            return
        }
        checks.refuse(name, value, "three whole numbers from 0 to \(deepest)")
    }
}

extension GenerationRequest {
    /// The states of FLUX.2's text encoder that are asked for; nil if none are, or not by whole numbers.
    var textStates: [Int]? {
        guard let numbers = extra["text_encoder_out_layers"]?.items.map(\.number) else { return nil }
        let states = numbers.compactMap { $0.flatMap(Int.init(exactly:)) }
        return states.count == numbers.count ? states : nil
    }
}

package import Diffusion

extension LTX2 {
    /// The longest text.
    private static let longestSequence = 1024

    package var defaults: GenerationRequest {
        var choices = withOwnChoices(published)
        var guidance = ["stg_scale": 0.0, "modality_scale": 1, "guidance_rescale": 0]
        if isNewer {
            guidance = ["stg_scale": 1, "modality_scale": 3, "guidance_rescale": 0.7]
            choices.extra["spatio_temporal_guidance_blocks"] = .list([
                .number(Double(min(28, parts.transformer.config.numLayers - 1)))
            ])
        }
        if parts.upsampler != nil {
            choices.extra["stage_2_sigmas"] = .list([0.909375, 0.725, 0.421875].map(ParameterValue.number))
        }
        choices.extra.merge(guidance.mapValues(ParameterValue.number)) { _, new in new }
        return choices
    }

    /// Whether it is LTX-2.3, whose authors choose guidance that LTX-2.0 was made without.
    private var isNewer: Bool { parts.transformer.config.perturbedAttn && parts.transformer.config.numLayers > 0 }

    /// What TensorRT-LLM chooses for LTX-2, and diffusers for LTX-2.3.
    private var published: GenerationRequest {
        var choices = GenerationRequest(prompts: [])
        choices.negativePrompts = [""]
        choices.maxSequenceLength = Self.longestSequence / parts.textGranularity * parts.textGranularity
        (choices.height, choices.width, choices.numFrames, choices.frameRate) = (512, 768, 121, 24)
        (choices.numInferenceSteps, choices.guidanceScale) = isNewer ? (30, 3) : (40, 4)
        return choices
    }

    package var limitedEffects: [String: FieldEffect] {
        var effects = [
            "negative_prompt": FieldEffect.whileAbove(1, of: "guidance_scale"),
            "spatio_temporal_guidance_blocks": .whileAbove(0, of: "stg_scale"),
            "stg_blocks": .whileAbove(0, of: "stg_scale"),
        ]
        guard !parts.transformer.config.perturbedAttn else { return effects }
        for field in Self.perturbing { effects[field] = .never }
        return effects
    }

    /// What counts only for models that were made for it.
    private static let perturbing = ["stg_scale", "audio_stg_scale", "spatio_temporal_guidance_blocks", "stg_blocks"]

    package func notes(on request: GenerationRequest, resolved: GenerationRequest) -> [RequestNote] {
        var notes: [RequestNote] = []
        let guidance = StreamGuidance(resolved, parts.transformer.config)
        if !guidance.streams[0].branches.contains(.negative), request.hasNegativePrompt(besides: defaults) {
            notes.append(.withoutGuidance("negative_prompt", "guidance_scale", resolved.guidanceScale ?? 1))
        }
        if !parts.transformer.config.perturbedAttn {
            for field in Self.perturbing where request.extra[field].map({ $0 != .number(0) && $0 != .null }) ?? false {
                notes.append(RequestNote(field, "the model was made without it"))
            }
        }
        if let steps = request.numInferenceSteps, let made = resolved.numInferenceSteps, steps != made {
            notes.append(RequestNote("num_inference_steps", "sigmas are given for \(made) steps"))
        }
        return notes
    }

    package func resolve(_ request: GenerationRequest) throws(InvalidRequest) -> GenerationRequest {
        var resolved = try request.renamed(by: Self.parameters).filled(from: defaults)
        if let sigmas = request.extra["sigmas"] { resolved.numInferenceSteps = sigmas.items.count }
        var checks = RequestChecks(resolved, model: Self.name)
        check(resolved, &checks)
        try checks.finish()
        resolved.cropSize(to: parts.granularity)
        resolved.numFrames = resolved.numFrames.map { parts.vae.config.whole(frames: $0) }
        let size = LatentSize(OutputSize(resolved), rate: resolved.frameRate ?? 1, parts)
        if size.length < 1 {
            let shown = resolved.frameRate ?? 1
            throw InvalidRequest([
                .value(
                    "frame_rate", found: "\(shown)", expected: "such that the sound is not shorter than 0.02 seconds")
            ])
        }
        return resolved
    }

    private func check(_ request: GenerationRequest, _ checks: inout RequestChecks) {
        checks.batch()
        checks.size(atLeast: parts.granularity * parts.vae.config.smallestSide)
        checks.frames()
        checks.steps()
        checks.finiteGuidance()
        checks.sequenceLength(atMost: Self.longestSequence)
        if let length = request.maxSequenceLength, !length.isMultiple(of: parts.textGranularity) {
            checks.refuse("max_sequence_length", length, "a multiple of \(parts.textGranularity)")
        }
        checks.images(first: .optional, last: .refused)
        checks.parameters(Self.parameters)
        if parts.upsampler == nil, request.extra["stage_2_sigmas"] != nil { checks.notForModel("stage_2_sigmas") }
        let (name, layers) = ("spatio_temporal_guidance_blocks", parts.transformer.config.numLayers)
        let blocks = request.extra[name]?.items.compactMap(\.number) ?? []
        for block in blocks where block != block.rounded() || block >= Double(layers) {
            checks.refuse(name, block, "whole numbers below \(layers)")
        }
        let scales = ["stg_scale", "audio_stg_scale"].compactMap { request.extra[$0]?.number }
        if blocks.isEmpty, scales.contains(where: { $0 > 0 }) {
            checks.refuse(name, "none", "the blocks of stg_scale")
        }
        for name in ["guidance_skip_step", "image_crf"] {
            if let number = request.extra[name]?.number, number != number.rounded() {
                checks.refuse(name, number, "a whole number")
            }
        }
    }
}

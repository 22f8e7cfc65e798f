package import Diffusion

extension Flux1 {
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
}

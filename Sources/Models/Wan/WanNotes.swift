package import Diffusion

extension Wan {
    package func notes(on request: GenerationRequest, resolved: GenerationRequest) -> [RequestNote] {
        var notes: [RequestNote] = []
        let scale = resolved.guidanceScale ?? 1
        if scale <= 1, request.hasNegativePrompt(besides: defaults) {
            notes.append(.withoutGuidance("negative_prompt", "guidance_scale", scale))
        }
        guard parts.transformer2 != nil, request.extra["guidance_scale_2"]?.number != nil else { return notes }
        let experts = Experts(resolved, parts, scheduler)
        if scale <= 1 {
            notes.append(.withoutGuidance("guidance_scale_2", "guidance_scale", scale))
        } else if experts.boundary == experts.count {
            notes.append(RequestNote("guidance_scale_2", "no step is left for the second transformer"))
        }
        return notes
    }
}

package import Diffusion
internal import Layers

extension Flux1 {
    /// The longest text of the second encoder.
    private static let longestSequence = 512

    package static func resolve(_ request: GenerationRequest, for checkpoint: CheckpointFolder) throws
        -> GenerationRequest
    {
        var resolved = request
        let (transformer, _) = try TransformerConfig.read(
            "\(checkpoint.path)/transformer/config.json", allowingUnknown: checkpoint.allowsUnknownConfig)
        let (vae, _) = try AutoencoderKLConfig.read(
            "\(checkpoint.path)/vae/config.json", allowingUnknown: checkpoint.allowsUnknownConfig)
        let side = 128 * vae.scaleFactor
        resolved.height = request.height ?? checkpoint.defaults.height ?? side
        resolved.width = request.width ?? checkpoint.defaults.width ?? side
        // The guidance embedding is what tells FLUX.1-dev from FLUX.1-schnell, which is made for four steps.
        resolved.numInferenceSteps =
            request.extra["sigmas"]?.items.count ?? request.numInferenceSteps
            ?? checkpoint.defaults.numInferenceSteps ?? (transformer.guidanceEmbeds ? 50 : 4)
        resolved.guidanceScale = request.guidanceScale ?? 3.5
        resolved.maxSequenceLength = request.maxSequenceLength ?? longestSequence
        try check(resolved, granularity: 2 * vae.scaleFactor)
        return resolved
    }

    private static func check(_ request: GenerationRequest, granularity: Int) throws(InvalidRequest) {
        var checks = RequestChecks(request, model: name)
        checks.batch()
        checks.size(atLeast: granularity)
        checks.steps()
        checks.finiteGuidance()
        checks.sequenceLength(atMost: longestSequence)
        checks.noFrames()
        checks.parameters(parameters)
        for field in ["prompt_2", "negative_prompt_2"] {
            if let texts = request.extra[field] { checks.oneForEachPrompt(field, count: texts.items.count) }
        }
        try checks.finish()
    }
}

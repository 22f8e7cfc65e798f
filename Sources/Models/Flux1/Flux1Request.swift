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
        try resolved.requireMemory(bytesOfPixel: vae.decodingBytesOfPixel)
        return resolved
    }

    private static func check(_ request: GenerationRequest, granularity: Int) throws(RequestError) {
        try request.requireParameters(parameters, model: name)
        try request.requireBatch()
        try request.requireSize(atLeast: granularity)
        try request.requireSteps()
        try request.requireFiniteGuidance()
        try request.requireNoFrames(model: name)
        try request.requireSequenceLength(atMost: longestSequence)
        for field in ["prompt_2", "negative_prompt_2"] {
            try request.requireOneForEachPrompt(field, count: request.extra[field]?.items.count ?? 1)
        }
    }
}

internal import Diffusion

extension Flux2 {
    /// In a step the joined product of a single block decides: query, key, value and both halves of the feed-forward,
    /// beside the stream, its normalised form, the attention's result and what is joined for the next product.
    func stages(of request: GenerationRequest, _ options: PipelineOptions) -> ImageStages {
        let (memory, config) = (RequestMemory(request, options), parts.transformer.config)
        return ImageStages(
            self, request, options, memory,
            encoding: parts.textEncoder.activationBytes(
                texts: request.prompts.count, tokens: memory.textTokens, states: parts.variant.states.count,
                memory.dtype),
            numbersOfToken: 12 * config.width + 6 * config.inner, caches: 2)
    }
}

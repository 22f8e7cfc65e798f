internal import Diffusion
internal import Layers

extension Flux1 {
    /// In a step the widest product of a block decides.
    ///
    /// Beside the joint stream there are query, key and value, the feed-forward's and the attention's results, those joined,
    /// and what the system gets back late. Measured, all that is 13 to 20 times the stream, with 16-bit numbers and the
    /// parts of weights that are converted for their products too.
    func stages(of request: GenerationRequest, _ options: PipelineOptions) -> ImageStages {
        let (memory, texts) = (RequestMemory(request, options), request.prompts.count)
        let (clip, t5) = (parts.textEncoder.config, parts.textEncoder2.config)
        return ImageStages(
            self, request, options, memory,
            encoding: max(
                clip.activationBytes(texts: texts, tokens: clip.maxPositionEmbeddings, memory.dtype),
                t5.activationBytes(texts: texts, tokens: memory.textTokens, memory.dtype)),
            denoising: parts.transformer.config.modulationBytes(memory.dtype) * memory.outputs
                * rowsAtOnce(on: options.plan.device),
            numbersOfToken: 22 * parts.transformer.config.width)
    }
}

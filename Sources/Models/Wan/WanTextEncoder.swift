internal import Diffusion
internal import Layers
internal import PromptCleaning
internal import Tensors

/// Wan's text encoder, a UMT5.
struct WanTextEncoder {
    let umt5: PromptEncoder<T5Config, T5Encoder>

    init(_ model: Wan, _ context: ComputeContext) throws {
        umt5 = try PromptEncoder(
            model.parts.textEncoder, context, tokenizer: "tokenizer", class: "T5Tokenizer", in: model.checkpoint)
    }

    /// The states of each video's prompt, followed by zeros, `[outputs, tokens, width]`.
    ///
    /// - Throws: ``TokenizerError``, ``TensorError``, or ``ConfigError`` for a token that the encoder has no row for
    func encode(_ request: GenerationRequest, _ branch: Guidance.Branch, _ trace: Trace?) throws -> Tensor {
        let isPositive = branch == .positive
        let negatives = request.negativePrompts.isEmpty ? [""] : request.negativePrompts
        let texts = (isPositive ? request.prompts : negatives).map(PromptCleaning.clean)
        let length = request.maxSequenceLength ?? 512
        let (ids, mask) = try umt5.tokens(of: texts, length: length, isPositive ? trace : nil)
        // Padding is hidden from the other tokens, and its own states are replaced: it need not be encoded.
        let longest = mask.map { Int($0.reduce(0, +)) }.max() ?? 0
        let owned = mask.map { Array($0.prefix(longest)) }
        let states = try umt5.encoder()(ids.map { Array($0.prefix(longest)) }, mask: owned)
        let kept = try Tensor(owned.joined().map(Float.init), shape: [texts.count, longest, 1])
            .to(states.dtype, on: states.device)
        let padded = try (states * kept).padded(0, 0, 0, length - longest)
            .repeated(request.numImagesPerPrompt, axis: 0).spread(over: request.outputCount)
        try trace?.record(isPositive ? "prompt_embeds" : "negative_prompt_embeds", padded)
        return padded
    }
}

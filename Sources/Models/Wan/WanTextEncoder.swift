internal import Diffusion
internal import Layers
internal import PromptCleaning
internal import Tensors

/// Wan's text encoder, a UMT5.
struct WanTextEncoder {
    private let tokenizer: PromptTokenizer
    let encoder: Resident<T5Config, T5Encoder>

    init(_ model: Wan, _ context: ComputeContext) throws {
        tokenizer = try PromptTokenizer(
            "tokenizer", classes: ["T5Tokenizer", "T5TokenizerFast"], in: model.checkpoint)
        encoder = Resident(model.parts.textEncoder, context)
    }

    /// Encodes texts.
    ///
    /// - Parameters:
    ///   - texts: one for each prompt, or one for all
    ///   - request: a resolved request
    ///   - name: what its states are called in the trace
    ///   - trace: where ids and states are recorded, or nil
    /// - Returns: for each video the states of its prompt's tokens, followed by zeros, `[outputs, tokens, width]`
    /// - Throws: ``TokenizerError``, ``TensorError``, or ``ConfigError`` for a token that the encoder has no row for
    func encode(_ texts: [String], for request: GenerationRequest, as name: String, _ trace: Trace?) throws -> Tensor {
        let length = request.maxSequenceLength ?? 512
        let (ids, mask) = try tokenizer(texts.map(PromptCleaning.clean), length: length)
        try encoder.component.requireRows(for: ids, of: "tokenizer")
        if name == "prompt_embeds" { trace?.record("input_ids.text_encoder", ids: ids) }
        // Padding is hidden from the other tokens, and its own states are replaced: it need not be encoded.
        let longest = mask.map { Int($0.reduce(0, +)) }.max() ?? 0
        let states = try encoder()(ids.map { Array($0.prefix(longest)) }, mask: mask.map { Array($0.prefix(longest)) })
        let kept = try Tensor(mask.flatMap { $0.prefix(longest).map(Float.init) }, shape: [texts.count, longest, 1])
            .to(states.dtype, on: states.device)
        let padded = try (states * kept).padded(0, 0, 0, length - longest)
            .repeated(request.numImagesPerPrompt, axis: 0).spread(over: request.outputCount)
        try trace?.record(name, padded)
        return padded
    }
}

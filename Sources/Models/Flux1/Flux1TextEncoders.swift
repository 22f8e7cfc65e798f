internal import Diffusion
internal import Layers
internal import Tensors
internal import Tokenizers

/// FLUX.1's two text encoders: CLIP for the text as a whole, T5 for its tokens.
struct Flux1TextEncoders {
    /// A batch of prompts as the denoiser takes them.
    struct Prompt {
        /// T5's states, `[batch, tokens, width]`.
        let prompt: Tensor
        /// CLIP's pooled states, `[batch, width]`.
        let pooled: Tensor
    }

    /// Which of a request's prompts.
    enum Side { case positive, negative }

    private let tokenizer, tokenizer2: Tokenizer
    /// How long every text of CLIP is, in tokens.
    private let clipTokens: Int
    let encoder: Resident<CLIPTextConfig, CLIPTextModel>
    let encoder2: Resident<T5Config, T5Encoder>

    init(_ checkpoint: CheckpointFolder, _ components: Flux1.Components, plan: ExecutionPlan) throws {
        tokenizer = try Self.tokenizer("tokenizer", ["CLIPTokenizer", "CLIPTokenizerFast"], in: checkpoint)
        tokenizer2 = try Self.tokenizer("tokenizer_2", ["T5Tokenizer", "T5TokenizerFast"], in: checkpoint)
        let positions = components.textEncoder.config.maxPositionEmbeddings
        clipTokens = tokenizer.modelMaxLength ?? positions
        guard clipTokens <= positions else {
            throw ConfigError(
                file: "\(components.textEncoder.folder)/config.json",
                fault: .misfit("max_position_embeddings", positions, to: "model_max_length of tokenizer", clipTokens))
        }
        encoder = Resident(components.textEncoder, plan: plan)
        encoder2 = Resident(components.textEncoder2, plan: plan)
    }

    /// Encodes a request's prompts, each as often as pictures are wanted of it.
    ///
    /// - Parameters:
    ///   - request: a resolved request
    ///   - side: its prompts, or its negative prompts
    ///   - trace: where ids and states are recorded, or nil
    /// - Returns: one row for each picture
    /// - Throws: ``TokenizerError``, ``TensorError``, or ``ConfigError`` for a token that an encoder has no row for
    func encode(_ request: GenerationRequest, _ side: Side, trace: Trace?) throws -> Prompt {
        let texts = side == .positive ? request.prompts : request.negativePrompts
        let second = request.extra[side == .positive ? "prompt_2" : "negative_prompt_2"]
        // diffusers takes an empty second prompt for none, but not a list of empty ones.
        let texts2 = second == .text("") ? texts : second?.items.compactMap(\.text) ?? texts
        let ids = try Self.ids(texts, tokenizer, length: clipTokens)
        let ids2 = try Self.ids(texts2, tokenizer2, length: request.maxSequenceLength ?? 512)
        try encoder.component.requireRows(for: ids, of: "tokenizer")
        try encoder2.component.requireRows(for: ids2, of: "tokenizer_2")
        let prefix = side == .positive ? "" : "negative_"
        if side == .positive {
            trace?.record("input_ids.text_encoder", ids: ids)
            trace?.record("input_ids.text_encoder_2", ids: ids2)
        }
        let pooled = try encoder()(ids).pooled.repeated(request.numImagesPerPrompt, axis: 0)
        let states = try encoder2()(ids2).repeated(request.numImagesPerPrompt, axis: 0)
        try trace?.record("\(prefix)prompt_embeds", states)
        try trace?.record("\(prefix)pooled_prompt_embeds", pooled)
        return Prompt(
            prompt: try states.spread(over: request.outputCount),
            pooled: try pooled.spread(over: request.outputCount))
    }

    private static func tokenizer(_ name: String, _ classes: [String], in checkpoint: CheckpointFolder) throws
        -> Tokenizer
    {
        let folder = try checkpoint.folder(name, classes: classes)
        return try Tokenizer(folder: folder, className: checkpoint.components[name] ?? nil)
    }

    private static func ids(_ texts: [String], _ tokenizer: Tokenizer, length: Int) throws -> [[Int32]] {
        try tokenizer.encode(texts, maxLength: length, padding: .maxLength, truncation: .maxLength).map(\.ids)
    }
}

extension Tensor {
    /// Rows of one prompt, repeated until there is one for each of a number of pictures.
    fileprivate func spread(over count: Int) throws(TensorError) -> Tensor {
        if size(0) == count { return self }
        return try concatenate([Tensor](repeating: self, count: count / size(0)), axis: 0)
    }
}

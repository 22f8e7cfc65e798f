internal import Diffusion
internal import Layers
internal import Tensors

/// FLUX.1's two text encoders: CLIP for the text as a whole, T5 for its tokens.
struct Flux1TextEncoders {
    /// A batch of prompts as the denoiser takes them.
    struct Prompt {
        /// T5's states, `[batch, tokens, width]`.
        let prompt: Tensor
        /// CLIP's pooled states, `[batch, width]`.
        let pooled: Tensor
    }

    private let tokenizer, tokenizer2: PromptTokenizer
    /// How long every text of CLIP is, in tokens.
    private let clipTokens: Int
    let encoder: Resident<CLIPTextConfig, CLIPTextModel>
    let encoder2: Resident<T5Config, T5Encoder>

    init(_ model: Flux1, _ context: ComputeContext) throws {
        let components = model.parts
        tokenizer = try PromptTokenizer(
            "tokenizer", classes: ["CLIPTokenizer", "CLIPTokenizerFast"], in: model.checkpoint)
        tokenizer2 = try PromptTokenizer(
            "tokenizer_2", classes: ["T5Tokenizer", "T5TokenizerFast"], in: model.checkpoint)
        let positions = components.textEncoder.config.maxPositionEmbeddings
        clipTokens = tokenizer.modelMaxLength ?? positions
        guard clipTokens <= positions else {
            throw ConfigError(
                file: "\(components.textEncoder.folder)/config.json",
                fault: .misfit("max_position_embeddings", positions, to: "model_max_length of tokenizer", clipTokens))
        }
        encoder = Resident(components.textEncoder, context)
        encoder2 = Resident(components.textEncoder2, context)
    }

    /// Encodes a request's prompts, each as often as images are wanted of it.
    ///
    /// - Parameters:
    ///   - request: a resolved request
    ///   - branch: of guidance
    ///   - trace: where ids and states are recorded, or nil
    /// - Returns: one row for each image
    /// - Throws: ``TokenizerError``, ``TensorError``, or ``ConfigError`` for a token that an encoder has no row for
    func encode(_ request: GenerationRequest, _ branch: Guidance.Branch, trace: Trace?) throws -> Prompt {
        let texts = branch == .positive ? request.prompts : request.negativePrompts
        let second = request.extra[branch == .positive ? "prompt_2" : "negative_prompt_2"]
        // diffusers takes an empty second prompt for none, but not a list of empty ones.
        let texts2 = second == .text("") ? texts : second?.items.compactMap(\.text) ?? texts
        let ids = try tokenizer(texts, length: clipTokens).ids
        let ids2 = try tokenizer2(texts2, length: request.maxSequenceLength ?? 512).ids
        try encoder.component.requireRows(for: ids, of: "tokenizer")
        try encoder2.component.requireRows(for: ids2, of: "tokenizer_2")
        let prefix = branch == .positive ? "" : "negative_"
        if branch == .positive {
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
}

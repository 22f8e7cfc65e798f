internal import Diffusion
internal import Layers
internal import Tensors

/// FLUX.1's two text encoders: CLIP for the text as a whole, T5 for its tokens.
struct Flux1TextEncoders: ImageTextEncoder {
    /// A batch of prompts as the denoiser takes them.
    struct Prompt {
        /// T5's states, `[batch, tokens, width]`.
        let prompt: Tensor
        /// CLIP's pooled states, `[batch, width]`.
        let pooled: Tensor
    }

    private let clip: PromptEncoder<CLIPTextConfig, CLIPTextModel>
    private let t5: PromptEncoder<T5Config, T5Encoder>
    /// How long every text of CLIP is, in tokens.
    private let clipTokens: Int

    init(_ model: Flux1, _ context: ComputeContext) throws {
        let (checkpoint, component) = (model.checkpoint, model.parts.textEncoder)
        clip = try PromptEncoder(component, context, tokenizer: "tokenizer", class: "CLIPTokenizer", in: checkpoint)
        t5 = try PromptEncoder(
            model.parts.textEncoder2, context, tokenizer: "tokenizer_2", class: "T5Tokenizer", in: checkpoint)
        let positions = component.config.maxPositionEmbeddings
        clipTokens = clip.modelMaxLength ?? positions
        guard clipTokens <= positions else {
            throw component.error(
                .misfit("max_position_embeddings", positions, to: "model_max_length of tokenizer", clipTokens))
        }
    }

    var encoders: [any ResidentComponent] { [clip.encoder, t5.encoder] }

    func encode(_ request: GenerationRequest, _ branches: [Guidance.Branch], _ trace: Trace?) throws -> [Prompt] {
        try branches.map { try encode(request, $0, trace) }
    }

    private func encode(_ request: GenerationRequest, _ branch: Guidance.Branch, _ trace: Trace?) throws -> Prompt {
        let isPositive = branch == .positive
        let texts = isPositive ? request.prompts : request.negativePrompts
        let second = request.extra[isPositive ? "prompt_2" : "negative_prompt_2"]
        // diffusers takes an empty second prompt for none, but not a list of empty ones.
        let texts2 = second == .text("") ? texts : second?.items.compactMap(\.text) ?? texts
        let ids = try clip.tokens(of: texts, length: clipTokens, isPositive ? trace : nil).ids
        let ids2 = try t5.tokens(of: texts2, length: request.maxSequenceLength ?? 512, isPositive ? trace : nil).ids
        let pooled = try clip.encoder()(ids).pooled.repeated(request.numImagesPerPrompt, axis: 0)
        let states = try t5.encoder()(ids2).repeated(request.numImagesPerPrompt, axis: 0)
        let prefix = isPositive ? "" : "negative_"
        try trace?.record("\(prefix)prompt_embeds", states)
        try trace?.record("\(prefix)pooled_prompt_embeds", pooled)
        return Prompt(
            prompt: try states.spread(over: request.outputCount),
            pooled: try pooled.spread(over: request.outputCount))
    }
}

internal import Diffusion
internal import Layers
internal import Tensors
internal import Tokenizers

/// FLUX.2's text encoder: a language model that reads the prompt as a turn of a chat, and whose states of three layers
/// lie side by side for each token.
///
/// Padding counts: the denoiser sees every token.
struct Flux2TextEncoder: ImageTextEncoder {
    private let chats: any ChatStates
    private let variant: Flux2.Parts.Variant

    /// Reads tokenizer and chat template.
    ///
    /// - Throws: ``CheckpointError`` or ``TokenizerError``
    init(_ model: Flux2, _ context: ComputeContext) throws {
        variant = model.parts.variant
        let isDev = variant == .dev
        chats = try model.parts.textEncoder.chatEncoder(
            context, tokenizer: "tokenizer", class: isDev ? "PixtralProcessor" : "Qwen2Tokenizer",
            needing: isDev
                ? ["[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[INST]", "[/INST]"] : ["<|im_start|>", "<|im_end|>"],
            in: model.checkpoint)
    }

    var encoders: [any ResidentComponent] { [chats.model] }

    func encode(_ request: GenerationRequest, _ branches: [Guidance.Branch], _ trace: Trace?) throws -> [Tensor] {
        try branches.map { try encode(request, $0, trace) }
    }

    /// - Returns: `[images, tokens, 3 · width]`
    private func encode(_ request: GenerationRequest, _ branch: Guidance.Branch, _ trace: Trace?) throws -> Tensor {
        let isPositive = branch == .positive
        let texts = isPositive ? request.prompts : request.negativePrompts
        let prompt = try chats.encode(
            texts.map(chat), variables, length: request.maxSequenceLength ?? 512,
            states: request.textStates ?? variant.states, isPositive ? trace : nil)
        if isPositive { trace?.record("attention_mask.\(chats.model.name)", ids: prompt.mask) }
        let states = try prompt.states.repeated(request.numImagesPerPrompt, axis: 0).spread(over: request.outputCount)
        try trace?.record(isPositive ? "prompt_embeds" : "negative_prompt_embeds", states)
        return states
    }

    /// What FLUX.2-dev was trained with.
    // Source: diffusers 0.42.1, pipelines/flux2/system_messages.py.
    private static let systemMessage =
        "You are an AI that reasons about image descriptions. You give structured responses focusing on object "
        + "relationships, object\nattribution and actions without speculation."

    private func chat(_ prompt: String) -> [ChatMessage] {
        guard variant == .dev else { return [ChatMessage(.user, prompt)] }
        return [
            ChatMessage(.system, parts: [.text(Self.systemMessage)]),
            ChatMessage(.user, parts: [.text(prompt.replacing("[IMG]", with: ""))]),
        ]
    }

    private var variables: [String: TemplateValue] {
        variant == .dev ? [:] : ["add_generation_prompt": .bool(true), "enable_thinking": .bool(false)]
    }
}

extension Flux2.Parts.Variant {
    /// The states that become embeddings, counted from those that enter the first layer.
    var states: [Int] { self == .dev ? [10, 20, 30] : [9, 18, 27] }

    /// The language model, as far as the states need it.
    ///
    /// - Throws: ``CheckpointError`` or ``ConfigError``
    func textEncoder(of checkpoint: CheckpointFolder) throws -> any LanguageModelComponent {
        let depth = states[states.count - 1]
        func component<Config: LanguageModelConfig>(_ name: String, _ config: Config.Type) throws
            -> any LanguageModelComponent
        {
            let component = try Component<Config, LanguageModel>(
                "text_encoder", in: checkpoint, classes: [name], as: .textEncoder
            ) { try LanguageModel($0, $1, depth: depth) }
            let layers = component.config.layerCount
            guard layers >= depth else {
                throw component.error(.value("num_hidden_layers", found: "\(layers) instead of at least \(depth)"))
            }
            return component
        }
        return self == .dev
            ? try component("Mistral3ForConditionalGeneration", MistralTextConfig.self)
            : try component("Qwen3ForCausalLM", Qwen3Config.self)
    }
}

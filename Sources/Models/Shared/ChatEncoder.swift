package import Diffusion
package import Layers
package import Tensors
package import Tokenizers

/// A batch of prompts as a denoiser takes them.
package struct ChatPrompt {
    /// The chosen states of each token side by side, `[batch, tokens, states · width]`.
    package let states: Tensor
    /// For each token 1, for padding 0.
    package let mask: [[Int32]]
}

/// Encodes prompts that are turns of a chat, whichever language model does it; see ``ChatEncoder``.
package protocol ChatStates {
    /// The language model.
    var model: any ResidentComponent { get }

    /// Encodes chats; see ``ChatEncoder/encode(_:_:length:states:_:)``.
    func encode(
        _ chats: [[ChatMessage]], _ variables: [String: TemplateValue], length: Int, states: [Int], _ trace: Trace?
    ) throws -> ChatPrompt
}

/// A language model that encodes prompts as turns of a chat, written by the template that comes with its tokenizer.
package struct ChatEncoder<Config: LanguageModelConfig>: ChatStates {
    let prompts: PromptEncoder<Config, LanguageModel>
    private let template: ChatTemplate

    /// Reads tokenizer and template.
    ///
    /// - Parameters:
    ///   - component: the language model
    ///   - context: what it computes with
    ///   - tokenizer: the tokenizer's name in `model_index.json`
    ///   - name: its class, or that of its processor
    ///   - tokens: what the template writes between turns, which must be single tokens
    ///   - checkpoint: the model
    /// - Throws: ``CheckpointError`` or ``TokenizerError``
    package init(
        _ component: Component<Config, LanguageModel>, _ context: ComputeContext, tokenizer: String,
        class name: String, needing tokens: [String], in checkpoint: CheckpointFolder
    ) throws {
        prompts = try PromptEncoder(component, context, tokenizer: tokenizer, class: name, in: checkpoint)
        template = try ChatTemplate(folder: checkpoint.folder(tokenizer, classes: [name, "\(name)Fast"]))
        try prompts.require(tokens)
    }

    /// The language model, which may leave memory when its prompts are encoded.
    package var encoder: Resident<Config, LanguageModel> { prompts.encoder }

    package var model: any ResidentComponent { encoder }

    /// Encodes chats.
    ///
    /// - Parameters:
    ///   - chats: one a prompt
    ///   - variables: what the template reads besides, as `add_generation_prompt`
    ///   - length: tokens of each, cut or padded as the tokenizer's files say
    ///   - states: which states, as ``LanguageModel`` counts them
    ///   - trace: where the ids are recorded, or nil
    /// - Returns: the states and where they belong to padding
    /// - Throws: ``TokenizerError``, ``TensorError``, or ``ConfigError`` for a token that the model has no row for
    package func encode(
        _ chats: [[ChatMessage]], _ variables: [String: TemplateValue] = [:], length: Int, states: [Int],
        _ trace: Trace?
    ) throws -> ChatPrompt {
        let texts = try chats.map { try prompts.tokenizer.render($0, by: template, variables) }
        // A template that writes the token which begins a sequence writes all of them.
        let isWhole = texts.first.map(prompts.tokenizer.begins) ?? false
        let (ids, mask) = try prompts.tokens(of: texts, length: length, addSpecialTokens: !isWhole, trace)
        return ChatPrompt(states: try prompts.encoder().joined(states, of: ids, mask: mask), mask: mask)
    }
}

extension LanguageModel {
    /// Chosen states of each token side by side.
    ///
    /// - Parameters:
    ///   - states: which ones
    ///   - ids: one row a text, all of one length
    ///   - mask: for each token 1, for padding 0
    /// - Returns: `[batch, tokens, states · width]`, in the model's type
    package func joined(_ states: [Int], of ids: [[Int32]], mask: [[Int32]]) throws(TensorError) -> Tensor {
        var parts: [Tensor] = []
        for state in try self(ids, mask: mask, states: states) { parts.append(try state.to(dtype)) }
        return try parts.count == 1 ? parts[0] : concatenate(parts, axis: 2)
    }
}

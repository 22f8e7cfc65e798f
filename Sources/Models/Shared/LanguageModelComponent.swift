package import Diffusion
package import Layers
package import Tensors

/// A component that is a language model, whichever class its config is of.
package protocol LanguageModelComponent: InspectableComponent {
    /// Numbers of a token's state.
    var width: Int { get }

    /// What encoding holds at once besides weights, in bytes; see ``LanguageModelConfig``.
    func activationBytes(texts: Int, tokens: Int, states: Int, _ dtype: DType) -> MemorySize

    /// The encoder of prompts that are turns of a chat; see ``ChatEncoder``.
    func chatEncoder(
        _ context: ComputeContext, tokenizer: String, class name: String, needing tokens: [String],
        in checkpoint: CheckpointFolder
    ) throws -> any ChatStates
}

extension Component: LanguageModelComponent where Config: LanguageModelConfig, Module == LanguageModel {
    package var width: Int { config.layout.width }

    package func activationBytes(texts: Int, tokens: Int, states: Int, _ dtype: DType) -> MemorySize {
        config.activationBytes(texts: texts, tokens: tokens, states: states, dtype)
    }

    package func chatEncoder(
        _ context: ComputeContext, tokenizer: String, class name: String, needing tokens: [String],
        in checkpoint: CheckpointFolder
    ) throws -> any ChatStates {
        try ChatEncoder(self, context, tokenizer: tokenizer, class: name, needing: tokens, in: checkpoint)
    }
}

internal import Layers
internal import Tensors

/// One layer: attention and feed-forward layer, each after a norm and added to its input.
///
/// The states that run from layer to layer are in 32-bit floats: their sum is rounded nowhere else.
struct LanguageModelBlock {
    private let attention: LanguageModelAttention
    private let feedForward: LanguageModelFeedForward
    private let attentionNorm, feedForwardNorm: LanguageModelNorm
    /// Before each sum, in models that norm there too.
    private let attendedNorm, outputNorm: LanguageModelNorm?

    init(_ weights: Weights, _ layout: LanguageModelLayout) throws {
        func norm(_ name: String) throws -> LanguageModelNorm {
            try LanguageModelNorm(weights[name], size: layout.width, layout)
        }
        attention = try LanguageModelAttention(weights["self_attn"], layout)
        feedForward = try LanguageModelFeedForward(weights["mlp"], layout)
        attentionNorm = try norm("input_layernorm")
        feedForwardNorm = try norm(layout.normsSums ? "pre_feedforward_layernorm" : "post_attention_layernorm")
        attendedNorm = layout.normsSums ? try norm("post_attention_layernorm") : nil
        outputNorm = layout.normsSums ? try norm("post_feedforward_layernorm") : nil
    }

    /// - Parameters:
    ///   - x: `[batch, tokens, width]`, in 32-bit floats
    ///   - rotary: the tables of the tokens
    ///   - mask: `[batch or 1, 1, tokens, tokens]`
    /// - Returns: `[batch, tokens, width]`, in 32-bit floats
    func callAsFunction(_ x: Tensor, _ rotary: RotaryEmbedding, mask: Tensor) throws(TensorError) -> Tensor {
        let attended = try attention(attentionNorm(x), rotary, mask: mask)
        let h = try x + (attendedNorm?.wide(attended) ?? attended)
        let output = try feedForward(feedForwardNorm(h))
        return try h + (outputNorm?.wide(output) ?? output)
    }
}

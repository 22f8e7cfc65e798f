package import Tensors

/// Computes softmax(query · keyᵀ · scale + mask) · value.
///
/// Kernels conform, and so do parallel layouts, which wrap another kernel. Models know ``Attention`` only.
package protocol AttentionKernel {
    /// Attends.
    ///
    /// - Parameter inputs: what attends to what
    /// - Returns: `[batch, heads, tokens, headWidth]`; nothing where there are no tokens, zeros where there are no keys
    func attend(_ inputs: AttentionInputs) throws(TensorError) -> Tensor

    /// Attends to some of the keys, in a form that can be joined with attention to others.
    ///
    /// - Parameter inputs: what attends to what
    /// - Returns: the result of these keys, `[batch, heads, tokens, headWidth]`, and log Σ exp(score) of each token,
    ///   `[batch, heads, tokens]` in 32-bit floats
    func attendWithLogSumExp(_ inputs: AttentionInputs) throws(TensorError) -> (result: Tensor, logSumExp: Tensor)
}

/// What an attention kernel is given.
package struct AttentionInputs {
    /// `[batch, heads, tokens, headWidth]`.
    package var query: Tensor
    /// `[batch, heads, keys, headWidth]`, each.
    package var key, value: Tensor
    /// Added to the scores, broadcast to `[batch, heads, tokens, keys]`; nil hides nothing.
    package var mask: Tensor?
    /// The factor of the scores.
    package var scale: Double
    /// How many of the first tokens are text, where text and image share a sequence.
    package var textTokens = 0
    /// Which of the tokens attend.
    package var queries = QueryTokens.all
}

/// Which tokens of a sequence attend.
package enum QueryTokens: Sendable {
    case all
    /// The image's, which follow the text's.
    case image
}

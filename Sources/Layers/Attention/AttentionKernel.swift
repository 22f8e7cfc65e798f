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
    /// Which tokens attend.
    package var queries = StreamTokens.all
    /// Which tokens are attended to.
    package var keys = StreamTokens.all
    /// How many heads of the queries stand one after the other in each head, as if they were tokens of one.
    package var headsInOne = 1
}

/// Which of the tokens that run through a transformer's blocks.
package enum StreamTokens: Sendable, Hashable {
    /// Those of all streams in one sequence: the text's, then the image's.
    case all
    /// Those of one stream, by its number in the transformer's state.
    case stream(Int)

    /// The image's, which follow the text's.
    package static let image = StreamTokens.stream(0)
}

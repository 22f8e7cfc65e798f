package import Tensors

/// What runs from block to block of a transformer.
///
/// Its token streams are numbered: first the one that the prediction is made of, then those that only go along with it.
package protocol TransformerState {
    /// The tokens of every stream, each `[batch, tokens, width]`.
    func tokenStreams() throws(TensorError) -> [Tensor]

    /// Changes tokens as blocks would.
    ///
    /// - Parameter changes: what is added to each of ``tokenStreams()``; those without one stay as they are
    mutating func add(_ changes: [Tensor]) throws(TensorError)

    /// Replaces whatever has an entry for each token: the streams, their rotary tables, and modulation by token.
    ///
    /// Sequences are cut into shards of any length this way before the first block, and joined after the last.
    ///
    /// - Parameter map: changes the number of tokens of a stream, in all that it is given of the stream alike
    mutating func mapTokens(_ map: TokenMap) throws(TensorError)

    /// Replaces every tensor by one of the same shape, as a captured graph needs its own memory.
    ///
    /// - Parameter map: gives the tensor in another's place
    mutating func mapTensors(_ map: (Tensor) throws(TensorError) -> Tensor) throws(TensorError)
}

/// Gives other tokens in place of those of a tensor, which lie along an axis and belong to a stream.
package typealias TokenMap = (_ tensor: Tensor, _ axis: Int, _ stream: Int) throws(TensorError) -> Tensor

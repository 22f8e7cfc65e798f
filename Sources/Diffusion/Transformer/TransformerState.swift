package import Tensors

/// What runs from block to block of a transformer.
///
/// Its token streams are numbered: first those that the predictions are made of, then those that only go along with them.
package protocol TransformerState {
    /// How many streams the predictions are made of; one unless the model says so.
    static var predictedStreams: Int { get }

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

    /// Replaces whatever has an entry for each token and is read behind the last block; all unless the model says so.
    ///
    /// - Parameter map: as of ``mapTokens(_:)``
    mutating func mapLastTokens(_ map: TokenMap) throws(TensorError)

    /// The numbers besides tensors that decide what blocks do or what comes of them; none unless the model says so.
    ///
    /// What was captured with others is not replayed.
    var marks: [Int] { get }

    /// Replaces every tensor by one of the same shape, as a captured graph needs its own memory.
    ///
    /// - Parameter map: gives the tensor in another's place
    mutating func mapTensors(_ map: (Tensor) throws(TensorError) -> Tensor) throws(TensorError)
}

extension TransformerState {
    package static var predictedStreams: Int { 1 }
    package var marks: [Int] { [] }
    package mutating func mapLastTokens(_ map: TokenMap) throws(TensorError) { try mapTokens(map) }
}

/// Gives other tokens in place of those of a tensor, which lie along an axis and belong to a stream.
package typealias TokenMap = (_ tensor: Tensor, _ axis: Int, _ stream: Int) throws(TensorError) -> Tensor

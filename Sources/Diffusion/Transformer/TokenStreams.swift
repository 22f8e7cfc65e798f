package import Tensors

/// Streams of tokens that a block joins into one sequence, in their order.
package struct TokenStreams {
    /// Each `[batch, tokens, width]`.
    package private(set) var tokens: [Tensor]

    package init(_ tokens: [Tensor]) { self.tokens = tokens }

    package subscript(_ number: Int) -> Tensor { tokens[number] }

    /// All in one sequence, `[batch, all tokens, width]`.
    package func joined() throws(TensorError) -> Tensor { try concatenate(tokens, axis: 1) }

    /// Puts what a block made of the joined sequence in their place.
    ///
    /// - Parameter joined: `[batch, all tokens, width]`
    package mutating func replace(by joined: Tensor) throws(TensorError) { tokens = try split(joined, axis: 1) }

    /// Adds to the first streams.
    ///
    /// - Parameter changes: what is added to each
    package mutating func add(_ changes: [Tensor]) throws(TensorError) {
        for (number, change) in changes.enumerated() { tokens[number] = try tokens[number] + change }
    }

    /// Replaces every stream by another, which may have another number of tokens.
    package mutating func map(_ map: (Tensor, _ number: Int) throws(TensorError) -> Tensor) throws(TensorError) {
        for number in tokens.indices { tokens[number] = try map(tokens[number], number) }
    }

    /// Replaces what lies along an axis for each token of the joined sequence.
    ///
    /// - Parameters:
    ///   - tensor: with an entry for each token along the axis
    ///   - axis: which
    ///   - map: as of ``TransformerState/mapTokens(_:)``
    /// - Returns: the tensor with what the map gives
    package func mapped(_ tensor: Tensor, axis: Int, _ map: TokenMap) throws(TensorError) -> Tensor {
        var pieces = try split(tensor, axis: axis)
        for number in pieces.indices { pieces[number] = try map(pieces[number], axis, number) }
        return try concatenate(pieces, axis: axis)
    }

    private func split(_ joined: Tensor, axis: Int) throws(TensorError) -> [Tensor] {
        var (start, pieces): (Int, [Tensor]) = (0, [])
        for stream in tokens {
            pieces.append(try joined.slice(start..<start + stream.size(1), axis: axis))
            start += stream.size(1)
        }
        return pieces
    }
}

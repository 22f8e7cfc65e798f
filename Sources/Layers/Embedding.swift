package import Tensors

/// A table of vectors, one for each id.
package struct Embedding {
    private let table: Tensor

    /// Reads `weight`, `[count, width]`.
    ///
    /// - Parameters:
    ///   - weights: the view of this layer
    ///   - count: how many ids there are
    ///   - width: length of a vector
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(_ weights: Weights, count: Int, width: Int) throws {
        table = try weights.tensor("weight", count, width)
    }

    /// Looks ids up.
    ///
    /// - Parameter ids: 64-bit integers of any shape, on the table's device
    /// - Returns: the ids' shape and `width`
    package func callAsFunction(_ ids: Tensor) throws(TensorError) -> Tensor { try embedding(ids, table: table) }
}

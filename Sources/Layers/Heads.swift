package import Tensors

extension Tensor {
    /// `[batch, tokens, heads · width]`, or `[batch, tokens, heads, width]`, seen as `[batch, heads, tokens, width]`.
    ///
    /// - Parameter heads: how many heads
    /// - Returns: a view
    package func splitHeads(_ heads: Int) throws(TensorError) -> Tensor {
        try reshaped(size(0), size(1), heads, shape.dropFirst(2).reduce(1, *) / heads).transposed(1, 2)
    }

    /// `[batch, heads, tokens, width]` as `[batch, tokens, heads · width]`.
    ///
    /// - Returns: a view where the heads of a token lie together in memory, else a copy
    package func mergeHeads() throws(TensorError) -> Tensor {
        try transposed(1, 2).reshaped(size(0), size(2), size(1) * size(3))
    }

    /// `[tokens, batch, …]` as `[batch, tokens, …]`, without gaps: kernels of GPUs are chosen by how tokens lie.
    func tokensSecond() throws(TensorError) -> Tensor {
        guard size(1) == 1 else { return try transposed(0, 1).contiguous() }
        return try reshaped([1, size(0)] + shape.dropFirst(2))
    }
}

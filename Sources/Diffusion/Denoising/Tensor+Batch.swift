package import Tensors

extension Tensor {
    /// Rows that serve a whole batch, repeated until there is one for each item.
    ///
    /// - Parameter count: items of the batch, a multiple of the rows
    /// - Returns: `[count, …]`
    package func spread(over count: Int) throws(TensorError) -> Tensor {
        if size(0) == count { return self }
        return try concatenate([Tensor](repeating: self, count: count / size(0)), axis: 0)
    }
}

internal import Tensors

/// What one module of a LoRA file adds to one tensor of a model, read into memory in 32-bit floats.
struct LoadedLoRA {
    enum Change {
        /// B · A, of which B is `[rows, rank]` and A `[rank, inputs]`.
        case product(Tensor, Tensor)
        /// `[rows, inputs]`.
        case sum(Tensor)
        /// What the rows become, at a scale of 1.
        case replacement(Tensor, scale: Double)
    }

    let change: Change
    /// DoRA's lengths of the changed rows, `[rows, 1]`.
    let lengths: Tensor?

    /// Some changed rows.
    ///
    /// - Parameters:
    ///   - weight: the rows as they are, `[rows, inputs]`
    ///   - rows: which of all rows they are
    /// - Returns: the same shape
    func applied(to weight: Tensor, _ rows: Range<Int>) throws(TensorError) -> Tensor {
        let changed =
            switch change {
            case .product(let b, let a): try weight + matmul(b.slice(rows, axis: 0), a)
            case .sum(let change): try weight + change.slice(rows, axis: 0)
            case .replacement(let value, let scale):
                scale == 1
                    ? try value.slice(rows, axis: 0) : try weight + (value.slice(rows, axis: 0) - weight) * scale
            }
        guard let lengths else { return changed }
        return try changed * (lengths.slice(rows, axis: 0) / sqrt((changed * changed).sum(over: 1)))
    }
}

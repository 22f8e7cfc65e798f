internal import CTorch

extension Tensor {
    /// The same numbers in another shape; a view where the strides allow it, else a copy.
    ///
    /// - Parameter shape: the new lengths; one of them may be -1 and follows from the others
    /// - Returns: a tensor of that shape
    package func reshaped(_ shape: Int...) throws(TensorError) -> Tensor { try reshaped(shape) }

    /// The same numbers in another shape; a view where the strides allow it, else a copy.
    ///
    /// - Parameter shape: the new lengths; one of them may be -1 and follows from the others
    /// - Returns: a tensor of that shape
    package func reshaped(_ shape: [Int]) throws(TensorError) -> Tensor {
        try Tensor("reshape", ct_reshape(handle, shape.int64, shape.count))
    }

    /// A view with the axes in another order.
    ///
    /// - Parameter axes: for each axis of the result, which one of this tensor it is
    /// - Returns: the view
    package func permuted(_ axes: Int...) throws(TensorError) -> Tensor { try permuted(axes) }

    /// A view with the axes in another order.
    ///
    /// - Parameter axes: for each axis of the result, which one of this tensor it is
    /// - Returns: the view
    package func permuted(_ axes: [Int]) throws(TensorError) -> Tensor {
        try Tensor("permute", ct_permute(handle, axes.int64, axes.count))
    }

    /// A view with two axes exchanged.
    ///
    /// - Parameters:
    ///   - a: one axis
    ///   - b: the other
    /// - Returns: the view
    package func transposed(_ a: Int, _ b: Int) throws(TensorError) -> Tensor {
        try Tensor("transpose", ct_transpose(handle, Int64(a), Int64(b)))
    }

    /// A view with one more axis, of length 1.
    ///
    /// - Parameter axis: where the new axis goes
    /// - Returns: the view
    package func unsqueezed(_ axis: Int) throws(TensorError) -> Tensor {
        try Tensor("unsqueeze", ct_unsqueeze(handle, Int64(axis)))
    }

    /// A view without an axis of length 1.
    ///
    /// - Parameter axis: the axis to drop
    /// - Returns: the view
    package func squeezed(_ axis: Int) throws(TensorError) -> Tensor {
        try Tensor("squeeze", ct_squeeze(handle, Int64(axis)))
    }

    /// A view that repeats axes of length 1 without copying them.
    ///
    /// - Parameter shape: the new lengths; -1 keeps an axis
    /// - Returns: the view
    package func expanded(_ shape: Int...) throws(TensorError) -> Tensor { try expanded(shape) }

    /// A view that repeats axes of length 1 without copying them.
    ///
    /// - Parameter shape: the new lengths; -1 keeps an axis
    /// - Returns: the view
    package func expanded(_ shape: [Int]) throws(TensorError) -> Tensor {
        try Tensor("expand", ct_expand(handle, shape.int64, shape.count))
    }

    /// A view of a range of one axis.
    ///
    /// - Parameters:
    ///   - range: which positions
    ///   - axis: of which axis
    /// - Returns: the view
    package func slice(_ range: Range<Int>, axis: Int) throws(TensorError) -> Tensor {
        try Tensor("slice", ct_slice(handle, Int64(axis), Int64(range.lowerBound), Int64(range.upperBound), 1))
    }

    /// A view of one position of an axis, which goes away.
    ///
    /// - Parameters:
    ///   - index: the position
    ///   - axis: of which axis
    /// - Returns: the view, one rank less
    package func select(_ index: Int, axis: Int) throws(TensorError) -> Tensor {
        try slice(index..<index + 1, axis: axis).squeezed(axis)
    }

    /// Chosen positions of one axis, in a given order.
    ///
    /// - Parameters:
    ///   - indices: the positions, `[n]`
    ///   - axis: of which axis
    /// - Returns: a copy, that axis being `n` long
    package func gathered(_ indices: Tensor, axis: Int) throws(TensorError) -> Tensor {
        try Tensor("index_select", ct_index_select(handle, Int64(axis), indices.handle))
    }

    /// Every position of an axis several times in a row.
    ///
    /// - Parameters:
    ///   - times: how often
    ///   - axis: which axis
    /// - Returns: a copy, or the tensor itself for once
    package func repeated(_ times: Int, axis: Int) throws(TensorError) -> Tensor {
        if times == 1 { return self }
        return try Tensor("repeat_interleave", ct_repeat_interleave(handle, Int64(times), Int64(axis)))
    }

    /// Zeros added at the ends of the last axes.
    ///
    /// - Parameter amounts: before and after the last axis, before and after the one before it, …
    /// - Returns: a larger copy
    package func padded(_ amounts: Int...) throws(TensorError) -> Tensor {
        try Tensor("pad", ct_pad(handle, amounts.int64, amounts.count))
    }

    /// An axis with one more position at each end: what is next to the end, once more.
    ///
    /// - Parameter axis: of two positions at least
    /// - Returns: a copy, two positions longer
    package func reflected(_ axis: Int) throws(TensorError) -> Tensor {
        let length = size(axis)
        guard length > 1 else {
            throw TensorError(operation: "reflect", message: "an axis of \(length) cannot be reflected", kind: .other)
        }
        return try concatenate(
            [slice(1..<2, axis: axis), self, slice(length - 2..<length - 1, axis: axis)], axis: axis)
    }

    /// The same numbers without gaps in memory; the tensor itself when it has none.
    ///
    /// - Returns: a contiguous tensor
    package func contiguous() throws(TensorError) -> Tensor { try Tensor("contiguous", ct_contiguous(handle)) }

    /// Equal parts of an axis, as views.
    ///
    /// - Parameters:
    ///   - count: how many parts; it divides the axis
    ///   - axis: which axis
    /// - Returns: the parts in order
    package func chunks(_ count: Int, axis: Int = -1) throws(TensorError) -> [Tensor] {
        let length = size(axis)
        guard length.isMultiple(of: count) else {
            throw TensorError(
                operation: "chunk", message: "an axis of \(length) has no \(count) equal parts", kind: .other)
        }
        var parts: [Tensor] = []
        for index in 0..<count {
            parts.append(try slice(index * length / count..<(index + 1) * length / count, axis: axis))
        }
        return parts
    }
}

/// Joins tensors along an axis that they have.
///
/// - Parameters:
///   - tensors: at least one; equal but for that axis
///   - axis: which axis
/// - Returns: a copy
package func concatenate(_ tensors: [Tensor], axis: Int) throws(TensorError) -> Tensor {
    try Tensor("cat", withHandles(of: tensors) { ct_cat($0, tensors.count, Int64(axis)) })
}

/// Joins tensors along a new axis.
///
/// - Parameters:
///   - tensors: at least one; of equal shape
///   - axis: where the new axis goes
/// - Returns: a copy
package func stack(_ tensors: [Tensor], axis: Int) throws(TensorError) -> Tensor {
    try Tensor("stack", withHandles(of: tensors) { ct_stack($0, tensors.count, Int64(axis)) })
}

/// Lends the handles of tensors, which stay alive meanwhile.
private func withHandles(of tensors: [Tensor], _ body: (UnsafePointer<ct_tensor>) -> ct_tensor?) -> ct_tensor? {
    precondition(!tensors.isEmpty, "joining no tensors")
    return withExtendedLifetime(tensors) {
        tensors.map(\.handle).withUnsafeBufferPointer { $0.baseAddress.flatMap(body) }
    }
}

internal import CTorch

/// A copy of the weight of a linear layer as oneDNN's products on the CPU read it.
package struct PackedWeight {
    fileprivate let tensor: Tensor

    /// - Parameter weight: `[out, in]` on the CPU
    package init(_ weight: Tensor) throws(TensorError) {
        tensor = try Tensor("pack_linear_weight", ct_pack_linear_weight(weight.handle))
    }
}

/// x · weightᵀ + bias.
///
/// - Parameters:
///   - x: `[…, in]`
///   - weight: `[out, in]`
///   - bias: `[out]`, or nil
/// - Returns: `[…, out]`
package func linear(_ x: Tensor, weight: PackedWeight, bias: Tensor?) throws(TensorError) -> Tensor {
    try linear(x, weight: weight.tensor, bias: bias)
}

/// geluTanh(x · weightᵀ + bias), in the memory of the product.
///
/// - Parameters:
///   - x: `[…, in]`
///   - weight: `[out, in]`
///   - bias: `[out]`, or nil
/// - Returns: `[…, out]`
package func linearGELUTanh(_ x: Tensor, weight: PackedWeight, bias: Tensor?) throws(TensorError) -> Tensor {
    try linearGELUTanh(x, weight: weight.tensor, bias: bias)
}

/// concatenate([beside, linearGELUTanh(x)], axis: 2), without a second tensor for the product.
///
/// - Parameters:
///   - x: `[batch, tokens, from]`
///   - weight: `[to, from]`
///   - bias: `[to]`, or nil for zeros
///   - beside: `[batch, tokens, width]`
/// - Returns: `[batch, tokens, width + to]`
package func linearGELUTanh(
    _ x: Tensor, weight: PackedWeight, bias: Tensor?, beside: Tensor
) throws(TensorError) -> Tensor {
    try linearGELUTanh(x, weight: weight.tensor, bias: bias, beside: beside)
}

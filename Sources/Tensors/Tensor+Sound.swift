// Convolutions over time, and what stands between them.

/// A one-dimensional convolution.
///
/// - Parameters:
///   - x: `[batch, in, length]`
///   - weight: `[out, in, kernel]`
///   - bias: `[out]`, or nil
///   - stride: how far the window moves
///   - dilation: how far apart what the window sees lies
///   - padding: zeros at both ends
/// - Returns: `[batch, out, length]`
package func convolution1D(
    _ x: Tensor, weight: Tensor, bias: Tensor? = nil, stride: Int = 1, dilation: Int = 1, padding: Int = 0
) throws(TensorError) -> Tensor {
    try call("conv1d", x, weight, bias, stride, dilation, padding)
}

/// The transpose of a one-dimensional convolution: every number of the input adds a kernel to the output.
///
/// - Parameters:
///   - x: `[batch, in, length]`
///   - weight: `[in, out, kernel]`
///   - bias: `[out]`, or nil
///   - stride: how far the kernels of neighbours lie apart
///   - padding: what is cut off at both ends
/// - Returns: `[batch, out, (length - 1) · stride + kernel - 2 · padding]`
package func transposedConvolution1D(
    _ x: Tensor, weight: Tensor, bias: Tensor? = nil, stride: Int, padding: Int = 0
) throws(TensorError) -> Tensor {
    try call("conv_transpose1d", x, weight, bias, stride, padding)
}

/// x, or slope · x where x is negative.
///
/// - Parameters:
///   - x: any shape
///   - slope: of what is negative
/// - Returns: the same shape
package func leakyRelu(_ x: Tensor, slope: Double) throws(TensorError) -> Tensor { try call("leaky_relu", x, slope) }

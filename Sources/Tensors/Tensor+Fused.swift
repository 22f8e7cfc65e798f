/// layerNorm(x) · (1 + scale) + shift in one pass, with the sums in 32-bit floats.
///
/// - Parameters:
///   - x: `[batch, tokens, width]`
///   - scale: `[batch, width]`, or `[batch, groups, width]` for equal groups of tokens in a row
///   - shift: as `scale`
///   - epsilon: added to the variance
///   - dtype: the type of the result; nil for that of `x`
/// - Returns: `[batch, tokens, width]`
package func modulatedLayerNorm(
    _ x: Tensor, scale: Tensor, shift: Tensor, epsilon: Double, as dtype: DType? = nil
) throws(TensorError) -> Tensor {
    try call("modulated_layer_norm", x, scale, shift, epsilon, dtype ?? x.dtype)
}

/// rmsNorm(x) · (1 + scale) + shift in one pass, with the sum in 32-bit floats.
///
/// - Parameters:
///   - x: `[batch, tokens, width]`
///   - scale: `[batch, width]`, or `[batch, groups, width]` for equal groups of tokens in a row
///   - shift: as `scale`
///   - epsilon: added to the mean square
///   - dtype: the type of the result; nil for that of `x`
/// - Returns: `[batch, tokens, width]`
package func modulatedRMSNorm(
    _ x: Tensor, scale: Tensor, shift: Tensor, epsilon: Double, as dtype: DType? = nil
) throws(TensorError) -> Tensor {
    try call("modulated_rms_norm", x, scale, shift, epsilon, dtype ?? x.dtype)
}

/// residual + gate · x in one pass.
///
/// - Parameters:
///   - residual: `[batch, tokens, width]`
///   - gate: `[batch, width]`, or `[batch, groups, width]` for equal groups of tokens in a row
///   - x: `[batch, tokens, width]`
/// - Returns: `[batch, tokens, width]`, of the residual's type
package func gatedAdd(_ residual: Tensor, gate: Tensor, _ x: Tensor) throws(TensorError) -> Tensor {
    try call("gated_add", residual, gate, x)
}

/// RMS-norm of every head, then the rotation of its interleaved pairs, in one pass.
///
/// - Parameters:
///   - x: `[batch, tokens, heads, width]`
///   - weight: the norm's, `[width]`
///   - y: tokens that come behind those of `x`, `[batch, others, heads, width]`; nil for none
///   - otherWeight: the norm's of `y`, `[width]`; nil without `y`
///   - cosine: of each pair's angle, `[tokens + others, width / 2]`, 32-bit floats
///   - sine: of each pair's angle, `[tokens + others, width / 2]`, 32-bit floats
///   - epsilon: added to the mean square
/// - Returns: `[batch, tokens + others, heads, width]`
package func rmsNormRotary(
    _ x: Tensor, weight: Tensor, before y: Tensor? = nil, weight otherWeight: Tensor? = nil, cosine: Tensor,
    sine: Tensor, epsilon: Double
) throws(TensorError) -> Tensor {
    try call("rms_norm_rotary", x, weight, y, otherWeight, cosine, sine, epsilon)
}

/// RMS-norm of all heads of a token together, then the rotation of each head's interleaved pairs, in one pass.
///
/// - Parameters:
///   - x: `[batch, tokens, heads · width]`
///   - weight: the norm's, `[heads · width]`
///   - cosine: of each pair's angle, `[tokens, width / 2]`, 32-bit floats
///   - sine: of each pair's angle, `[tokens, width / 2]`, 32-bit floats
///   - epsilon: added to the mean square
/// - Returns: `[batch, tokens, heads · width]`
package func jointRMSNormRotary(_ x: Tensor, weight: Tensor, cosine: Tensor, sine: Tensor, epsilon: Double)
    throws(TensorError) -> Tensor
{
    try call("joint_rms_norm_rotary", x, weight, cosine, sine, epsilon)
}

/// RMS-norm of all heads of a token together, then the rotation of each head's halves against each other, in one pass.
///
/// - Parameters:
///   - x: `[batch, tokens, heads · width]`
///   - weight: the norm's, `[heads · width]`
///   - cosine: of each pair's angle, `[tokens, heads, width / 2]`, 32-bit floats
///   - sine: as `cosine`
///   - epsilon: added to the mean square
/// - Returns: `[batch, tokens, heads · width]`
package func jointRMSNormRotaryOfHalves(
    _ x: Tensor, weight: Tensor, cosine: Tensor, sine: Tensor, epsilon: Double
) throws(TensorError) -> Tensor {
    try call("joint_rms_norm_rotary_halves", x, weight, cosine, sine, epsilon)
}

/// RMS-norm of each head, then the rotation of its halves against each other, in one pass.
///
/// - Parameters:
///   - x: `[batch, tokens, heads, width]`
///   - weight: the norm's, `[width]`
///   - cosine: of each pair's angle, `[tokens, width / 2]` or `[batch, tokens, width / 2]`, 32-bit floats
///   - sine: as `cosine`
///   - epsilon: added to the mean square
/// - Returns: `[batch, tokens, heads, width]`
package func rmsNormRotaryOfHalves(
    _ x: Tensor, weight: Tensor, cosine: Tensor, sine: Tensor, epsilon: Double
) throws(TensorError) -> Tensor {
    try call("rms_norm_rotary_halves", x, weight, cosine, sine, epsilon)
}

/// silu(rmsNorm(x) · weight) over the last axis, in one pass.
///
/// - Parameters:
///   - x: `[…, width]`
///   - weight: the norm's, `[width]`
///   - epsilon: added to the mean square
/// - Returns: the same shape
package func rmsNormSilu(_ x: Tensor, weight: Tensor, epsilon: Double) throws(TensorError) -> Tensor {
    try call("rms_norm_silu", x, weight, epsilon)
}

/// silu(gate) · x in one pass, behind another tensor if there is one.
///
/// - Parameters:
///   - gate: `[batch, tokens, width]`
///   - x: `[batch, tokens, width]`
///   - other: `[batch, tokens, otherWidth]`
/// - Returns: `[batch, tokens, width]`, or `[batch, tokens, otherWidth + width]`
package func swiglu(gate: Tensor, _ x: Tensor, beside other: Tensor? = nil) throws(TensorError) -> Tensor {
    try call("swiglu", gate, x, other)
}

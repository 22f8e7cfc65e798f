internal import CTorch

/// layerNorm(x) · (1 + scale) + shift in one pass, with the sums in 32-bit floats.
///
/// - Parameters:
///   - x: `[batch, tokens, width]`
///   - scale: `[batch, width]`, or `[batch, groups, width]` for equal groups of tokens in a row
///   - shift: as `scale`
///   - epsilon: added to the variance
///   - dtype: the type of the result; nil for that of `x`
/// - Returns: `[batch, tokens, width]`
/// - Throws: ``TensorError``
package func modulatedLayerNorm(
    _ x: Tensor, scale: Tensor, shift: Tensor, epsilon: Double, as dtype: DType? = nil
) throws(TensorError) -> Tensor {
    try Tensor(
        "modulated_layer_norm",
        ct_modulated_layer_norm(x.handle, scale.handle, shift.handle, epsilon, (dtype ?? x.dtype).code))
}

/// residual + gate · x in one pass.
///
/// - Parameters:
///   - residual: `[batch, tokens, width]`
///   - gate: `[batch, width]`, or `[batch, groups, width]` for equal groups of tokens in a row
///   - x: `[batch, tokens, width]`
/// - Returns: `[batch, tokens, width]`, of the residual's type
/// - Throws: ``TensorError``
package func gatedAdd(_ residual: Tensor, gate: Tensor, _ x: Tensor) throws(TensorError) -> Tensor {
    try Tensor("gated_add", ct_gated_add(residual.handle, gate.handle, x.handle))
}

/// RMS-norm of every head, then the rotation of its interleaved pairs, in one pass.
///
/// - Parameters:
///   - x: `[batch, tokens, heads, width]`
///   - weight: the norm's, `[width]`
///   - cosine: of each pair's angle, `[tokens, width / 2]`, 32-bit floats
///   - sine: of each pair's angle, `[tokens, width / 2]`, 32-bit floats
///   - epsilon: added to the mean square
/// - Returns: `[batch, tokens, heads, width]`
/// - Throws: ``TensorError``
package func rmsNormRotary(_ x: Tensor, weight: Tensor, cosine: Tensor, sine: Tensor, epsilon: Double)
    throws(TensorError) -> Tensor
{
    try Tensor(
        "rms_norm_rotary", ct_rms_norm_rotary(x.handle, weight.handle, cosine.handle, sine.handle, epsilon))
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
/// - Throws: ``TensorError``
package func jointRMSNormRotary(_ x: Tensor, weight: Tensor, cosine: Tensor, sine: Tensor, epsilon: Double)
    throws(TensorError) -> Tensor
{
    try Tensor(
        "joint_rms_norm_rotary",
        ct_joint_rms_norm_rotary(x.handle, weight.handle, cosine.handle, sine.handle, epsilon))
}

/// silu(rmsNorm(x) · weight) over the last axis, in one pass.
///
/// - Parameters:
///   - x: `[…, width]`
///   - weight: the norm's, `[width]`
///   - epsilon: added to the mean square
/// - Returns: the same shape
/// - Throws: ``TensorError``
package func rmsNormSilu(_ x: Tensor, weight: Tensor, epsilon: Double) throws(TensorError) -> Tensor {
    try Tensor("rms_norm_silu", ct_rms_norm_silu(x.handle, weight.handle, epsilon))
}

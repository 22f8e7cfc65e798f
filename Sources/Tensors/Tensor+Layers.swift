internal import CTorch

/// The matrix product over the last two axes, the others broadcast.
///
/// - Parameters:
///   - a: `[…, n, k]`
///   - b: `[…, k, m]`
/// - Returns: `[…, n, m]`
package func matmul(_ a: Tensor, _ b: Tensor) throws(TensorError) -> Tensor {
    try Tensor("matmul", ct_matmul(a.handle, b.handle))
}

/// x · weightᵀ + bias.
///
/// - Parameters:
///   - x: `[…, in]`
///   - weight: `[out, in]`
///   - bias: `[out]`, or nil
/// - Returns: `[…, out]`
package func linear(_ x: Tensor, weight: Tensor, bias: Tensor?) throws(TensorError) -> Tensor {
    try Tensor("linear", ct_linear(x.handle, weight.handle, bias?.handle))
}

/// geluTanh(x · weightᵀ + bias), in the memory of the product.
///
/// - Parameters:
///   - x: `[…, in]`
///   - weight: `[out, in]`
///   - bias: `[out]`, or nil
/// - Returns: `[…, out]`
package func linearGELUTanh(_ x: Tensor, weight: Tensor, bias: Tensor?) throws(TensorError) -> Tensor {
    try call("linear_gelu", x, weight, bias)
}

/// concatenate([beside, linearGELUTanh(x)], axis: 2), without a second tensor for the product.
///
/// - Parameters:
///   - x: `[batch, tokens, from]`
///   - weight: `[to, from]`
///   - bias: `[to]`, or nil for zeros
///   - beside: `[batch, tokens, width]`
/// - Returns: `[batch, tokens, width + to]`
package func linearGELUTanh(_ x: Tensor, weight: Tensor, bias: Tensor?, beside: Tensor) throws(TensorError) -> Tensor {
    try call("join_linear_gelu", beside, x, weight, bias)
}

/// concatenate([before, linear(x)], axis: 1), without a second tensor for the product.
///
/// - Parameters:
///   - x: `[batch, tokens, from]`
///   - weight: `[to, from]`
///   - bias: `[to]`, or nil
///   - before: `[batch, others, to]`
/// - Returns: `[batch, others + tokens, to]`
package func linear(_ x: Tensor, weight: Tensor, bias: Tensor?, behind before: Tensor) throws(TensorError) -> Tensor {
    try call("join_linear", before, x, weight, bias)
}

/// A two-dimensional convolution.
///
/// - Parameters:
///   - x: `[batch, in, height, width]`
///   - weight: `[out, in, height, width]`
///   - bias: `[out]`, or nil
///   - stride: how far the window moves
///   - padding: zeros at the edges
/// - Returns: `[batch, out, height, width]`
package func convolution2D(_ x: Tensor, weight: Tensor, bias: Tensor?, stride: Int, padding: Int)
    throws(TensorError) -> Tensor
{
    try Tensor("conv2d", ct_conv2d(x.handle, weight.handle, bias?.handle, Int64(stride), Int64(padding)))
}

/// A three-dimensional convolution, channels last.
///
/// - Parameters:
///   - x: `[batch, frames, height, width, in]`
///   - weight: `[out, frames, height, width, in]`, over as many frames as the window has
///   - bias: `[out]`, or nil
///   - padding: zeros at the edges of height and width; frames get none
/// - Returns: `[batch, frames, height, width, out]`, contiguous
package func convolution3D(_ x: Tensor, weight: Tensor, bias: Tensor?, padding: Int) throws(TensorError)
    -> Tensor
{
    try Tensor(
        "conv3d",
        ct_conv3d(x.handle, weight.handle, bias?.handle, Int64(padding)))
}

/// Rows of a table.
///
/// - Parameters:
///   - ids: which rows, 64-bit integers of any shape
///   - table: `[rows, width]`
/// - Returns: the ids' shape and `width`
package func embedding(_ ids: Tensor, table: Tensor) throws(TensorError) -> Tensor {
    try Tensor("embedding", ct_embedding(table.handle, ids.handle))
}

/// (x - mean) / deviation · weight + bias over the last axis.
///
/// - Parameters:
///   - x: `[…, width]`
///   - weight: `[width]`, or nil for ones
///   - bias: `[width]`, or nil for zeros
///   - epsilon: added to the variance
/// - Returns: the same shape
package func layerNorm(_ x: Tensor, weight: Tensor? = nil, bias: Tensor? = nil, epsilon: Double)
    throws(TensorError) -> Tensor
{
    try Tensor("layer_norm", ct_layer_norm(x.handle, weight?.handle, bias?.handle, epsilon))
}

/// x / root mean square · weight over the last axis.
///
/// - Parameters:
///   - x: `[…, width]`
///   - weight: `[width]`, or nil for ones
///   - epsilon: added to the mean square
/// - Returns: the same shape
package func rmsNorm(_ x: Tensor, weight: Tensor? = nil, epsilon: Double) throws(TensorError) -> Tensor {
    try Tensor("rms_norm", ct_rms_norm(x.handle, weight?.handle, epsilon))
}

/// Normalisation of groups of channels.
///
/// - Parameters:
///   - x: `[batch, channels, …]`
///   - groups: how many groups; it divides the channels
///   - weight: `[channels]`
///   - bias: `[channels]`
///   - epsilon: added to the variance
/// - Returns: the same shape
package func groupNorm(_ x: Tensor, groups: Int, weight: Tensor, bias: Tensor, epsilon: Double)
    throws(TensorError) -> Tensor
{
    try Tensor("group_norm", ct_group_norm(x.handle, Int64(groups), weight.handle, bias.handle, epsilon))
}

/// silu(groupNorm(x)).
///
/// - Parameters: as ``groupNorm(_:groups:weight:bias:epsilon:)``
/// - Returns: the same shape
package func groupNormSilu(_ x: Tensor, groups: Int, weight: Tensor, bias: Tensor, epsilon: Double)
    throws(TensorError) -> Tensor
{
    try call("group_norm_silu", x, groups, weight, bias, epsilon)
}

/// How many numbers groups of channels have, their mean, and the sum of their squared distances from it.
///
/// - Parameters:
///   - x: `[batch, channels, height, width]`
///   - groups: how many groups
/// - Returns: `[batch, groups, 3]`, in 32-bit floats
package func groupMoments(_ x: Tensor, groups: Int) throws(TensorError) -> Tensor {
    try call("group_moments", x, groups)
}

/// Normalisation of groups of channels by moments of several parts, taken together.
///
/// - Parameters:
///   - x: `[batch, channels, height, width]`
///   - moments: as ``groupMoments(_:groups:)`` gives them, `[parts, batch, groups, 3]`
///   - weight: `[channels]`
///   - bias: `[channels]`
///   - epsilon: added to the variance
/// - Returns: the shape of `x`
package func jointGroupNorm(_ x: Tensor, moments: Tensor, weight: Tensor, bias: Tensor, epsilon: Double)
    throws(TensorError) -> Tensor
{
    try call("joint_group_norm", x, moments, weight, bias, epsilon)
}

/// silu(jointGroupNorm(x)).
///
/// - Parameters: as ``jointGroupNorm(_:moments:weight:bias:epsilon:)``
/// - Returns: the shape of `x`
package func jointGroupNormSilu(_ x: Tensor, moments: Tensor, weight: Tensor, bias: Tensor, epsilon: Double)
    throws(TensorError) -> Tensor
{
    try call("joint_group_norm_silu", x, moments, weight, bias, epsilon)
}

/// Exponentials that sum to one over an axis.
///
/// - Parameters:
///   - x: any shape
///   - axis: which axis
/// - Returns: the same shape
package func softmax(_ x: Tensor, axis: Int) throws(TensorError) -> Tensor {
    try Tensor("softmax", ct_softmax(x.handle, Int64(axis)))
}

/// softmax(query · keyᵀ · scale + mask) · value.
///
/// - Parameters:
///   - query: `[batch, heads, tokens, width]`
///   - key: `[batch, heads, keys, width]`
///   - value: `[batch, heads, keys, width]`
///   - mask: added to the scores, broadcast to `[batch, heads, tokens, keys]`; nil hides nothing
///   - scale: usually one over the root of the width
///   - byLibTorch: whether LibTorch computes also what this project's kernel for Hopper could
/// - Returns: `[batch, heads, tokens, width]`
package func scaledDotProductAttention(
    _ query: Tensor, _ key: Tensor, _ value: Tensor, mask: Tensor?, scale: Double, byLibTorch: Bool = false
) throws(TensorError) -> Tensor {
    try Tensor(
        "attention", ct_attention(query.handle, key.handle, value.handle, mask?.handle, scale, byLibTorch))
}

/// The same on the CPU in tiles of our own, which keep no matrix of scores.
///
/// - Parameters:
///   - query: `[batch, heads, tokens, width]`
///   - key: `[batch, heads, keys, width]`
///   - value: `[batch, heads, keys, width]`
///   - mask: added to the scores, broadcast to `[batch, heads, tokens, keys]`; nil hides nothing
///   - scale: usually one over the root of the width
/// - Returns: `[batch, heads, tokens, width]`; zeros for a token to which every key is hidden
package func tiledAttention(
    _ query: Tensor, _ key: Tensor, _ value: Tensor, mask: Tensor?, scale: Double
) throws(TensorError) -> Tensor {
    try call("tiled_attention", query, key, value, mask, scale)
}

/// Attention to some of the keys, in a form that can be joined with attention to others: in tiles of our own on the CPU and on
/// Hopper, by LibTorch's fused kernels on other GPUs.
///
/// - Parameters: as ``tiledAttention(_:_:_:mask:scale:)``
/// - Returns: its result, and log Σ exp(score) of each token, `[batch, heads, tokens]` in 32-bit floats
package func attentionPart(
    _ query: Tensor, _ key: Tensor, _ value: Tensor, mask: Tensor?, scale: Double
) throws(TensorError) -> (result: Tensor, logSumExp: Tensor) {
    try callForTwo("attention_part", query, key, value, mask, scale)
}

/// The kernel that an attention takes: `hopper`, LibTorch's `cudnn`, `flash`, `efficient` or `math`, and `sdpa` on a CPU.
///
/// - Parameters:
///   - query: as ``scaledDotProductAttention(_:_:_:mask:scale:byLibTorch:)`` takes it, and so are the others
///   - inParts: whether it is that of ``attentionPart(_:_:_:mask:scale:)``
/// - Returns: its name
package func nameOfAttentionKernel(
    _ query: Tensor, _ key: Tensor, _ value: Tensor, mask: Tensor?, scale: Double, byLibTorch: Bool, inParts: Bool
) -> String {
    String(
        cString: ct_attention_kernel(
            query.handle, key.handle, value.handle, mask?.handle, scale, byLibTorch, inParts))
}

/// A convolution over an image at double its size, in which every pixel stands four times, with zeros at the edges.
///
/// - Parameters:
///   - x: `[batch, from, height, width]`
///   - weight: `[to, from, 3, 3]`
///   - bias: `[to]`, or nil
/// - Returns: `[batch, to, height · 2, width · 2]`
package func doubledConvolution2D(_ x: Tensor, weight: Tensor, bias: Tensor? = nil) throws(TensorError) -> Tensor {
    try call("doubled_conv2d", x, weight, bias)
}

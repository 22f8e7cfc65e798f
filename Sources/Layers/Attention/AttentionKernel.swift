package import Tensors

/// Computes softmax(query · keyᵀ · scale + mask) · value.
///
/// Kernels conform, and so do parallel layouts, which wrap another kernel. Models know ``Attention`` only.
package protocol AttentionKernel {
    /// Attends.
    ///
    /// - Parameter inputs: what attends to what
    /// - Returns: `[batch, heads, tokens, headWidth]`; nothing where there are no tokens, zeros where there are no keys
    func attend(_ inputs: AttentionInputs) throws(TensorError) -> Tensor

    /// Attends to some of the keys, in a form that can be joined with attention to others.
    ///
    /// - Parameter inputs: what attends to what
    /// - Returns: the result of these keys, `[batch, heads, tokens, headWidth]`, and log Σ exp(score) of each token,
    ///   `[batch, heads, tokens]` in 32-bit floats
    func attendWithLogSumExp(_ inputs: AttentionInputs) throws(TensorError) -> (result: Tensor, logSumExp: Tensor)
}

/// What an attention kernel is given.
package struct AttentionInputs {
    /// `[batch, heads, tokens, headWidth]`.
    package var query: Tensor
    /// `[batch, heads, keys, headWidth]`, each.
    package var key, value: Tensor
    /// Added to the scores, broadcast to `[batch, heads, tokens, keys]`; nil hides nothing.
    package var mask: Tensor?
    /// The factor of the scores.
    package var scale: Double
    /// How many of the first tokens are text, where text and image share a sequence.
    package var textTokens = 0
}

/// A kernel by the name that a plan gives it.
package enum AttentionBackend: String, Sendable, Codable, CaseIterable {
    /// This project's kernel for CPUs, which keeps no matrix of scores.
    case tiled
    /// LibTorch's scaled dot-product attention.
    case sdpa
}

extension ComputePlan {
    /// The kernel that the plan names, or the exact one of the device.
    var attentionKernel: any AttentionKernel {
        switch attention ?? (device == .cpu ? .tiled : .sdpa) {
        case .tiled: TiledAttention()
        case .sdpa: ScaledDotProductAttention()
        }
    }
}

private struct TiledAttention: AttentionKernel {
    func attend(_ inputs: AttentionInputs) throws(TensorError) -> Tensor {
        try tiledAttention(inputs.query, inputs.key, inputs.value, mask: inputs.mask, scale: inputs.scale)
    }

    func attendWithLogSumExp(_ inputs: AttentionInputs) throws(TensorError) -> (result: Tensor, logSumExp: Tensor) {
        try attentionPart(inputs.query, inputs.key, inputs.value, mask: inputs.mask, scale: inputs.scale)
    }
}

private struct ScaledDotProductAttention: AttentionKernel {
    func attend(_ inputs: AttentionInputs) throws(TensorError) -> Tensor {
        try scaledDotProductAttention(inputs.query, inputs.key, inputs.value, mask: inputs.mask, scale: inputs.scale)
    }

    func attendWithLogSumExp(_ inputs: AttentionInputs) throws(TensorError) -> (result: Tensor, logSumExp: Tensor) {
        try attentionPart(inputs.query, inputs.key, inputs.value, mask: inputs.mask, scale: inputs.scale)
    }
}

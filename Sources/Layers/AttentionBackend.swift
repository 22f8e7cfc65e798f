package import Tensors

/// The one place where every model computes attention: softmax(query · keyᵀ · scale + mask) · value.
///
/// Kernels conform, and so do parallel layouts, which wrap another backend.
package protocol AttentionBackend: Sendable {
    /// - Parameters:
    ///   - query: `[batch, heads, tokens, width]`
    ///   - key: `[batch, heads, keys, width]`
    ///   - value: `[batch, heads, keys, width]`
    ///   - mask: added to the scores, broadcast to `[batch, heads, tokens, keys]`; nil hides nothing
    ///   - scale: factor of the scores
    /// - Returns: `[batch, heads, tokens, width]`
    /// - Throws: ``TensorError``
    func attend(_ query: Tensor, _ key: Tensor, _ value: Tensor, mask: Tensor?, scale: Double) throws(TensorError)
        -> Tensor
}

/// The project's kernel for CPUs (`VANILLA` there).
package struct TiledAttention: AttentionBackend {
    package init() {}

    package func attend(
        _ query: Tensor, _ key: Tensor, _ value: Tensor, mask: Tensor?, scale: Double
    ) throws(TensorError) -> Tensor {
        try tiledAttention(query, key, value, mask: mask, scale: scale)
    }
}

/// LibTorch's own kernel (`VANILLA` on other devices).
package struct ScaledDotProductAttention: AttentionBackend {
    package init() {}

    package func attend(
        _ query: Tensor, _ key: Tensor, _ value: Tensor, mask: Tensor?, scale: Double
    ) throws(TensorError) -> Tensor {
        try scaledDotProductAttention(query, key, value, mask: mask, scale: scale)
    }
}

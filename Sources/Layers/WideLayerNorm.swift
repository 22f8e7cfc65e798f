package import Tensors

/// Layer normalisation over the last axis whose weights and arithmetic stay in 32-bit floats whatever the model's type.
package struct WideLayerNorm {
    private let norm: LayerNorm

    /// Reads `weight` and `bias`, `[size]`.
    ///
    /// - Parameters:
    ///   - weights: the view of this layer
    ///   - size: length of the last axis
    ///   - epsilon: added to the variance
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(_ weights: Weights, size: Int, epsilon: Double) throws {
        norm = try LayerNorm(weights.computing(in: .float32), size: size, epsilon: epsilon)
    }

    /// Normalises.
    ///
    /// - Parameter x: `[…, size]`
    /// - Returns: `[…, size]`, in the type of `x`
    package func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
        try norm(x.to(.float32)).to(x.dtype)
    }
}

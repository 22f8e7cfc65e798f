package import Tensors

/// x · weightᵀ + bias.
package struct Linear {
    private let weight: Tensor
    private let bias: Tensor?

    /// Reads `weight` `[to, from]` and `bias` `[to]`.
    ///
    /// - Parameters:
    ///   - weights: the view of this layer
    ///   - from: width of the input
    ///   - to: width of the output
    ///   - bias: whether there is a bias
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(_ weights: Weights, from: Int, to: Int, bias: Bool = true) throws {
        weight = try weights.matrix("weight", to, from)
        self.bias = bias ? try weights.tensor("bias", to) : nil
    }

    /// Applies the layer.
    ///
    /// - Parameter x: `[…, from]`
    /// - Returns: `[…, to]`
    /// - Throws: ``TensorError``
    package func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
        try linear(x, weight: weight, bias: bias)
    }

    /// Applies the layer, and GELU by its approximation with tanh.
    ///
    /// - Parameter x: `[…, from]`
    /// - Returns: `[…, to]`
    /// - Throws: ``TensorError``
    package func geluTanh(_ x: Tensor) throws(TensorError) -> Tensor {
        try linearGELUTanh(x, weight: weight, bias: bias)
    }

    /// The same behind another tensor.
    ///
    /// - Parameters:
    ///   - x: `[batch, tokens, from]`
    ///   - beside: `[batch, tokens, width]`
    /// - Returns: `[batch, tokens, width + to]`
    /// - Throws: ``TensorError``
    package func geluTanh(_ x: Tensor, beside: Tensor) throws(TensorError) -> Tensor {
        try linearGELUTanh(x, weight: weight, bias: bias, beside: beside)
    }
}

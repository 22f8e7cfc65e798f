package import Tensors

/// x · weightᵀ + bias.
package struct Linear {
    private let kernel: any LinearKernel

    /// Reads `weight` `[to, from]` and `bias` `[to]`.
    ///
    /// - Parameters:
    ///   - weights: the view of this layer
    ///   - from: width of the input
    ///   - to: width of the output
    ///   - bias: whether there is a bias
    ///   - cut: along which side several devices may share the weight
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(_ weights: Weights, from: Int, to: Int, bias: Bool = true, cut: LinearCut = .whole) throws {
        kernel = try weights.linear([to, from], bias: bias, cut: cut)
    }

    /// Reads the weight of a convolution whose window never overlaps itself, `[to, …]`: a linear layer over patches.
    ///
    /// - Parameters:
    ///   - weights: the view of this layer
    ///   - patch: the axes of the weight besides `to`; a patch is flattened in this order
    ///   - to: width of the output
    ///   - bias: whether there is a bias
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(_ weights: Weights, patch: [Int], to: Int, bias: Bool = true) throws {
        kernel = try weights.linear([to] + patch, bias: bias, cut: .whole)
    }

    /// Reads a layer that computes in 32-bit floats, though its weight stays in the model's type.
    ///
    /// - Parameters:
    ///   - weights: the view of this layer
    ///   - from: width of the input
    ///   - to: width of the output
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(widening weights: Weights, from: Int, to: Int) throws {
        kernel = WideningLinear(
            weight: try weights.tensor("weight", to, from), bias: try weights.tensor("bias", to))
    }

    /// Applies the layer.
    ///
    /// - Parameters:
    ///   - x: `[…, from]`
    ///   - epilogue: what follows
    /// - Returns: `[…, to]`, or what the epilogue makes of it
    package func callAsFunction(_ x: Tensor, _ epilogue: LinearEpilogue = .none) throws(TensorError) -> Tensor {
        try kernel.apply(x, epilogue)
    }
}

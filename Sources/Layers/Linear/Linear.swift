package import Tensors

/// x · weightᵀ + bias.
package struct Linear {
    private let kernel: any LinearKernel
    /// The widths of the parts of the output that lie side by side: of several devices that share the weight, what this one
    /// has of them.
    package let parts: [Int]

    /// Reads `weight` `[to, from]` and `bias` `[to]`.
    ///
    /// - Parameters:
    ///   - weights: the view of this layer
    ///   - from: width of the input
    ///   - to: width of the output
    ///   - bias: whether there is a bias
    ///   - cut: along which side several devices may share the weight
    ///   - sharing: views of the layers that have the same input, this one among them
    ///   - keepsBits: whether the weight is not quantised while it is loaded
    /// - Throws: ``WeightError``, ``QuantizationError`` or ``TensorError``
    package init(
        _ weights: Weights, from: Int, to: Int, bias: Bool = true, cut: LinearCut = .whole, sharing: [Weights] = [],
        keepsBits: Bool = false
    ) throws {
        var traits = LinearTraits()
        (traits.cut, traits.sharing, traits.keepsBits) = (cut, sharing.map(\.name), keepsBits)
        (kernel, parts) = try weights.linear([to, from], bias: bias, traits)
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
        (kernel, parts) = try weights.linear([to] + patch, bias: bias, LinearTraits())
    }

    /// Reads a layer that computes in 32-bit floats, though its weight stays in the model's type.
    ///
    /// - Parameters:
    ///   - weights: the view of this layer
    ///   - from: width of the input
    ///   - to: width of the output
    ///   - keepsBits: whether the weight is not quantised while it is loaded
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(widening weights: Weights, from: Int, to: Int, keepsBits: Bool = false) throws {
        var traits = LinearTraits()
        (traits.isWide, traits.keepsBits) = (true, keepsBits)
        (kernel, parts) = try weights.linear([to, from], bias: true, traits)
    }

    /// Applies the layer.
    ///
    /// - Parameters:
    ///   - x: `[…, from]`
    ///   - epilogue: what follows
    /// - Returns: `[…, to]`, or what the epilogue makes of it
    package func callAsFunction(_ x: Tensor, _ epilogue: LinearEpilogue = .none) throws(TensorError) -> Tensor {
        try kernel.apply(LinearInput(x), epilogue)
    }

    /// Applies the layer to an input that other layers may have too.
    package func callAsFunction(_ x: LinearInput, _ epilogue: LinearEpilogue = .none) throws(TensorError) -> Tensor {
        try kernel.apply(x, epilogue)
    }

    /// The input of a layer that follows.
    ///
    /// - Parameters:
    ///   - x: `[batch, tokens, from]`
    ///   - epilogue: what follows
    /// - Returns: `[batch, tokens, to]`, or what the epilogue makes of it
    package func input(_ x: LinearInput, _ epilogue: LinearEpilogue) throws(TensorError) -> LinearInput {
        try kernel.input(x, epilogue)
    }
}

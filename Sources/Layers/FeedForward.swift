package import Tensors

/// The part of a block that changes every token by itself.
package protocol TokenLayer {
    /// - Parameter x: `[batch, tokens, width]`
    /// - Returns: `[batch, tokens, width]`
    func callAsFunction(_ x: LinearInput) throws(TensorError) -> Tensor
}

/// Linear, activation, linear.
package struct FeedForward: TokenLayer {
    private let up, down: Linear
    private let activation: Activation

    /// Reads `net.0.proj` and `net.2`.
    ///
    /// - Parameters:
    ///   - weights: the view of this layer
    ///   - from: width of the input
    ///   - inner: width between the two layers
    ///   - to: width of the output
    ///   - activation: what is applied there
    ///   - bias: whether the layers have biases
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(
        _ weights: Weights, from: Int, inner: Int, to: Int, _ activation: Activation, bias: Bool = true
    ) throws {
        up = try Linear(weights["net"][0]["proj"], from: from, to: inner, bias: bias, cut: .output())
        down = try Linear(weights["net"][2], from: inner, to: to, bias: bias, cut: .input())
        self.activation = activation
    }

    /// - Parameter x: `[batch, tokens, from]`
    /// - Returns: `[batch, tokens, to]`
    package func callAsFunction(_ x: LinearInput) throws(TensorError) -> Tensor {
        try down(up.input(x, .activation(activation)))
    }
}

/// SwiGLU without biases: one product makes gate and value side by side, SiLU of the first times the second goes on.
package struct GatedFeedForward: TokenLayer {
    private let up, down: Linear

    /// Reads `linear_in` and `linear_out`.
    ///
    /// - Parameters:
    ///   - weights: the view of this layer
    ///   - width: of input and output
    ///   - inner: width between the two layers
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(_ weights: Weights, width: Int, inner: Int) throws {
        up = try Linear(
            weights["linear_in"], from: width, to: 2 * inner, bias: false, cut: .output(segments: [inner, inner]))
        down = try Linear(weights["linear_out"], from: inner, to: width, bias: false, cut: .input())
    }

    /// - Parameter x: `[batch, tokens, width]`
    /// - Returns: `[batch, tokens, width]`
    package func callAsFunction(_ x: LinearInput) throws(TensorError) -> Tensor {
        let parts = try up(x).chunks(2)
        return try down(LinearInput(gate: parts[0], parts[1]))
    }
}

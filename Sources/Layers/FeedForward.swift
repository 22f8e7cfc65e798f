package import Tensors

/// Linear, activation, linear.
package struct FeedForward {
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
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(_ weights: Weights, from: Int, inner: Int, to: Int, _ activation: Activation) throws {
        up = try Linear(weights["net"][0]["proj"], from: from, to: inner, cut: .output())
        down = try Linear(weights["net"][2], from: inner, to: to, cut: .input())
        self.activation = activation
    }

    /// - Parameter x: `[…, from]`
    /// - Returns: `[…, to]`
    package func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor { try down(up(x, .activation(activation))) }
}

package import Tensors

/// How a timestep shifts, scales and gates a part of a block, each `[batch, width]`; or `[batch, kinds, width]`, where
/// tokens are of several kinds.
package struct Modulation {
    private let shift, scale, gate: Tensor
    /// The kind of each token, `[tokens]`; nil if all are alike.
    private let kinds: Tensor?
    private static let epsilon = 1e-6

    /// - Parameters:
    ///   - x: shift, scale and gate of every part, `[batch, count · 3 · width]` or `[batch, kinds, count · 3 · width]`
    ///   - count: how many parts
    ///   - kinds: the kind of each token, `[tokens]`; nil if all are alike
    /// - Returns: one for each part
    package static func parts(of x: Tensor, count: Int, kinds: Tensor? = nil) throws(TensorError) -> [Modulation] {
        let chunks = try x.chunks(3 * count)
        return (0..<count).map {
            Modulation(shift: chunks[3 * $0], scale: chunks[3 * $0 + 1], gate: chunks[3 * $0 + 2], kinds: kinds)
        }
    }

    /// The part's input, `[batch, tokens, width]`: normed, scaled and shifted.
    package func normed(_ x: Tensor) throws(TensorError) -> LinearInput {
        LinearInput(normed: x, scale: try ofTokens(scale), shift: try ofTokens(shift), epsilon: Self.epsilon)
    }

    /// The part's result, added to the stream, both `[batch, tokens, width]`.
    package func added(_ result: Tensor, to x: Tensor) throws(TensorError) -> Tensor {
        try gatedAdd(x, gate: ofTokens(gate), result)
    }

    private func ofTokens(_ values: Tensor) throws(TensorError) -> Tensor {
        guard let kinds else { return values }
        return try values.gathered(kinds, axis: 1)
    }
}

/// A denoiser's last norm, scaled and shifted by the timestep.
package struct ModulatedNorm {
    private let linear: Linear
    private let epsilon: Double

    /// Reads `linear`.
    ///
    /// - Parameters:
    ///   - weights: the view of this layer
    ///   - width: of the tokens
    ///   - epsilon: added to the variance
    ///   - bias: whether the layer that makes scale and shift has one
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(_ weights: Weights, width: Int, epsilon: Double, bias: Bool = true) throws {
        linear = try Linear(weights["linear"], from: width, to: 2 * width, bias: bias)
        self.epsilon = epsilon
    }

    /// - Parameters:
    ///   - x: `[batch, tokens, width]`
    ///   - conditioning: `[batch, width]`
    /// - Returns: `[batch, tokens, width]`
    package func callAsFunction(_ x: Tensor, conditioning: Tensor) throws(TensorError) -> LinearInput {
        let parts = try linear(conditioning).chunks(2)
        return LinearInput(normed: x, scale: parts[0], shift: parts[1], epsilon: epsilon)
    }
}

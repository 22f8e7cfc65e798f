internal import Layers
internal import Tensors

/// The feed-forward layer with a gate: down(activation(gate(x)) · up(x)).
struct LanguageModelFeedForward {
    private let gate, up, down: Linear
    private let activation: Activation

    init(_ weights: Weights, _ layout: LanguageModelLayout) throws {
        try self.init(weights, width: layout.width, inner: layout.innerWidth, layout.activation, bias: false)
    }

    init(_ weights: Weights, width: Int, inner: Int, _ activation: Activation, bias: Bool) throws {
        gate = try Linear(weights["gate_proj"], from: width, to: inner, bias: bias, cut: .output())
        up = try Linear(weights["up_proj"], from: width, to: inner, bias: bias, cut: .output())
        down = try Linear(weights["down_proj"], from: inner, to: width, bias: bias, cut: .input())
        self.activation = activation
    }

    /// - Parameter x: `[…, width]`
    /// - Returns: `[…, width]`
    func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor { try down(gate(x, .gating(up(x), activation))) }
}

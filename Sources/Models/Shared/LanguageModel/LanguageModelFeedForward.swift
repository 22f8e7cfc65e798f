internal import Layers
internal import Tensors

/// The feed-forward layer with a gate: down(activation(gate(x)) · up(x)).
struct LanguageModelFeedForward {
    private let gate, up, down: Linear
    private let activation: Activation

    init(_ weights: Weights, _ layout: LanguageModelLayout) throws {
        let (width, inner) = (layout.width, layout.innerWidth)
        gate = try Linear(weights["gate_proj"], from: width, to: inner, bias: false, cut: .output())
        up = try Linear(weights["up_proj"], from: width, to: inner, bias: false, cut: .output())
        down = try Linear(weights["down_proj"], from: inner, to: width, bias: false, cut: .input())
        activation = layout.activation
    }

    /// - Parameter x: `[…, width]`
    /// - Returns: `[…, width]`
    func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor { try down(gate(x, .gating(up(x), activation))) }
}

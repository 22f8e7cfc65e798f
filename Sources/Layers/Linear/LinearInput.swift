package import Tensors

/// What a linear layer takes: tokens, or the step that makes them, put off until a layer says in what numbers it wants them.
///
/// On a GPU a layer whose weight is in 8 bits wants its input so too, and the pass that makes the tokens rounds them at once.
/// What was made stays: layers that have the same input share it.
package final class LinearInput {
    /// How the tokens are made.
    private enum Source {
        case tokens(Tensor)
        case normed(Tensor, scale: Tensor, shift: Tensor, epsilon: Double, DType)
        /// GELU, by its approximation with tanh, behind the channels of another tensor.
        case activated(Tensor, beside: Tensor?)
        case gated(Tensor, gate: Tensor, beside: Tensor?)
    }

    private var source: Source
    private var roundings: [(how: InputRounding, result: Tensor)] = []
    private var e4m3: [(how: E4M3Tokens.Scales, result: E4M3Tokens)] = []

    private init(_ source: Source) { self.source = source }

    /// - Parameter x: `[…, width]`
    package convenience init(_ x: Tensor) { self.init(.tokens(x)) }

    /// layerNorm(x) · (1 + scale) + shift.
    ///
    /// - Parameters: as of ``modulatedLayerNorm(_:scale:shift:epsilon:as:)``
    package convenience init(normed x: Tensor, scale: Tensor, shift: Tensor, epsilon: Double, as dtype: DType? = nil) {
        self.init(.normed(x, scale: scale, shift: shift, epsilon: epsilon, dtype ?? x.dtype))
    }

    /// GELU of x, by its approximation with tanh.
    ///
    /// - Parameters:
    ///   - x: `[batch, tokens, width]`
    ///   - other: what lies before it, `[batch, tokens, otherWidth]`
    package convenience init(geluTanh x: Tensor, beside other: Tensor? = nil) {
        self.init(.activated(x, beside: other))
    }

    /// silu(gate) · x.
    ///
    /// - Parameters: as of ``swiglu(gate:_:beside:)``
    package convenience init(gate: Tensor, _ x: Tensor, beside other: Tensor? = nil) {
        self.init(.gated(x, gate: gate, beside: other))
    }

    /// The tokens, `[…, width]`.
    package func tokens() throws(TensorError) -> Tensor {
        let made: Tensor
        switch source {
        case .tokens(let x): return x
        case .normed(let x, let scale, let shift, let epsilon, let dtype):
            made = try modulatedLayerNorm(x, scale: scale, shift: shift, epsilon: epsilon, as: dtype)
        case .activated(let x, let other):
            let activated = try geluTanh(x)
            made = if let other { try concatenate([other, activated], axis: 2) } else { activated }
        case .gated(let x, let gate, let other): made = try swiglu(gate: gate, x, beside: other)
        }
        source = .tokens(made)
        return made
    }

    /// The tokens, rounded.
    ///
    /// - Parameter how: on which scales
    /// - Returns: the shape and type of the tokens
    func rounded(_ how: InputRounding) throws(TensorError) -> Tensor {
        if let there = roundings.first(where: { $0.how == how }) { return there.result }
        let result = try how(tokens())
        if how != .none { roundings.append((how, result)) }
        return result
    }

    /// The tokens in E4M3, for a GPU.
    ///
    /// - Parameter how: on which scales
    /// - Returns: codes and scales
    func e4m3(_ how: E4M3Tokens.Scales) throws(TensorError) -> E4M3Tokens {
        if let there = e4m3.first(where: { $0.how == how }) { return there.result }
        let result =
            switch source {
            case .tokens(let x): try E4M3Tokens(x, how)
            case .normed(let x, let scale, let shift, let epsilon, let dtype):
                try E4M3Tokens(normed: x, scale: scale, shift: shift, epsilon: epsilon, as: dtype, how)
            case .activated(let x, let other): try E4M3Tokens(geluTanh: x, beside: other, how)
            case .gated(let x, let gate, let other): try E4M3Tokens(gate: gate, x, beside: other, how)
            }
        e4m3.append((how, result))
        return result
    }
}

/// Tokens in E4M3 with their scales, as products on a GPU take them.
///
/// The passes that make tokens can make them so at once.
package struct E4M3Tokens {
    /// Which numbers share a scale.
    package enum Scales: Equatable {
        case item
        case token
        /// Each 128 of a token.
        case block
        /// All, this one.
        case one(Double)
    }

    /// Codes, of which up to three more rows than there are tokens, and scales, as the operators lay them out.
    private let codes, scales: Tensor
    /// Of the tokens as floats.
    private let shape: [Int]
    private let dtype: DType

    private init(_ tensors: (Tensor, Tensor), _ shape: [Int], _ dtype: DType) {
        ((codes, scales), self.shape, self.dtype) = (tensors, shape, dtype)
    }

    /// Rounds tokens.
    ///
    /// - Parameters:
    ///   - x: `[…, width]`
    ///   - how: which numbers share a scale
    package init(_ x: Tensor, _ how: Scales) throws(TensorError) {
        let (part, scale) = how.arguments(of: x.shape)
        try self.init(callForTwo("e4m3_input", x, part, scale), x.shape, x.dtype)
    }

    /// What ``modulatedLayerNorm(_:scale:shift:epsilon:as:)`` makes.
    package init(
        normed x: Tensor, scale: Tensor, shift: Tensor, epsilon: Double, as dtype: DType, _ how: Scales
    ) throws(TensorError) {
        let (part, one) = how.arguments(of: x.shape)
        try self.init(
            callForTwo("e4m3_modulated_layer_norm", x, scale, shift, epsilon, dtype, part, one), x.shape, dtype)
    }

    /// GELU of x, by its approximation with tanh, behind the channels of another tensor if there is one.
    package init(geluTanh x: Tensor, beside other: Tensor?, _ how: Scales) throws(TensorError) {
        let shape = Self.shape(of: x, beside: other)
        let (part, scale) = how.arguments(of: shape)
        try self.init(callForTwo("e4m3_gelu_tanh", x, other, part, scale), shape, x.dtype)
    }

    /// What ``swiglu(gate:_:beside:)`` makes.
    package init(gate: Tensor, _ x: Tensor, beside other: Tensor?, _ how: Scales) throws(TensorError) {
        let shape = Self.shape(of: x, beside: other)
        let (part, scale) = how.arguments(of: shape)
        try self.init(callForTwo("e4m3_swiglu", gate, x, other, part, scale), shape, x.dtype)
    }

    private static func shape(of x: Tensor, beside other: Tensor?) -> [Int] {
        [x.size(0), x.size(1), x.size(2) + (other?.size(2) ?? 0)]
    }
}

extension E4M3Tokens {
    private var tokens: Int { shape.dropLast().reduce(1, *) }

    /// x · weightᵀ + bias.
    ///
    /// - Parameters:
    ///   - weight: in E4M3, `[to, from]`
    ///   - scales: of its rows, `[to, 1]`, or of its blocks of 128 × 128
    ///   - bias: `[to]`
    /// - Returns: `[…, to]`
    package func linear(weight: Tensor, scales weightScales: Tensor, bias: Tensor?) throws(TensorError) -> Tensor {
        try call("e4m3_linear", codes, scales, tokens, weight, weightScales, bias, dtype)
            .reshaped(shape.dropLast() + [weight.size(0)])
    }

    /// The same behind other tokens.
    ///
    /// - Parameters:
    ///   - other: `[batch, others, to]`
    ///   - weight: in E4M3, `[to, from]`
    ///   - scales: of its rows, `[to, 1]`, or of its blocks of 128 × 128
    ///   - bias: `[to]`
    /// - Returns: `[batch, others + tokens, to]`
    package func linear(behind other: Tensor, weight: Tensor, scales weightScales: Tensor, bias: Tensor?)
        throws(TensorError) -> Tensor
    {
        try call("join_e4m3_linear", other, codes, scales, tokens, weight, weightScales, bias, dtype)
    }
}

extension E4M3Tokens.Scales {
    /// As the operators take it: how many numbers of a token share a scale, and the one that all have.
    fileprivate func arguments(of shape: [Int]) -> (part: Int, scale: Double) {
        switch self {
        case .item: (0, 0)
        case .token: (max(shape.last ?? 1, 1), 0)
        case .block: (128, 0)
        case .one(let scale): (0, scale)
        }
    }
}

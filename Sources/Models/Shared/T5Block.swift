internal import Layers
internal import Tensors

/// One layer: self-attention and feed-forward, each after a norm and added to its input.
struct T5Block {
    private let attentionNorm, feedForwardNorm: RMSNorm
    private let query, key, value, out: Linear
    private let feedForward: T5FeedForward
    private let attention: Attention

    init(_ weights: Weights, _ config: T5Config) throws {
        let layers = weights["layer"]
        let projections = layers[0]["SelfAttention"]
        let inner = config.numHeads * config.dKv
        attentionNorm = try RMSNorm(
            layers[0]["layer_norm"], size: config.dModel, epsilon: config.layerNormEpsilon)
        feedForwardNorm = try RMSNorm(
            layers[1]["layer_norm"], size: config.dModel, epsilon: config.layerNormEpsilon)
        query = try Linear(projections["q"], from: config.dModel, to: inner, bias: false)
        key = try Linear(projections["k"], from: config.dModel, to: inner, bias: false)
        value = try Linear(projections["v"], from: config.dModel, to: inner, bias: false)
        out = try Linear(projections["o"], from: inner, to: config.dModel, bias: false)
        feedForward = try T5FeedForward(layers[1]["DenseReluDense"], config)
        attention = Attention(projections, .selfAttention, heads: config.numHeads, headWidth: config.dKv, scale: 1)
    }

    /// - Parameters:
    ///   - x: `[batch, tokens, width]`
    ///   - bias: `[1 or batch, heads, tokens, tokens]`
    /// - Returns: `[batch, tokens, width]`
    func callAsFunction(_ x: Tensor, bias: Tensor) throws(TensorError) -> Tensor {
        let h = try x + attended(attentionNorm.narrowing(x), bias: bias)
        return try h + feedForward(feedForwardNorm.narrowing(h))
    }

    private func attended(_ x: Tensor, bias: Tensor) throws(TensorError) -> Tensor {
        try out(attention(query(x), key(x), value(x), mask: bias))
    }
}

/// The feed-forward layer, with or without a gate.
///
/// Half precision cannot hold what UMT5 sums: there the last matrix is in single precision.
struct T5FeedForward {
    private let gate: Linear?
    private let up, down: Linear
    private let activation: Activation
    private let isSumWide: Bool

    init(_ weights: Weights, _ config: T5Config) throws {
        isSumWide = config.isUMT5 && weights.plan.dtype == .float16
        gate = config.isGated ? try Linear(weights["wi_0"], from: config.dModel, to: config.dFf, bias: false) : nil
        up = try Linear(weights[config.isGated ? "wi_1" : "wi"], from: config.dModel, to: config.dFf, bias: false)
        let output = isSumWide ? weights["wo"].computing(in: .float32) : weights["wo"]
        down = try Linear(output, from: config.dFf, to: config.dModel, bias: false)
        activation = config.activation ?? .relu
    }

    func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
        let hidden = try hidden(x)
        return try down(isSumWide ? hidden.to(.float32) : hidden)
    }

    private func hidden(_ x: Tensor) throws(TensorError) -> Tensor {
        guard let gate else { return try activation(up(x)) }
        return try activation(gate(x)) * up(x)
    }
}

extension RMSNorm {
    /// Normalises an input of a wider type; the result has the weight's type.
    func narrowing(_ x: Tensor) throws(TensorError) -> Tensor {
        if x.dtype == weight.dtype { return try self(x) }
        return try (rmsNorm(x, epsilon: epsilon) * weight).to(weight.dtype)
    }
}

internal import Layers
internal import Tensors

/// One layer: self-attention and feed-forward, each after a norm and added to its input.
struct T5Block {
    private let attentionNorm, feedForwardNorm: RMSNorm
    private let query, key, value, out: Linear
    private let feedForward: T5FeedForward
    private let heads: Int
    private let backend: any AttentionBackend

    init(_ weights: Weights, _ config: T5Config) throws {
        let layers = weights["layer"]
        let attention = layers[0]["SelfAttention"]
        let inner = config.numHeads * config.dKv
        attentionNorm = try RMSNorm(
            layers[0]["layer_norm"], size: config.dModel, epsilon: config.layerNormEpsilon)
        feedForwardNorm = try RMSNorm(
            layers[1]["layer_norm"], size: config.dModel, epsilon: config.layerNormEpsilon)
        query = try Linear(attention["q"], from: config.dModel, to: inner, bias: false)
        key = try Linear(attention["k"], from: config.dModel, to: inner, bias: false)
        value = try Linear(attention["v"], from: config.dModel, to: inner, bias: false)
        out = try Linear(attention["o"], from: inner, to: config.dModel, bias: false)
        feedForward = try T5FeedForward(layers[1]["DenseReluDense"], config)
        (heads, backend) = (config.numHeads, weights.plan.attention)
    }

    /// - Parameters:
    ///   - x: `[batch, tokens, width]`
    ///   - bias: `[1 or batch, heads, tokens, tokens]`
    /// - Returns: `[batch, tokens, width]`
    /// - Throws: ``TensorError``
    func callAsFunction(_ x: Tensor, bias: Tensor) throws(TensorError) -> Tensor {
        let h = try x + attention(attentionNorm.narrowing(x), bias: bias)
        return try h + feedForward(feedForwardNorm.narrowing(h))
    }

    private func attention(_ x: Tensor, bias: Tensor) throws(TensorError) -> Tensor {
        try out(
            backend.attend(
                query(x).splitHeads(heads), key(x).splitHeads(heads), value(x).splitHeads(heads), mask: bias, scale: 1
            ).mergeHeads())
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
    /// Normalises what may be wider than the weight, in whose type the result is.
    func narrowing(_ x: Tensor) throws(TensorError) -> Tensor {
        if x.dtype == weight.dtype { return try self(x) }
        return try (rmsNorm(x, epsilon: epsilon) * weight).to(weight.dtype)
    }
}

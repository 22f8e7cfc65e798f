internal import Foundation
package import Layers
package import Tensors

/// T5's encoder: attention that sees positions only through a bias by distance, without scaling, without biases in its
/// linear layers.
// Source: transformers 5.23.0, models/t5/modeling_t5.py.
package struct T5Encoder {
    private let embedding: Embedding
    private let distanceBias: T5DistanceBias
    private let blocks: [T5Block]
    private let finalNorm: RMSNorm

    /// Reads the encoder.
    ///
    /// - Parameters:
    ///   - weights: the view of the component
    ///   - config: its `config.json`
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(_ weights: Weights, _ config: T5Config) throws {
        let table = weights.first(of: ["shared", "encoder.embed_tokens"], having: "weight")
        embedding = try Embedding(table, count: config.vocabSize, width: config.dModel)
        weights["encoder"].disregard("embed_tokens.weight")
        let stack = weights["encoder"]
        distanceBias = try T5DistanceBias(stack["block"][0]["layer"][0]["SelfAttention"], config)
        blocks = try (0..<config.numLayers).map { try T5Block(stack["block"][$0], config) }
        finalNorm = try RMSNorm(stack["final_layer_norm"], size: config.dModel, epsilon: config.layerNormEpsilon)
    }

    /// Encodes texts; pads are tokens like any other.
    ///
    /// - Parameter ids: one row a text, all of one length
    /// - Returns: `[batch, tokens, width]`
    /// - Throws: ``TensorError``
    package func callAsFunction(_ ids: [[Int32]]) throws(TensorError) -> Tensor {
        let tokens = ids.first?.count ?? 0
        let bias = try distanceBias(tokens)
        var states = try embedding(Tensor(ids.flatMap { $0 }, shape: [ids.count, tokens], on: bias.device))
        for block in blocks { states = try block(states, bias: bias) }
        return try finalNorm(states)
    }
}

/// What attention adds to a score for the distance between two tokens, one table for all layers.
struct T5DistanceBias {
    private let table: Tensor
    private let buckets, maxDistance: Int

    init(_ weights: Weights, _ config: T5Config) throws {
        buckets = config.relativeAttentionNumBuckets
        maxDistance = config.relativeAttentionMaxDistance
        table = try weights["relative_attention_bias"].tensor("weight", buckets, config.numHeads)
    }

    /// - Parameter tokens: length of the text
    /// - Returns: `[1, heads, tokens, tokens]`
    /// - Throws: ``TensorError``
    func callAsFunction(_ tokens: Int) throws(TensorError) -> Tensor {
        let ofDistance = try bucketOfDistance(tokens)
        var indices: [Int32] = []
        indices.reserveCapacity(tokens * tokens)
        for query in 0..<tokens {
            for key in 0..<tokens {
                indices.append(ofDistance[abs(key - query)] + (key > query ? Int32(buckets / 2) : 0))
            }
        }
        let rows = try embedding(Tensor(indices, shape: [tokens, tokens], on: table.device), table: table)
        return try rows.permuted(2, 0, 1).unsqueezed(0).contiguous()
    }

    /// Short distances have a bucket each; longer ones share buckets on a logarithmic scale.
    ///
    /// The scale is computed by LibTorch in 32-bit floats, since at powers of two its rounding decides the bucket.
    private func bucketOfDistance(_ tokens: Int) throws(TensorError) -> [Int32] {
        let half = buckets / 2
        let exact = half / 2
        let scale = log(Double(maxDistance) / Double(exact))
        let distances = try Tensor.range(max(tokens, 1))
        let logarithms = try log(distances / Double(exact)) / scale * Double(half - exact)
        let scaled = try logarithms.clamped(0, Double(half)).integers()
        return (0..<tokens).map { $0 < exact ? Int32($0) : Int32(min(exact + Int(scaled[$0]), half - 1)) }
    }
}

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
    ///   - bias: `[1, heads, tokens, tokens]`
    /// - Returns: `[batch, tokens, width]`
    /// - Throws: ``TensorError``
    func callAsFunction(_ x: Tensor, bias: Tensor) throws(TensorError) -> Tensor {
        let h = try x + attention(attentionNorm(x), bias: bias)
        return try h + feedForward(feedForwardNorm(h))
    }

    private func attention(_ x: Tensor, bias: Tensor) throws(TensorError) -> Tensor {
        try out(
            backend.attend(
                query(x).splitHeads(heads), key(x).splitHeads(heads), value(x).splitHeads(heads), mask: bias, scale: 1
            ).mergeHeads())
    }
}

/// The feed-forward layer, with or without a gate.
struct T5FeedForward {
    private let gate: Linear?
    private let up, down: Linear
    private let activation: Activation

    init(_ weights: Weights, _ config: T5Config) throws {
        gate = config.isGated ? try Linear(weights["wi_0"], from: config.dModel, to: config.dFf, bias: false) : nil
        up = try Linear(weights[config.isGated ? "wi_1" : "wi"], from: config.dModel, to: config.dFf, bias: false)
        down = try Linear(weights["wo"], from: config.dFf, to: config.dModel, bias: false)
        activation = config.activation ?? .relu
    }

    func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
        guard let gate else { return try down(activation(up(x))) }
        return try down(activation(gate(x)) * up(x))
    }
}

internal import Layers
internal import Tensors

/// The sizes of a layer, which CLIP's text and vision models name alike.
protocol CLIPEncoderConfig {
    var hiddenSize: Int { get }
    var intermediateSize: Int { get }
    var numAttentionHeads: Int { get }
    var hiddenAct: Activation { get }
    var layerNormEps: Double { get }
}

extension CLIPTextConfig: CLIPEncoderConfig {}
extension CLIPVisionConfig: CLIPEncoderConfig {}

/// One layer: self-attention and feed-forward, each after a norm and added to its input.
struct CLIPEncoderLayer {
    private let norm1, norm2: LayerNorm
    private let query, key, value, out: Linear
    private let up, down: Linear
    private let activation: Activation
    private let heads: Int
    private let backend: any AttentionBackend

    init(_ weights: Weights, _ config: some CLIPEncoderConfig) throws {
        let width = config.hiddenSize
        let attention = weights["self_attn"]
        norm1 = try LayerNorm(weights["layer_norm1"], size: width, epsilon: config.layerNormEps)
        norm2 = try LayerNorm(weights["layer_norm2"], size: width, epsilon: config.layerNormEps)
        query = try Linear(attention["q_proj"], from: width, to: width)
        key = try Linear(attention["k_proj"], from: width, to: width)
        value = try Linear(attention["v_proj"], from: width, to: width)
        out = try Linear(attention["out_proj"], from: width, to: width)
        up = try Linear(weights["mlp"]["fc1"], from: width, to: config.intermediateSize)
        down = try Linear(weights["mlp"]["fc2"], from: config.intermediateSize, to: width)
        (activation, heads, backend) = (config.hiddenAct, config.numAttentionHeads, weights.plan.attention)
    }

    /// - Parameters:
    ///   - x: `[batch, tokens, width]`
    ///   - mask: `[1, 1, tokens, tokens]`; nil hides nothing
    /// - Returns: `[batch, tokens, width]`
    /// - Throws: ``TensorError``
    func callAsFunction(_ x: Tensor, mask: Tensor?) throws(TensorError) -> Tensor {
        let h = try x + attention(norm1(x), mask: mask)
        return try h + down(activation(up(norm2(h))))
    }

    private func attention(_ x: Tensor, mask: Tensor?) throws(TensorError) -> Tensor {
        let scale = 1 / Double(x.size(2) / heads).squareRoot()
        return try out(
            backend.attend(
                query(x).splitHeads(heads), key(x).splitHeads(heads), value(x).splitHeads(heads), mask: mask,
                scale: scale
            ).mergeHeads())
    }
}

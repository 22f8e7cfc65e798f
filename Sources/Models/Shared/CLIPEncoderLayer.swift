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
///
/// The states that run from layer to layer may be wider than the layer computes: their sum is then rounded only once.
struct CLIPEncoderLayer {
    private let norm1, norm2: WideLayerNorm
    private let query, key, value, out: Linear
    private let up, down: Linear
    private let activation: Activation
    private let heads: Int
    private let plan: ExecutionPlan

    init(_ weights: Weights, _ config: some CLIPEncoderConfig) throws {
        let width = config.hiddenSize
        let attention = weights["self_attn"]
        norm1 = try WideLayerNorm(weights["layer_norm1"], size: width, epsilon: config.layerNormEps)
        norm2 = try WideLayerNorm(weights["layer_norm2"], size: width, epsilon: config.layerNormEps)
        query = try Linear(attention["q_proj"], from: width, to: width)
        key = try Linear(attention["k_proj"], from: width, to: width)
        value = try Linear(attention["v_proj"], from: width, to: width)
        out = try Linear(attention["out_proj"], from: width, to: width)
        up = try Linear(weights["mlp"]["fc1"], from: width, to: config.intermediateSize)
        down = try Linear(weights["mlp"]["fc2"], from: config.intermediateSize, to: width)
        (activation, heads, plan) = (config.hiddenAct, config.numAttentionHeads, weights.plan)
    }

    /// - Parameters:
    ///   - x: `[batch, tokens, width]`
    ///   - mask: `[1, 1, tokens, tokens]`; nil hides nothing
    /// - Returns: `[batch, tokens, width]`, in the type of `x`
    /// - Throws: ``TensorError``
    func callAsFunction(_ x: Tensor, mask: Tensor?) throws(TensorError) -> Tensor {
        let h = try x + attention(norm1(x).to(plan.dtype), mask: mask)
        return try h + down(activation(up(norm2(h).to(plan.dtype))))
    }

    private func attention(_ x: Tensor, mask: Tensor?) throws(TensorError) -> Tensor {
        let scale = 1 / Double(x.size(2) / heads).squareRoot()
        return try out(
            plan.attention.attend(
                query(x).splitHeads(heads), key(x).splitHeads(heads), value(x).splitHeads(heads), mask: mask,
                scale: scale
            ).mergeHeads())
    }
}

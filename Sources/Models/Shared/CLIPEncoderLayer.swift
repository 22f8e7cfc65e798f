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
    private let attention: Attention
    private let dtype: DType

    init(_ weights: Weights, _ config: some CLIPEncoderConfig) throws {
        let width = config.hiddenSize
        let projections = weights["self_attn"]
        norm1 = try WideLayerNorm(weights["layer_norm1"], size: width, epsilon: config.layerNormEps)
        norm2 = try WideLayerNorm(weights["layer_norm2"], size: width, epsilon: config.layerNormEps)
        query = try Linear(projections["q_proj"], from: width, to: width)
        key = try Linear(projections["k_proj"], from: width, to: width)
        value = try Linear(projections["v_proj"], from: width, to: width)
        out = try Linear(projections["out_proj"], from: width, to: width)
        up = try Linear(weights["mlp"]["fc1"], from: width, to: config.intermediateSize)
        down = try Linear(weights["mlp"]["fc2"], from: config.intermediateSize, to: width)
        let heads = config.numAttentionHeads
        attention = Attention(projections, .selfAttention, heads: heads, headWidth: width / heads)
        (activation, dtype) = (config.hiddenAct, weights.plan.dtype)
    }

    /// - Parameters:
    ///   - x: `[batch, tokens, width]`
    ///   - mask: `[1, 1, tokens, tokens]`; nil hides nothing
    /// - Returns: `[batch, tokens, width]`, in the type of `x`
    func callAsFunction(_ x: Tensor, mask: Tensor?) throws(TensorError) -> Tensor {
        let h = try x + attended(norm1(x).to(dtype), mask: mask)
        return try h + down(activation(up(norm2(h).to(dtype))))
    }

    private func attended(_ x: Tensor, mask: Tensor?) throws(TensorError) -> Tensor {
        try out(attention(query(x), key(x), value(x), mask: mask))
    }
}

internal import Layers
internal import Tensors

/// Attention of a sequence to itself, in which several heads of queries share one of keys and values.
struct LanguageModelAttention {
    private let query, key, value, out: Linear
    private let queryNorm, keyNorm: LanguageModelNorm?
    private let attention: Attention
    private let dtype: DType

    init(_ weights: Weights, _ layout: LanguageModelLayout) throws {
        let (width, headWidth) = (layout.width, layout.headWidth)
        let (queries, keys) = (layout.heads * headWidth, layout.keyValueHeads * headWidth)
        func projection(_ name: String, to: Int) throws -> Linear {
            try Linear(weights[name], from: width, to: to, bias: layout.hasBias, cut: .output())
        }
        query = try projection("q_proj", to: queries)
        key = try projection("k_proj", to: keys)
        value = try projection("v_proj", to: keys)
        out = try Linear(weights["o_proj"], from: queries, to: width, bias: layout.hasOutputBias, cut: .input())
        queryNorm = layout.normsHeads ? try LanguageModelNorm(weights["q_norm"], size: headWidth, layout) : nil
        keyNorm = layout.normsHeads ? try LanguageModelNorm(weights["k_norm"], size: headWidth, layout) : nil
        // Old files have the frequencies of the angles, too.
        weights.disregard("rotary_emb.inv_freq")
        attention = Attention(
            weights, .selfAttention, heads: layout.heads, keyValueHeads: layout.keyValueHeads, headWidth: headWidth,
            scale: layout.scale)
        dtype = weights.plan.dtype
    }

    /// - Parameters:
    ///   - x: `[batch, tokens, width]`
    ///   - rotary: the tables of the tokens
    ///   - mask: `[batch or 1, 1, tokens, tokens]`
    /// - Returns: `[batch, tokens, width]`
    func callAsFunction(_ x: Tensor, _ rotary: RotaryEmbedding, mask: Tensor) throws(TensorError) -> Tensor {
        try out(
            attention(
                turned(query(x), queryNorm, rotary), turned(key(x), keyNorm, rotary), value(x), mask: mask))
    }

    /// Heads, normed and turned by their token's position; in 32-bit floats until the result.
    private func turned(_ x: Tensor, _ norm: LanguageModelNorm?, _ rotary: RotaryEmbedding) throws(TensorError)
        -> Tensor
    {
        let heads = try x.reshaped(x.size(0), x.size(1), -1, attention.site.headWidth)
        return try rotary.appliedToHalves(of: norm?.wide(heads) ?? heads).to(dtype)
    }
}

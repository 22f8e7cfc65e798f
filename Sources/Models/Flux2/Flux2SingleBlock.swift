internal import Layers
internal import Tensors

extension Flux2 {
    /// A block over text and image in one sequence: one product makes query, key, value and the feed-forward's two halves,
    /// another takes what attention and feed-forward gave.
    struct SingleBlock {
        private let up, out: Linear
        private let queryNorm, keyNorm: RMSNorm
        private let attention: Attention
        /// Widths of query, key, value, gate and what is gated.
        private let widths: [Int]

        init(_ weights: Weights, _ config: TransformerConfig) throws {
            let (width, inner) = (config.width, config.inner)
            let weights = weights["attn"]
            up = try Linear(
                weights["to_qkv_mlp_proj"], from: width, to: 3 * width + 2 * inner, bias: false,
                cut: .output(segments: [width, width, width, inner, inner]))
            widths = up.parts
            out = try Linear(
                weights["to_out"], from: width + inner, to: width, bias: false, cut: .input(segments: [width, inner]))
            queryNorm = try RMSNorm(weights["norm_q"], size: config.attentionHeadDim, epsilon: config.eps)
            keyNorm = try RMSNorm(weights["norm_k"], size: config.attentionHeadDim, epsilon: config.eps)
            attention = Attention(
                weights, .joint, heads: config.numAttentionHeads, headWidth: config.attentionHeadDim)
        }

        /// - Parameters:
        ///   - x: text and image, `[batch, tokens, width]`
        ///   - queries: the tokens that are wanted; the others are only attended to
        ///   - textTokens: how many tokens are text
        ///   - modulation: shift, scale and gate
        ///   - rotary: tables for text and image
        /// - Returns: the wanted tokens, `[batch, wanted, width]`
        func callAsFunction(
            _ x: Tensor, _ queries: StreamTokens, textTokens: Int, _ modulation: Modulation, _ rotary: RotaryEmbedding
        ) throws(TensorError) -> Tensor {
            let first = queries == .all ? 0 : textTokens
            let joined: LinearInput
            do {
                let product = try up(modulation.normed(x))
                func part(_ number: Int, from token: Int = 0) throws(TensorError) -> Tensor {
                    let start = widths[..<number].reduce(0, +)
                    return try product.slice(start..<start + widths[number], axis: 2)
                        .slice(token..<product.size(1), axis: 1)
                }
                let (query, key, heads) = (try part(0, from: first), try part(1), attention.site.heads)
                let attended = try attention(
                    rotary.split(at: first).1.applied(to: query.heads(heads), after: queryNorm),
                    rotary.applied(to: key.heads(heads), after: keyNorm), part(2), textTokens: textTokens,
                    queries: queries)
                joined = LinearInput(gate: try part(3, from: first), try part(4, from: first), beside: attended)
            }
            return try modulation.added(out(joined), to: x.slice(first..<x.size(1), axis: 1).contiguous())
        }
    }
}

extension Tensor {
    /// `[batch, tokens, heads · headWidth]` to `[batch, tokens, heads, headWidth]`.
    fileprivate func heads(_ count: Int) throws(TensorError) -> Tensor { try reshaped(size(0), size(1), count, -1) }
}

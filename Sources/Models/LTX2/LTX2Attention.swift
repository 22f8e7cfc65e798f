internal import Layers
internal import Tensors

extension LTX2 {
    /// An attention whose queries and keys are normed over all heads and turned each by tables of their own.
    struct AttentionLayer {
        private let query, key, value, out: Linear
        private let queryNorm, keyNorm: RMSNorm
        /// What each head's result is multiplied by, as the sigmoid makes it; nil in models without.
        private let gates: Linear?
        private let attention: Attention
        private let queries, keys: StreamTokens

        /// - Parameters:
        ///   - weights: the view of the attention
        ///   - role: who attends to whom
        ///   - queries: which tokens attend
        ///   - keys: which tokens are attended to
        ///   - width: of what attends
        ///   - source: width of what is attended to
        ///   - heads: how many there are
        ///   - headWidth: numbers of a head
        ///   - isGated: whether heads are gated
        ///   - bias: whether queries, keys and values have biases
        ///   - outBias: whether what comes out has one
        init(
            _ weights: Weights, _ role: AttentionSite.Role, of queries: StreamTokens = .all,
            to keys: StreamTokens = .all, width: Int, source: Int, heads: Int, headWidth: Int,
            isGated: Bool, bias: Bool = true, outBias: Bool = true
        ) throws {
            let inner = heads * headWidth
            let views = ["to_q", "to_k", "to_v"].map { weights[$0] }
            // Of tokens that attend to themselves all three have one input, else keys and values.
            let sharing = role == .selfAttention ? views : Array(views.dropFirst())
            query = try Linear(
                views[0], from: width, to: inner, bias: bias, cut: .output(),
                sharing: role == .selfAttention ? sharing : [])
            key = try Linear(
                views[1], from: source, to: inner, bias: bias, cut: .output(), sharing: sharing)
            value = try Linear(
                views[2], from: source, to: inner, bias: bias, cut: .output(), sharing: sharing)
            out = try Linear(
                weights["to_out"][0], from: inner, to: width, bias: outBias, cut: .input())
            queryNorm = try RMSNorm(ofAllHeads: weights["norm_q"], size: inner, epsilon: 1e-6)
            keyNorm = try RMSNorm(ofAllHeads: weights["norm_k"], size: inner, epsilon: 1e-6)
            gates =
                isGated
                ? try Linear(weights["to_gate_logits"], from: width, to: heads, cut: .output(), keepsBits: true) : nil
            attention = Attention(weights, role, heads: heads, headWidth: headWidth)
            (self.queries, self.keys) = (queries, keys)
        }

        /// - Parameters:
        ///   - x: what attends, `[batch, tokens, width]`
        ///   - source: what is attended to, `[batch, keys, source]`; nil for `x`
        ///   - turned: the tables of the queries and of the keys; nil without positions
        ///   - mask: as ``Attention`` takes it
        ///   - isPerturbed: whether each token has its own value instead of what it attends to
        /// - Returns: `[batch, tokens, width]`
        func callAsFunction(
            _ x: LinearInput, to source: LinearInput? = nil, turned: (queries: HeadRotary, keys: HeadRotary)? = nil,
            mask: Tensor? = nil, isPerturbed: Bool = false
        ) throws(TensorError) -> Tensor {
            let source = source ?? x
            guard !isPerturbed else { return try out(gated(value(source), x)) }
            let parts = AttentionProjections.Parts { () throws(TensorError) in
                try normed(query(x), queryNorm, turned?.queries)
            } key: { () throws(TensorError) in
                try normed(key(source), keyNorm, turned?.keys)
            } value: { () throws(TensorError) in
                try value(source)
            }
            let attended =
                mask == nil
                ? try attention(parts, queries: queries, keys: keys)
                : try attention(parts.query(), parts.key(), parts.value(), mask: mask)
            return try out(gated(attended, x))
        }

        private func normed(_ x: Tensor, _ norm: RMSNorm, _ tables: HeadRotary?) throws(TensorError) -> Tensor {
            guard let tables else { return try norm(x) }
            return try tables.applied(to: x, after: norm)
        }

        private func gated(_ x: Tensor, _ tokens: LinearInput) throws(TensorError) -> Tensor {
            guard let gates else { return x }
            // Twice the sigmoid.
            let factors = try tanh(gates(tokens).to(.float32) * 0.5) + 1
            let heads = try x.reshaped(x.size(0), x.size(1), factors.size(2), attention.site.headWidth)
            return try (heads * factors.unsqueezed(3)).to(x.dtype).reshaped(x.shape)
        }
    }
}

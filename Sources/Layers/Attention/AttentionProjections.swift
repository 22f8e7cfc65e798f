package import Tensors

/// Query, key and value of an attention; query and key are normed and turned by their position.
package struct AttentionProjections {
    /// What is normed together.
    package enum NormScope: Sendable {
        /// Each of so many heads.
        case head(of: Int)
        case allHeads
    }

    private let query, key, value: Linear
    private let queryNorm, keyNorm: RMSNorm
    private let scope: NormScope

    /// - Parameters:
    ///   - weights: the view of the attention
    ///   - names: of query, key and value, and of the norms of query and key
    ///   - width: of the tokens
    ///   - scope: what is normed together
    ///   - epsilon: added to the mean square
    ///   - bias: whether the projections have biases
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(
        _ weights: Weights, _ names: [String] = ["to_q", "to_k", "to_v", "norm_q", "norm_k"], width: Int,
        norming scope: NormScope, epsilon: Double, bias: Bool = true
    ) throws {
        let views = names.prefix(3).map { weights[$0] }
        func projection(_ number: Int) throws -> Linear {
            try Linear(views[number], from: width, to: width, bias: bias, cut: .output(), sharing: views)
        }
        (query, key, value) = (try projection(0), try projection(1), try projection(2))
        func norm(_ name: String) throws -> RMSNorm {
            switch scope {
            case .head(let heads): try RMSNorm(weights[name], size: width / heads, epsilon: epsilon)
            case .allHeads: try RMSNorm(ofAllHeads: weights[name], size: width, epsilon: epsilon)
            }
        }
        (queryNorm, keyNorm) = (try norm(names[3]), try norm(names[4]))
        self.scope = scope
    }

    /// Query, key and value as ``Attention`` takes them, each computed when it is asked for.
    package struct Parts {
        package let query, key, value: () throws(TensorError) -> Tensor

        package init(
            query: @escaping () throws(TensorError) -> Tensor, key: @escaping () throws(TensorError) -> Tensor,
            value: @escaping () throws(TensorError) -> Tensor
        ) {
            (self.query, self.key, self.value) = (query, key, value)
        }
    }

    /// - Parameters:
    ///   - x: what is attended to, `[batch, tokens, width]`
    ///   - rotary: the tables of its tokens
    /// - Returns: what makes query, key and value
    package func parts(_ x: LinearInput, _ rotary: RotaryEmbedding) -> Parts {
        Parts(
            query: { () throws(TensorError) in try turned(query(x), rotary, queryNorm) },
            key: { () throws(TensorError) in try turned(key(x), rotary, keyNorm) },
            value: { () throws(TensorError) in try value(x) })
    }

    /// - Parameters:
    ///   - x: what is attended to, `[batch, tokens, width]`
    ///   - rotary: the tables of its tokens
    ///   - y: the tokens that attend, the last ones of `x`; nil for all
    /// - Returns: as ``Attention`` takes them
    package func callAsFunction(_ x: LinearInput, _ rotary: RotaryEmbedding, queries y: LinearInput? = nil)
        throws(TensorError) -> (query: Tensor, key: Tensor, value: Tensor)
    {
        let (query, key) = (try query(y ?? x), try key(x))
        let tables = y == nil ? rotary : try rotary.split(at: key.size(1) - query.size(1)).1
        return (try turned(query, tables, queryNorm), try turned(key, rotary, keyNorm), try value(x))
    }

    /// Those of some tokens, and behind them those of others by other projections; what is normed is each head.
    ///
    /// - Parameters:
    ///   - x: makes the first tokens, which are few, `[batch, tokens, width]`
    ///   - y: makes the others, `[batch, others, width]`
    ///   - others: the projections of `y`
    ///   - rotary: the tables of all tokens
    /// - Returns: as ``Attention`` takes them
    package func callAsFunction(
        _ x: () throws(TensorError) -> LinearInput, before y: () throws(TensorError) -> LinearInput, by others: Self,
        _ rotary: RotaryEmbedding
    ) throws(TensorError) -> (query: Tensor, key: Tensor, value: Tensor) {
        let (a, b) = try concurrently { () throws(TensorError) in
            let x = try x()
            return (query: try query(x), key: try key(x), value: try value(x))
        } _: { () throws(TensorError) in
            let y = try y()
            return (query: try others.query(y), key: try others.key(y), tokens: y)
        }
        return (
            try rotary.applied(
                to: heads(a.query), after: queryNorm, before: heads(b.query), after: others.queryNorm),
            try rotary.applied(to: heads(a.key), after: keyNorm, before: heads(b.key), after: others.keyNorm),
            try others.value(b.tokens, .behind(a.value))
        )
    }

    /// `[batch, tokens, width]` as `[batch, tokens, heads, headWidth]`.
    private func heads(_ x: Tensor) throws(TensorError) -> Tensor {
        try x.reshaped(x.size(0), x.size(1), -1, queryNorm.weight.size(0))
    }

    private func turned(_ x: Tensor, _ rotary: RotaryEmbedding, _ norm: RMSNorm) throws(TensorError) -> Tensor {
        switch scope {
        case .head: try rotary.applied(to: heads(x), after: norm)
        case .allHeads: try rotary.applied(to: x, afterJoint: norm)
        }
    }
}

package import Tensors

/// The attention of one block.
package struct Attention {
    /// What the block asked for.
    package let site: AttentionSite
    private let kernel: any AttentionKernel
    /// Where devices that share the tokens exchange them for heads.
    private let exchange: HeadExchange?
    private let context: ComputeContext

    /// Asks for a kernel.
    ///
    /// Of several devices that share the weights each has a part of the heads.
    ///
    /// - Parameters:
    ///   - weights: the view of the block's attention
    ///   - role: who attends to whom
    ///   - heads: of the queries
    ///   - keyValueHeads: of keys and values, a divisor of `heads`; nil for as many
    ///   - headWidth: numbers of a head
    ///   - scale: the factor of the scores; nil for one over the root of `headWidth`
    package init(
        _ weights: Weights, _ role: AttentionSite.Role, heads: Int, keyValueHeads: Int? = nil, headWidth: Int,
        scale: Double? = nil
    ) {
        let devices = weights.context.tensorGroup(of: weights.role)?.size ?? 1
        site = AttentionSite(
            name: weights.name, component: weights.role, role: role, heads: heads / devices,
            keyValueHeads: (keyValueHeads ?? heads) / devices, headWidth: headWidth,
            scale: scale ?? 1 / Double(headWidth).squareRoot())
        context = weights.context
        kernel = context.attention(site)
        exchange = site.isShared ? HeadExchange(weights.context) : nil
    }

    /// Attends.
    ///
    /// - Parameters:
    ///   - query: `[batch, tokens, heads, headWidth]`, or the last two axes in one
    ///   - key: `[batch, keys, keyValueHeads, headWidth]`, or the last two axes in one
    ///   - value: as `key`
    ///   - mask: added to the scores, broadcast to `[batch, heads, tokens, keys]`; nil hides nothing
    ///   - textTokens: how many of the first tokens are text
    ///   - queries: which tokens attend
    ///   - keys: which tokens are attended to
    /// - Returns: `[batch, tokens, heads · headWidth]`
    package func callAsFunction(
        _ query: Tensor, _ key: Tensor, _ value: Tensor, mask: Tensor? = nil, textTokens: Int = 0,
        queries: StreamTokens = .all, keys: StreamTokens = .all
    ) throws(TensorError) -> Tensor {
        let inputs = AttentionInputs(
            query: try query.splitHeads(site.heads), key: try key.splitHeads(site.keyValueHeads),
            value: try value.splitHeads(site.keyValueHeads), mask: mask, scale: site.scale, textTokens: textTokens,
            queries: queries, keys: keys)
        guard let exchange else { return try attended(inputs).mergeHeads() }
        return try exchange.returned(attended(exchange.gathered(inputs)), to: inputs).mergeHeads()
    }

    /// Attends to what is computed meanwhile: devices that share the tokens exchange each tensor while the next is computed.
    ///
    /// - Parameters:
    ///   - parts: query, key and value, as ``AttentionProjections/parts(_:_:)`` makes them
    ///   - queries: which tokens attend
    ///   - keys: which tokens are attended to
    /// - Returns: `[batch, tokens, heads · headWidth]`
    package func callAsFunction(
        _ parts: AttentionProjections.Parts, queries: StreamTokens = .all, keys: StreamTokens = .all
    ) throws(TensorError) -> Tensor {
        guard let exchange, exchange.overlaps, let cut = context.sequence else {
            return try self(parts.query(), parts.key(), parts.value(), queries: queries, keys: keys)
        }
        // As TensorRT-LLM orders them: the value needs no norm, so its exchange begins soonest.
        let value = try exchange.start(parts.value().splitHeads(site.keyValueHeads), 0, keys, cut)
        let query = try parts.query().splitHeads(site.heads)
        let coming = try exchange.start(query, 1, queries, cut)
        let key = try exchange.start(parts.key().splitHeads(site.keyValueHeads), 2, keys, cut)
        let own = AttentionInputs(
            query: query, key: query, value: query, mask: nil, scale: site.scale, queries: queries, keys: keys)
        var inputs = own
        (inputs.query, inputs.key, inputs.value) = (
            try coming.tensors()[0], try key.tensors()[0], try value.tensors()[0]
        )
        return try exchange.returned(attended(inputs), to: own).mergeHeads()
    }

    /// `[batch, heads, tokens, headWidth]`.
    private func attended(_ given: AttentionInputs) throws(TensorError) -> Tensor {
        let group = group
        guard group > 1 else { return try kernel.attend(given) }
        let (batch, heads, tokens, width) = (
            given.query.size(0), given.query.size(1), given.query.size(2), given.query.size(3)
        )
        var inputs = given
        inputs.headsInOne = group
        inputs.query = try given.query.reshaped(batch, heads / group, group * tokens, width)
        inputs.mask = try grouped(mask: given.mask, heads: heads, tokens: tokens)
        return try kernel.attend(inputs).reshaped(batch, heads, tokens, width)
    }

    /// How many heads of the queries share one of the keys.
    private var group: Int { site.heads / site.keyValueHeads }

    /// The mask of the queries of a group's heads one after the other, as if they were tokens of one head: keys are never
    /// repeated.
    private func grouped(mask: Tensor?, heads queryHeads: Int, tokens: Int) throws(TensorError) -> Tensor? {
        guard let mask else { return nil }
        let (batch, heads, keys) = (mask.size(0), mask.size(1), mask.size(3))
        // The same for all queries.
        if heads == 1, mask.size(2) == 1 { return mask }
        guard heads == 1 else {
            return try mask.expanded(batch, queryHeads, tokens, keys)
                .reshaped(batch, queryHeads / group, group * tokens, keys)
        }
        return try mask.expanded(batch, 1, tokens, keys).unsqueezed(2).expanded(batch, 1, group, tokens, keys)
            .reshaped(batch, 1, group * tokens, keys)
    }
}

package import Tensors

/// The attention of one block.
package struct Attention {
    /// What the block asked for.
    package let site: AttentionSite
    private let kernel: any AttentionKernel

    /// Asks for a kernel.
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
        site = AttentionSite(
            name: weights.name, component: weights.role, role: role, heads: heads,
            keyValueHeads: keyValueHeads ?? heads, headWidth: headWidth,
            scale: scale ?? 1 / Double(headWidth).squareRoot())
        kernel = weights.context.attention(site)
    }

    /// Attends.
    ///
    /// - Parameters:
    ///   - query: `[batch, tokens, heads, headWidth]`, or the last two axes in one
    ///   - key: `[batch, keys, keyValueHeads, headWidth]`, or the last two axes in one
    ///   - value: as `key`
    ///   - mask: added to the scores, broadcast to `[batch, heads, tokens, keys]`; nil hides nothing
    ///   - textTokens: how many of the first tokens are text
    /// - Returns: `[batch, tokens, heads · headWidth]`
    package func callAsFunction(
        _ query: Tensor, _ key: Tensor, _ value: Tensor, mask: Tensor? = nil, textTokens: Int = 0
    ) throws(TensorError) -> Tensor {
        let inputs = try AttentionInputs(
            query: grouped(query, site.heads), key: key.splitHeads(site.keyValueHeads),
            value: value.splitHeads(site.keyValueHeads), mask: grouped(mask: mask, tokens: query.size(1)),
            scale: site.scale, textTokens: textTokens)
        let attended = try kernel.attend(inputs)
        guard group > 1 else { return try attended.mergeHeads() }
        return try attended.reshaped(query.size(0), site.heads, query.size(1), site.headWidth).mergeHeads()
    }

    /// How many heads of the queries share one of the keys.
    private var group: Int { site.heads / site.keyValueHeads }

    /// The queries of a group's heads one after the other, as if they were tokens of one head: keys are never repeated.
    private func grouped(_ query: Tensor, _ heads: Int) throws(TensorError) -> Tensor {
        let split = try query.splitHeads(heads)
        guard group > 1 else { return split }
        return try split.reshaped(query.size(0), site.keyValueHeads, group * query.size(1), site.headWidth)
    }

    private func grouped(mask: Tensor?, tokens: Int) throws(TensorError) -> Tensor? {
        guard group > 1, let mask else { return mask }
        let (batch, heads, keys) = (mask.size(0), mask.size(1), mask.size(3))
        guard heads == 1 else {
            return try mask.expanded(batch, heads, tokens, keys)
                .reshaped(batch, site.keyValueHeads, group * tokens, keys)
        }
        return try mask.expanded(batch, 1, tokens, keys).unsqueezed(2).expanded(batch, 1, group, tokens, keys)
            .reshaped(batch, 1, group * tokens, keys)
    }
}

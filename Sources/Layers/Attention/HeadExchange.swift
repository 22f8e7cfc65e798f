internal import Parallel
internal import Tensors

/// Ulysses: ranks that have some tokens and all heads exchange them for all tokens and some heads, and back.
// Source: DeepSpeed-Ulysses, arXiv 2309.14509.
struct HeadExchange {
    private let group: ProcessGroup
    private let context: ComputeContext
    /// The first rank of the group, as the sequence counts.
    private let first: Int

    /// - Returns: nil where no ranks share heads
    init?(_ context: ComputeContext) {
        guard let ranks = context.ranks, let group = ranks[.ulysses] else { return nil }
        (self.group, self.context) = (group, context)
        first = ranks.mesh.place(of: ranks.rank).context * group.size
    }

    private var members: [Int] { Array(first..<first + group.size) }

    /// Whether each tensor is exchanged while the next one is computed.
    var overlaps: Bool { context.sequence != nil && context.ranks?.layout.overlapsExchange == true }

    /// Starts the exchange of one tensor, beside what is computed next.
    ///
    /// - Parameters:
    ///   - x: this rank's tokens, with all heads, `[batch, heads, tokens, headWidth]`
    ///   - place: which of the tensors of one attention it is, from 0
    ///   - tokens: which tokens they are
    ///   - cut: which tokens the ranks have
    /// - Returns: all tokens of the group to come, with the heads of this rank
    func start(_ x: Tensor, _ place: Int, _ tokens: StreamTokens, _ cut: SequenceCut) throws(TensorError) -> ComingHeads
    {
        try start([(x, TokenCounts(cut, tokens))], slot: place, aside: true)
    }

    private func start(_ tensors: [(x: Tensor, counts: TokenCounts)], slot: Int, aside: Bool = false)
        throws(TensorError) -> ComingHeads
    {
        let (heads, members) = (tensors.map { Shards($0.x.size(1), into: group.size) }, members)
        return ComingHeads(
            pending: try group.startPlacing(
                tensors.map(\.x), slot: slot, aside: aside,
                sizes: { rank in tensors.indices.map { (tensors[$0].counts.sum(members), heads[$0].counts[rank]) } },
                parts: { from, to in
                    tensors.indices.flatMap { number in
                        tensors[number].counts.places(of: members[from], among: members).map { own, place in
                            HeadPart(
                                tensor: number, tokens: own, heads: heads[number].range(to), firstToken: place,
                                firstHead: 0)
                        }
                    }
                }))
    }

    /// All tokens of the group, with the heads of this rank, by one exchange.
    ///
    /// - Parameter inputs: this rank's tokens, with all heads
    /// - Returns: the same in the order of the whole sequence
    func gathered(_ inputs: AttentionInputs) throws(TensorError) -> AttentionInputs {
        guard let cut = context.sequence else { return inputs }
        let keys = TokenCounts(cut, inputs.keys)
        let tensors = try start(
            [(inputs.query, TokenCounts(cut, inputs.queries)), (inputs.key, keys), (inputs.value, keys)], slot: 0
        ).tensors()
        var result = try gatheredMask(inputs)
        (result.query, result.key, result.value) = (tensors[0], tensors[1], tensors[2])
        return result
    }

    /// The inputs with the mask of all keys of the group, and how many of them are text.
    func gatheredMask(_ inputs: AttentionInputs) throws(TensorError) -> AttentionInputs {
        guard let cut = context.sequence else { return inputs }
        let (counts, members) = (TokenCounts(cut, inputs.keys), members)
        var result = inputs
        result.mask = try inputs.mask.map { mask throws(TensorError) in
            let parts = try group.allGather(mask.permuted(3, 0, 1, 2), rows: members.map { counts[$0] })
            return try counts.joined(parts, of: members, axis: 0).permuted(1, 2, 3, 0)
        }
        result.textTokens = members.reduce(0) { $0 + counts.parts(of: $1).text }
        return result
    }

    /// This rank's tokens with all heads.
    ///
    /// - Parameters:
    ///   - attended: all tokens of the group with the heads of this rank, `[batch, heads, tokens, headWidth]`
    ///   - inputs: what was given to ``gathered(_:)``
    /// - Returns: `[batch, heads, tokens, headWidth]`, until the next exchange
    func returned(_ attended: Tensor, to inputs: AttentionInputs) throws(TensorError) -> Tensor {
        guard let cut = context.sequence else { return attended }
        let counts = TokenCounts(cut, inputs.queries)
        let (heads, members) = (Shards(inputs.query.size(1), into: group.size), members)
        return try ComingHeads(
            pending: group.startPlacing(
                [attended], slot: Self.returning,
                sizes: { rank in [(counts[members[rank]], heads.counts.reduce(0, +))] },
                parts: { from, to in
                    counts.places(of: members[to], among: members).map { own, place in
                        HeadPart(
                            tokens: place..<place + own.count, heads: 0..<heads.counts[from],
                            firstToken: own.lowerBound, firstHead: heads.range(from).lowerBound)
                    }
                })
        ).tensors()[0]
    }

    /// The slot of what goes back, behind those of query, key and value.
    private static let returning = 3
}

/// Tensors that are on their way from the ranks that share heads.
struct ComingHeads {
    fileprivate let pending: PendingTensors

    /// Waits for them: each `[batch, heads, tokens, headWidth]`, in the order of the whole sequence.
    func tensors() throws(TensorError) -> [Tensor] {
        try pending.values().map { x throws(TensorError) in try x.permuted(0, 2, 1, 3) }
    }
}

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

    /// Starts the exchange of one tensor.
    ///
    /// - Parameters:
    ///   - x: this rank's tokens, with all heads, `[batch, heads, tokens, headWidth]`
    ///   - tokens: which they are
    ///   - cut: which tokens the ranks have
    /// - Returns: all tokens of the group to come, with the heads of this rank
    func start(_ x: Tensor, _ tokens: QueryTokens, _ cut: SequenceCut) throws(TensorError) -> ComingHeads {
        try start([(x, TokenCounts(cut, tokens))])
    }

    private func start(_ tensors: [(x: Tensor, counts: TokenCounts)]) throws(TensorError) -> ComingHeads {
        let heads = tensors.map { Shards($0.x.size(1), into: group.size) }
        let batch = tensors[0].x.size(0)
        func rows(_ tokens: (Int) -> Int, _ rank: Int) -> Int {
            heads.indices.reduce(0) { $0 + batch * tokens($1) * heads[$1].counts[rank] }
        }
        let pending = try group.startAllToAll(
            packed(tensors.map(\.x), heads),
            sending: (0..<group.size).map { rank in rows({ tensors[$0].x.size(2) }, rank) },
            receiving: members.map { rank in rows({ tensors[$0].counts[rank] }, group.rank) })
        return ComingHeads(
            pending: pending, parts: zip(tensors, heads).map { ($0.counts, $1.counts[group.rank]) }, batch: batch,
            members: members)
    }

    /// All tokens of the group, with the heads of this rank, by one exchange.
    ///
    /// - Parameter inputs: this rank's tokens, with all heads
    /// - Returns: the same in the order of the whole sequence
    func gathered(_ inputs: AttentionInputs) throws(TensorError) -> AttentionInputs {
        guard let cut = context.sequence else { return inputs }
        let all = TokenCounts(cut)
        let tensors = try start([
            (inputs.query, TokenCounts(cut, inputs.queries)), (inputs.key, all), (inputs.value, all),
        ]).tensors()
        var result = try gatheredMask(inputs)
        (result.query, result.key, result.value) = (tensors[0], tensors[1], tensors[2])
        return result
    }

    /// The inputs with the mask of all keys of the group, and how many of them are text.
    func gatheredMask(_ inputs: AttentionInputs) throws(TensorError) -> AttentionInputs {
        guard let cut = context.sequence else { return inputs }
        let (counts, members) = (TokenCounts(cut), members)
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
    /// - Returns: `[batch, heads, tokens, headWidth]`
    func returned(_ attended: Tensor, to inputs: AttentionInputs) throws(TensorError) -> Tensor {
        guard let cut = context.sequence else { return attended }
        let (batch, own, width) = (attended.size(0), attended.size(1), attended.size(3))
        let counts = TokenCounts(cut, inputs.queries)
        let heads = Shards(inputs.query.size(1), into: group.size)
        let tokens = inputs.query.size(2)
        let pieces = try counts.split(attended.permuted(2, 0, 1, 3), to: members, axis: 0)
        let received = try group.allToAll(
            concatenate(pieces.flatMap(\.self), axis: 0).reshaped(-1, width),
            sending: members.map { counts[$0] * batch * own },
            receiving: heads.counts.map { tokens * batch * $0 })
        var (parts, start): ([Tensor], Int) = ([], 0)
        for count in heads.counts {
            let end = start + tokens * batch * count
            parts.append(try received.slice(start..<end, axis: 0).reshaped(tokens, batch, count, width))
            start = end
        }
        return try concatenate(parts, axis: 2).permuted(1, 2, 0, 3)
    }

    /// What goes to each rank: the rows `[tokens, batch, heads]` of each tensor, of the heads of the rank.
    private func packed(_ tensors: [Tensor], _ heads: [Shards]) throws(TensorError) -> Tensor {
        let width = tensors[0].size(3)
        if tensors.allSatisfy({ $0.size(1) == tensors[0].size(1) && $0.size(1).isMultiple(of: group.size) }) {
            // In one pass where all heads are cut alike.
            let parts = try tensors.map { x throws(TensorError) in
                try x.reshaped(x.size(0), group.size, x.size(1) / group.size, x.size(2), width).permuted(1, 3, 0, 2, 4)
            }
            return try concatenate(parts, axis: 1).reshaped(-1, width)
        }
        var parts: [Tensor] = []
        for rank in 0..<group.size {
            for (x, heads) in zip(tensors, heads) {
                parts.append(try x.slice(heads.range(rank), axis: 1).permuted(2, 0, 1, 3).reshaped(-1, width))
            }
        }
        return try concatenate(parts, axis: 0)
    }
}

extension Tensor {
    /// `[tokens, batch, …]` as `[batch, tokens, …]`, without gaps: kernels of GPUs are chosen by how tokens lie.
    func tokensSecond() throws(TensorError) -> Tensor {
        guard size(1) == 1 else { return try transposed(0, 1).contiguous() }
        return try reshaped([1, size(0)] + shape.dropFirst(2))
    }
}

/// Tensors that are on their way from the ranks that share heads.
struct ComingHeads {
    fileprivate let pending: PendingTensor
    /// For each tensor the tokens that every rank has of it, and how many heads come.
    fileprivate let parts: [(counts: TokenCounts, heads: Int)]
    fileprivate let batch: Int
    fileprivate let members: [Int]

    /// Waits for them: each `[batch, heads, tokens, headWidth]`, in the order of the whole sequence.
    func tensors() throws(TensorError) -> [Tensor] {
        let received = try pending.value()
        var (pieces, start): ([[Tensor]], Int) = (parts.map { _ in [] }, 0)
        for rank in members {
            for (number, part) in parts.enumerated() {
                let tokens = part.counts[rank]
                let end = start + tokens * batch * part.heads
                let piece = try received.slice(start..<end, axis: 0)
                pieces[number].append(try piece.reshaped(tokens, batch, part.heads, received.size(1)))
                start = end
            }
        }
        return try parts.indices.map { number throws(TensorError) in
            let joined = try parts[number].counts.joined(pieces[number], of: members, axis: 0)
            return try joined.tokensSecond().permuted(0, 2, 1, 3)
        }
    }
}

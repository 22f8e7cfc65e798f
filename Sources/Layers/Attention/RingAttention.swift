internal import Parallel
internal import Tensors

/// Attention of tokens that lie on several ranks: keys and values go round, and each rank joins what it makes of them.
// Source: Liu et al., Ring Attention with Blockwise Transformers, arXiv 2310.01889.
struct RingAttention: AttentionKernel {
    private let kernel: any AttentionKernel
    private let ring: ProcessGroup
    private let context: ComputeContext

    init(_ kernel: any AttentionKernel, _ ring: ProcessGroup, _ context: ComputeContext) {
        (self.kernel, self.ring, self.context) = (kernel, ring, context)
    }

    func attend(_ inputs: AttentionInputs) throws(TensorError) -> Tensor {
        guard context.sequence != nil else { return try kernel.attend(inputs) }
        return try attendWithLogSumExp(inputs).result.to(inputs.query.dtype)
    }

    func attendWithLogSumExp(_ inputs: AttentionInputs) throws(TensorError) -> (result: Tensor, logSumExp: Tensor) {
        guard let cut = context.sequence else { return try kernel.attendWithLogSumExp(inputs) }
        let keys = KeyChunks(cut, chunks: ring.size, inputs.keys)
        var (held, chunk) = (inputs, ring.rank)
        var joined: PartialAttention?
        for turn in 0..<ring.size {
            let next = (chunk - 1 + ring.size) % ring.size
            let coming =
                turn < ring.size - 1
                ? try ring.startExchange(
                    held.packedKeys(), to: (ring.rank + 1) % ring.size,
                    from: (ring.rank - 1 + ring.size) % ring.size, rows: keys.counts[next]) : nil
            if keys.counts[chunk] > 0 {
                let part = try PartialAttention(kernel.attendWithLogSumExp(held))
                if joined == nil { joined = part } else { try joined?.join(part) }
            }
            if let coming { try held.take(coming.value()) }
            chunk = next
        }
        guard let joined else { return try kernel.attendWithLogSumExp(inputs) }
        return (joined.result, joined.logSumExp)
    }
}

/// How many tokens each part of a sequence has that goes round, or is gathered.
struct KeyChunks {
    let counts: [Int]

    /// - Parameters:
    ///   - cut: of the sequence over all its ranks
    ///   - chunks: how many parts, each of ranks that follow each other
    ///   - tokens: which of them
    init(_ cut: SequenceCut, chunks: Int, _ tokens: StreamTokens) {
        let all = TokenCounts(cut, tokens)
        let size = cut.streams[0].counts.count / chunks
        counts = (0..<chunks).map { all.sum($0 * size..<($0 + 1) * size) }
    }
}

extension AttentionInputs {
    /// Keys, values and what masks them, `[keys, numbers]`; the mask is the same for all queries.
    func packedKeys() throws(TensorError) -> Tensor {
        var rows = [try key.permuted(2, 0, 1, 3), try value.permuted(2, 0, 1, 3)]
        if let mask { rows.append(try mask.permuted(3, 0, 1, 2).to(key.dtype)) }
        return try concatenate(
            rows.map { part throws(TensorError) in
                try part.reshaped(key.size(2), part.shape.dropFirst().reduce(1, *))
            },
            axis: 1)
    }

    /// Takes keys, values and mask of other tokens.
    ///
    /// - Parameter packed: what ``packedKeys()`` made of them
    mutating func take(_ packed: Tensor) throws(TensorError) {
        let (batch, heads, width, count) = (key.size(0), key.size(1), key.size(3), packed.size(0))
        let size = batch * heads * width
        func part(_ start: Int) throws(TensorError) -> Tensor {
            try packed.slice(start..<start + size, axis: 1).reshaped(count, batch, heads, width).tokensSecond()
                .permuted(0, 2, 1, 3)
        }
        (key, value) = (try part(0), try part(size))
        if let mask {
            self.mask = try packed.slice(2 * size..<packed.size(1), axis: 1)
                .reshaped(count, mask.size(0), mask.size(1), mask.size(2)).permuted(1, 2, 3, 0).to(mask.dtype)
        }
    }
}

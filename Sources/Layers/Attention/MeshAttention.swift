internal import Parallel
internal import Tensors

/// Attention2D: ranks in rows and columns; queries are gathered along a row, keys and values along a column, and each row
/// joins what its ranks made.
struct MeshAttention: AttentionKernel {
    private let kernel: any AttentionKernel
    private let row, column: ProcessGroup?
    private let context: ComputeContext
    private let rows, columns: Int

    init(_ kernel: any AttentionKernel, _ ranks: Ranks, _ context: ComputeContext) {
        (self.kernel, self.context) = (kernel, context)
        (row, column) = (ranks[.row], ranks[.column])
        (columns, rows) = (row?.size ?? 1, column?.size ?? 1)
    }

    func attend(_ inputs: AttentionInputs) throws(TensorError) -> Tensor {
        guard context.sequence != nil else { return try kernel.attend(inputs) }
        return try attendWithLogSumExp(inputs).result.to(inputs.query.dtype)
    }

    func attendWithLogSumExp(_ given: AttentionInputs) throws(TensorError) -> (result: Tensor, logSumExp: Tensor) {
        guard let cut = context.sequence else { return try kernel.attendWithLogSumExp(given) }
        let place = (row: column?.rank ?? 0, column: row?.rank ?? 0)
        let keys = KeyChunks(cut, chunks: rows * columns, given.keys).counts
        let queries = KeyChunks(cut, chunks: rows * columns, given.queries).counts.map { $0 * given.headsInOne }
        var inputs = given
        if let column {
            let counts = (0..<rows).map { keys[$0 * columns + place.column] }
            try inputs.take(concatenate(column.allGather(inputs.packedKeys(), rows: counts), axis: 0))
        }
        guard let row else { return try joined([PartialAttention(kernel.attendWithLogSumExp(inputs))]) }
        let counts = (0..<columns).map { queries[place.row * columns + $0] }
        let query = given.query
        let gathered = try row.allGather(query.permuted(2, 0, 1, 3), rows: counts)
        inputs.query = try concatenate(gathered, axis: 0).tokensSecond().permuted(0, 2, 1, 3)
        let part = try PartialAttention(kernel.attendWithLogSumExp(inputs))
        // Each rank of the row gets back what was made of its queries.
        let numbers = try concatenate(
            [part.result.permuted(2, 0, 1, 3), part.logSumExp.permuted(2, 0, 1).unsqueezed(3)], axis: 3)
        let own = counts[place.column]
        let received = try row.allToAll(numbers, sending: counts, receiving: counts.map { _ in own })
        var parts: [PartialAttention] = []
        for source in 0..<columns {
            let isThere = (0..<rows).contains { keys[$0 * columns + source] > 0 }
            guard isThere else { continue }
            let piece = try received.slice(source * own..<(source + 1) * own, axis: 0)
            let width = query.size(3)
            parts.append(
                try PartialAttention(
                    (
                        result: piece.slice(0..<width, axis: 3).permuted(1, 2, 0, 3),
                        logSumExp: piece.slice(width..<width + 1, axis: 3).squeezed(3).permuted(1, 2, 0)
                    )))
        }
        return try joined(parts)
    }

    private func joined(_ parts: [PartialAttention]) throws(TensorError) -> (result: Tensor, logSumExp: Tensor) {
        var joined = parts[0]
        for part in parts.dropFirst() { try joined.join(part) }
        return (joined.result, joined.logSumExp)
    }
}

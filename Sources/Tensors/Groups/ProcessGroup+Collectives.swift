internal import CTorch

extension ProcessGroup {
    /// The sum of a tensor over all ranks; of flags whether any is set.
    ///
    /// - Parameter x: of the same shape on every rank; floats of 8 bits cannot be summed
    /// - Returns: the sum, of the same shape, the same on every rank
    package func allReduce(_ x: Tensor) throws(TensorError) -> Tensor {
        let sum = try Tensor("all_reduce", ct_all_reduce(handle.group, x.handle))
        // Around a ring each part goes once to be summed and once as a sum; 16 bits travel as 32.
        let bytes = x.count * (x.dtype == .int16 ? 4 : x.dtype.size)
        count(.allReduce, bytes: 2 * (size - 1) * bytes / size)
        return sum
    }

    /// The tensors of all ranks.
    ///
    /// - Parameters:
    ///   - x: `[rows[rank], …]`
    ///   - rows: how many each rank has
    /// - Returns: for each rank `[rows[r], …]`
    package func allGather(_ x: Tensor, rows: [Int]) throws(TensorError) -> [Tensor] {
        let all = try Tensor("all_gather", ct_all_gather(handle.group, x.handle, rows.int64, rows.count))
        count(.allGather, bytes: (size - 1) * x.count * x.dtype.size)
        var parts: [Tensor] = []
        var start = 0
        for rows in rows {
            parts.append(try all.slice(start..<start + rows, axis: 0))
            start += rows
        }
        return parts
    }

    /// This rank's rows of the sum of a tensor over all ranks; of flags whether any is set.
    ///
    /// - Parameters:
    ///   - x: `[rows of all, …]`; floats of 8 bits cannot be summed
    ///   - rows: how many each rank gets
    /// - Returns: `[rows[rank], …]`
    package func reduceScatter(_ x: Tensor, rows: [Int]) throws(TensorError) -> Tensor {
        let sum = try Tensor("reduce_scatter", ct_reduce_scatter(handle.group, x.handle, rows.int64, rows.count))
        count(.reduceScatter, bytes: bytes(of: x, rowsFor: rows))
        return sum
    }

    /// Sends some rows to each rank, and receives some of each.
    ///
    /// - Parameters:
    ///   - x: `[rows sent, …]`, those for rank 0 first
    ///   - sending: how many go to each rank
    ///   - receiving: how many come from each, as it sends them
    /// - Returns: `[rows received, …]`, those of rank 0 first
    package func allToAll(_ x: Tensor, sending: [Int], receiving: [Int]) throws(TensorError) -> Tensor {
        try startAllToAll(x, sending: sending, receiving: receiving).value()
    }

    /// Starts ``allToAll(_:sending:receiving:)``.
    ///
    /// - Parameters:
    ///   - x: `[rows sent, …]`, those for rank 0 first
    ///   - sending: how many go to each rank
    ///   - receiving: how many come from each, as it sends them
    /// - Returns: `[rows received, …]` to come, those of rank 0 first
    package func startAllToAll(_ x: Tensor, sending: [Int], receiving: [Int]) throws(TensorError) -> PendingTensors {
        let pending = try PendingTensors(
            "all_to_all",
            ct_all_to_all(
                handle.group, x.handle, sending.int64, sending.count, receiving.int64, receiving.count),
            in: handle)
        count(.allToAll, bytes: bytes(of: x, rowsFor: sending))
        return pending
    }

    /// One rank's tensor.
    ///
    /// - Parameters:
    ///   - x: of the same shape and type on every rank; only the root's numbers matter
    ///   - root: the rank that sends
    /// - Returns: the root's numbers
    package func broadcast(_ x: Tensor, from root: Int) throws(TensorError) -> Tensor {
        let copy = try Tensor("broadcast", ct_broadcast(handle.group, x.handle, Int32(clamping: root)))
        count(.broadcast, bytes: rank == root ? (size - 1) * x.count * x.dtype.size : 0)
        return copy
    }

    /// Sends a tensor to one rank and receives one of another at once, as in a ring.
    ///
    /// Every rank takes part, one that has nothing to send with no rows.
    ///
    /// - Parameters:
    ///   - x: `[rows sent, …]`
    ///   - target: the rank that it goes to
    ///   - source: the rank that another comes from
    ///   - rows: how many that one has
    /// - Returns: `[rows, …]`
    package func exchange(_ x: Tensor, to target: Int, from source: Int, rows: Int) throws(TensorError) -> Tensor {
        try startExchange(x, to: target, from: source, rows: rows).value()
    }

    /// Starts ``exchange(_:to:from:rows:)``.
    ///
    /// - Parameters:
    ///   - x: `[rows sent, …]`
    ///   - target: the rank that it goes to
    ///   - source: the rank that another comes from
    ///   - rows: how many that one has
    /// - Returns: `[rows, …]` to come
    package func startExchange(_ x: Tensor, to target: Int, from source: Int, rows: Int) throws(TensorError)
        -> PendingTensors
    {
        let pending = try PendingTensors(
            "exchange",
            ct_exchange(handle.group, x.handle, Int32(clamping: target), Int32(clamping: source), Int64(rows)),
            in: handle)
        count(.exchange, bytes: target == rank ? 0 : x.count * x.dtype.size)
        return pending
    }

    /// Starts to place parts of tensors in tensors of every rank.
    ///
    /// Between GPUs of one host that reach each other's memory the results lie in memory that is made once for each slot: they
    /// stay until the slot is used again, and between two uses lies one of another slot.
    ///
    /// - Parameters:
    ///   - tensors: of one type, `[batch, heads, tokens, headWidth]`
    ///   - slot: whose memory the results have, from 0 to 3
    ///   - aside: whether the calling thread's stream goes on meanwhile
    ///   - sizes: tokens and heads of a rank's result for each tensor
    ///   - parts: what one rank sends another, in one order for both
    /// - Returns: the results to come, `[batch, tokens, heads, headWidth]`
    package func startPlacing(
        _ tensors: [Tensor], slot: Int, aside: Bool = false, sizes: (Int) -> [(tokens: Int, heads: Int)],
        parts: (_ from: Int, _ to: Int) -> [HeadPart]
    ) throws(TensorError) -> PendingTensors {
        let sizes = (0..<size).flatMap { sizes($0).flatMap { [Int64($0.tokens), Int64($0.heads)] } }
        let (sending, receiving) = ((0..<size).map { parts(rank, $0) }, (0..<size).map { parts($0, rank) })
        let pending = try PendingTensors(
            "place",
            ct_place(
                handle.group, Int32(clamping: slot), aside, tensors.map(\.handle), tensors.count, sizes,
                sending.joined().map(\.shim), sending.map(\.count), receiving.joined().map(\.shim),
                receiving.map(\.count)),
            count: tensors.count, in: handle)
        let row = tensors[0].size(0) * tensors[0].size(3) * tensors[0].dtype.size
        let rows = (0..<size).map { rank in sending[rank].reduce(0) { $0 + $1.tokens.count * $1.heads.count } }
        count(.allToAll, bytes: row * (rows.reduce(0, +) - rows[rank]))
        return pending
    }

    /// The bytes of a tensor's rows that other ranks get.
    private func bytes(of x: Tensor, rowsFor rows: [Int]) -> Int {
        let width = x.shape.dropFirst().reduce(1, *) * x.dtype.size
        return width * (rows.reduce(0, +) - rows[rank])
    }
}

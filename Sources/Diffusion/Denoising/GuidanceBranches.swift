internal import Parallel
internal import Tensors

/// Which branches of guidance each rank computes, of those that share them.
struct GuidanceBranches {
    /// Those of this rank; none where there are more ranks than branches.
    let own: Range<Int>
    private let shards: Shards
    private let group: ProcessGroup?

    /// - Parameters:
    ///   - guidance: how the predictions become one
    ///   - ranks: those that share the work; nil for one alone
    init(_ guidance: Guidance, _ ranks: Ranks?) { self.init(guidance.branches.count, ranks) }

    /// - Parameters:
    ///   - count: how many branches there are
    ///   - ranks: those that share the work; nil for one alone
    init(_ count: Int, _ ranks: Ranks?) {
        group = ranks?[.guidance]
        shards = Shards(count, into: group?.size ?? 1)
        own = shards.range(group?.rank ?? 0)
    }

    /// The predictions of all branches.
    ///
    /// - Parameters:
    ///   - predictions: of this rank's branches, one tensor for each of the latents
    ///   - latents: what they were made from, of the same shapes
    /// - Returns: the same on every rank, in 32-bit floats where several share them
    func gathered(_ predictions: [[Tensor]], like latents: [Tensor]) throws(TensorError) -> [[Tensor]] {
        guard let group else { return predictions }
        var result: [[Tensor]] = shards.counts.flatMap { Array(repeating: [], count: $0) }
        for (number, latents) in latents.enumerated() {
            let mine = try predictions.map { prediction throws(TensorError) in try prediction[number].to(.float32) }
            let rows =
                mine.isEmpty
                ? try Tensor.empty([0] + latents.shape, on: latents.device) : try stack(mine, axis: 0)
            let all = try concatenate(group.allGather(rows, rows: shards.counts), axis: 0)
            for branch in result.indices { result[branch].append(try all.select(branch, axis: 0)) }
        }
        return result
    }
}

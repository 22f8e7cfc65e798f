internal import Parallel
package import Tensors

/// A picture that the ranks of a group decode together: each has a strip of its columns or of its rows, in the ranks' order.
///
/// The picture is at any size that its latents grow to. Height and width are axes 2 and 3, of images
/// `[batch, channels, height, width]` as of frames `[batch, frames, height, width, channels]`.
package struct PictureCut {
    private let side: PictureSide
    /// How many latents along the side each rank has.
    private let latents: Shards
    private let group: ProcessGroup

    /// - Parameters:
    ///   - latents: of the whole picture, `[batch, channels, height, width]` or `[batch, frames, height, width, channels]`
    ///   - context: of this rank
    /// - Returns: nil where the rank decodes the whole picture: it decodes alone, or some rank would have no latents
    init?(_ latents: Tensor, _ context: ComputeContext) {
        guard context.decodesTogether, let ranks = context.ranks, let group = ranks[.decoding] else { return nil }
        (side, self.group) = (ranks.layout.decodingSide, group)
        let length = latents.size(Self.axis(of: side))
        guard length >= group.size else { return nil }
        self.latents = Shards(length, into: group.size)
    }

    private static func axis(of side: PictureSide) -> Int { side == .height ? 2 : 3 }

    private var axis: Int { Self.axis(of: side) }

    /// This rank's strip.
    ///
    /// - Parameter latents: of the whole picture
    /// - Returns: a part of one axis
    package func strip(of latents: Tensor) throws(TensorError) -> Tensor {
        try latents.slice(self.latents.range(group.rank), axis: axis).contiguous()
    }

    /// The whole picture.
    ///
    /// - Parameter strip: this rank's
    /// - Returns: the same on every rank
    package func joined(_ strip: Tensor) throws(TensorError) -> Tensor {
        let scale = strip.size(axis) / latents.counts[group.rank]
        let strips = try group.allGather(strip.transposed(0, axis), rows: latents.counts.map { $0 * scale })
        return try concatenate(strips, axis: 0).transposed(0, axis)
    }

    /// The tokens of the whole picture, row after row.
    ///
    /// - Parameters:
    ///   - tokens: this rank's, row after row, `[batch, height · width, channels]`
    ///   - height: the strip's
    ///   - width: the strip's
    /// - Returns: `[batch, tokens, channels]`, the same on every rank
    package func joined(tokens: Tensor, height: Int, width: Int) throws(TensorError) -> Tensor {
        let (batch, channels) = (tokens.size(0), tokens.size(2))
        return try joined(tokens.reshaped(batch, 1, height, width, channels)).reshaped(batch, -1, channels)
    }

    /// A strip between the nearest columns or rows of its neighbours, or zeros at the picture's edge.
    ///
    /// - Parameters:
    ///   - strip: this rank's
    ///   - reach: how many columns or rows at each end; none has fewer
    /// - Returns: longer by twice the reach along the side
    func widened(_ strip: Tensor, by reach: Int) throws(TensorError) -> Tensor {
        if reach == 0 { return strip }
        let (before, after) = try neighbours(of: strip, by: reach)
        var shape = strip.shape
        shape[axis] = reach
        let zeros = try Tensor.full(0, shape, strip.dtype, on: strip.device)
        return try concatenate([before ?? zeros, strip, after ?? zeros], axis: axis)
    }

    /// A strip between its neighbours' nearest column or row, with the picture reflected at its edges, in height and width.
    ///
    /// - Parameter strip: this rank's, of a picture that is two high and two wide at least
    /// - Returns: longer by two in both directions
    func reflected(_ strip: Tensor) throws(TensorError) -> Tensor {
        let length = strip.size(axis)
        let (before, after) = try neighbours(of: strip, by: 1)
        func inner(_ index: Int, _ neighbour: Tensor?) throws(TensorError) -> Tensor {
            // What is next to the edge may be the neighbour's.
            if length == 1, let neighbour { return neighbour }
            return try strip.slice(index..<index + 1, axis: axis)
        }
        let first = if let before { before } else { try inner(1, after) }
        let last = if let after { after } else { try inner(length - 2, before) }
        return try concatenate([first, strip, last], axis: axis).reflected(axis == 2 ? 3 : 2)
    }

    /// The nearest columns or rows of both neighbours; nil at the picture's edge.
    private func neighbours(of strip: Tensor, by reach: Int) throws(TensorError) -> (before: Tensor?, after: Tensor?) {
        let (rank, length) = (group.rank, strip.size(axis))
        precondition(
            reach <= length / latents.counts[rank] * (latents.counts.min() ?? 0), "a window beyond a neighbour")
        var edges: [Tensor] = []
        if rank > 0 { edges.append(try strip.slice(0..<reach, axis: axis).transposed(0, axis)) }
        if rank < group.size - 1 {
            edges.append(try strip.slice(length - reach..<length, axis: axis).transposed(0, axis))
        }
        let rows = (0..<group.size).map { abs($0 - rank) == 1 ? reach : 0 }
        let received = try group.allToAll(concatenate(edges, axis: 0), sending: rows, receiving: rows)
        func neighbour(_ index: Int) throws(TensorError) -> Tensor {
            try received.slice(index * reach..<(index + 1) * reach, axis: 0).transposed(0, axis).contiguous()
        }
        return (
            rank > 0 ? try neighbour(0) : nil, rank < group.size - 1 ? try neighbour(edges.count - 1) : nil
        )
    }

    /// The zeros that a convolution adds to a widened strip.
    ///
    /// - Parameter reach: how many it adds at every edge of a whole picture
    /// - Returns: those of the side that is not cut
    func padding(_ reach: Int) -> Margins {
        side == .height ? Margins(rows: 0, columns: reach) : Margins(rows: reach, columns: 0)
    }

    /// What of a widened strip is its neighbours'.
    ///
    /// - Parameter reach: how many columns or rows at each end
    /// - Returns: those of the side that is cut
    func margins(_ reach: Int) -> Margins {
        side == .height ? Margins(rows: reach, columns: 0) : Margins(rows: 0, columns: reach)
    }

    /// The moments of the whole picture.
    ///
    /// - Parameter own: mean and variance of this rank's numbers, in any groups, `[2, …]`
    /// - Returns: mean and variance of all numbers, each of the rest of the shape, the same on every rank
    func moments(_ own: Tensor) throws(TensorError) -> (mean: Tensor, variance: Tensor) {
        let all = try group.allGather(own.unsqueezed(0), rows: latents.counts.map { _ in 1 })
        let shares = latents.counts.map { Double($0) / Double(latents.counts.reduce(0, +)) }
        let means = try all.map { part throws(TensorError) in try part.select(0, axis: 0).select(0, axis: 0) }
        var mean = try means[0] * shares[0]
        for rank in 1..<group.size { mean = try mean + means[rank] * shares[rank] }
        var variance = try mean * 0
        for rank in 0..<group.size {
            let distance = try means[rank] - mean
            variance =
                try variance + (all[rank].select(0, axis: 0).select(1, axis: 0) + distance * distance) * shares[rank]
        }
        return (mean, variance)
    }
}

internal import Parallel
package import Tensors

/// A picture that the ranks of a group decode together: each makes a strip of its columns or of its rows, in the ranks' order.
///
/// Every rank has all latents, and decodes its strip with a halo: as much of the picture around it as the strip's pixels
/// depend on. So no layer that sees neighbouring positions needs another rank. At the halo's end such a layer sees the edge of
/// a picture where there is none, and what it makes there is wrong, one position further in with every layer; a halo is wide
/// enough for that not to reach the strip.
///
/// Height and width are axes 2 and 3, of images `[batch, channels, height, width]` as of frames
/// `[batch, frames, height, width, channels]`.
package struct PictureCut {
    private let side: PictureSide
    /// How many latents along the side each rank's strip has.
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

    /// This rank's strip with as much of the picture around it as a stage needs.
    ///
    /// - Parameters:
    ///   - x: the whole picture, or this rank's strip with a wider halo
    ///   - stage: what begins
    /// - Returns: a part of one axis, without gaps in memory
    func narrowed(_ x: Tensor, to stage: DecodingStage) throws(TensorError) -> Tensor {
        let part = try view(of: x, for: stage)
        return part.size(axis) == x.size(axis) ? x : try part.cloned()
    }

    /// The whole picture.
    ///
    /// - Parameters:
    ///   - strip: this rank's, with a halo or without
    ///   - scale: how many of its positions a latent has become along a side
    /// - Returns: the same on every rank
    package func joined(_ strip: Tensor, scale: Int) throws(TensorError) -> Tensor {
        let own = try view(of: strip, for: DecodingStage(scale: scale, reach: 0)).transposed(0, axis)
        return try concatenate(group.allGather(own, rows: latents.counts.map { $0 * scale }), axis: 0)
            .transposed(0, axis)
    }

    /// The tokens of the whole picture, row after row, where each is a latent.
    ///
    /// - Parameters:
    ///   - tokens: this rank's with a halo or without, row after row, `[batch, height · width, channels]`
    ///   - height: of the strip, with its halo
    ///   - width: as `height`
    /// - Returns: `[batch, tokens, channels]`, the same on every rank
    package func joined(tokens: Tensor, height: Int, width: Int) throws(TensorError) -> Tensor {
        let (batch, channels) = (tokens.size(0), tokens.size(2))
        return try joined(tokens.reshaped(batch, 1, height, width, channels), scale: 1).reshaped(batch, -1, channels)
    }

    /// The moments of all strips.
    ///
    /// - Parameters:
    ///   - x: this rank's strip, with a halo or without
    ///   - scale: how many of its positions a latent has become along a side
    ///   - measure: gives the moments of the strip alone, of any shape
    /// - Returns: those of every rank, `[ranks, …]`, the same on each
    func moments(
        of x: Tensor, scale: Int, _ measure: (Tensor) throws(TensorError) -> Tensor
    ) throws(TensorError) -> Tensor {
        let own = try measure(view(of: x, for: DecodingStage(scale: scale, reach: 0)))
        return try concatenate(
            group.allGather(own.unsqueezed(0), rows: Array(repeating: 1, count: group.size)), axis: 0)
    }

    private func view(of x: Tensor, for stage: DecodingStage) throws(TensorError) -> Tensor {
        let reach = try reach(of: x, stage.scale)
        let (halo, kept) = (halo(reach, stage.scale), halo(min(reach, stage.reach), stage.scale))
        return try x.slice(
            halo.before - kept.before..<x.size(axis) - (halo.after - kept.after), axis: axis)
    }

    /// How many positions stand on either side of this rank's strip that lie no further than the reach: fewer where the picture
    /// ends.
    private func halo(_ reach: Int, _ scale: Int) -> (before: Int, after: Int) {
        let own = latents.range(group.rank)
        let whole = latents.counts.reduce(0, +)
        return (min(reach, own.lowerBound * scale), min(reach, (whole - own.upperBound) * scale))
    }

    /// How far a strip's halo reaches.
    private func reach(of x: Tensor, _ scale: Int) throws(TensorError) -> Int {
        let edges = halo(x.size(axis), scale)
        let near = min(edges.before, edges.after)
        let count = x.size(axis) - latents.counts[group.rank] * scale
        let reach = count <= 2 * near ? count / 2 : count - near
        let found = halo(reach, scale)
        guard found.before + found.after == count else {
            throw TensorError(
                operation: "decoding in strips",
                message:
                    "\(x.size(axis)) positions are no strip of \(latents.counts[group.rank]) latents at scale \(scale)")
        }
        return reach
    }
}

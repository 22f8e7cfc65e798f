internal import Tensors

/// How a video is divided into tiles that overlap, in space and in time.
///
/// The result differs from that of the whole where tiles meet. What is decoded or encoded whole needs no more memory for more
/// frames, so that tiles in time are for those who want diffusers' result of them.
package struct LTX2VideoTiling: Sendable, Equatable {
    /// Tiles in time, in frames of the video.
    package struct Frames: Sendable, Equatable {
        /// How many frames a tile has, besides the one that makes a latent frame alone.
        package var length = 16
        /// How far the next tile is; the rest of a tile overlaps the next one.
        package var stride = 8

        package init() {}
    }

    /// Tiles in height and width; nil for none.
    package var space: VideoTiling?
    /// Tiles in time; nil for none.
    package var frames: Frames?

    /// Diffusers' tiles, in height and width alone.
    package init() {
        var tiles = VideoTiling()
        (tiles.height, tiles.width, tiles.strideHeight, tiles.strideWidth) = (512, 512, 448, 448)
        space = tiles
    }
}

/// Frames of tiles in time, of which each fades into the next.
struct FadingFrames {
    /// How many frames of a tile are used, but of the first, which has one more; and how many fade.
    let kept, overlap: Int
    /// The tile before.
    private var previous: [Tensor] = []
    private var isFirst = true

    /// - Parameters:
    ///   - kept: how many frames of a tile are used
    ///   - overlap: over how many the tile before fades
    init(kept: Int, overlap: Int) { (self.kept, self.overlap) = (kept, overlap) }

    /// - Parameter tile: the frames of the next one, of the same shape each
    /// - Returns: those to be used
    mutating func take(_ tile: [Tensor]) throws(TensorError) -> [Tensor] {
        var tile = tile
        let count = min(previous.count, tile.count, overlap)
        for index in 0..<count {
            let share = Double(index) / Double(count)
            tile[index] = try previous[previous.count - count + index] * (1 - share) + tile[index] * share
        }
        defer { (previous, isFirst) = (tile, false) }
        return Array(tile.prefix(isFirst ? kept + 1 : kept))
    }
}

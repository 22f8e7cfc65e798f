internal import Tensors

/// How a large video is decoded in overlapping tiles.
///
/// The attention of a tile sees the tile only, and a tile's edge has no neighbours: the result differs from that of the
/// whole image where tiles meet.
package struct VideoTiling: Sendable, Equatable {
    /// What is decoded first: it decides which memory is needed.
    package enum Order: Sendable {
        /// A frame of all tiles, then the next frame: the states of all tiles are kept, whatever the number of frames.
        case frames
        /// All frames of a tile, then the next tile: the state of one tile and the pixels of all frames are kept.
        case tiles
    }

    /// The height and width of a tile, in pixels.
    package var height = 256
    package var width = 256
    /// How far the next tile is, in pixels; the rest of a tile overlaps the next one.
    package var strideHeight = 192
    package var strideWidth = 192
    package var order = Order.frames

    package init() {}
}

/// The tiles of a video of one size.
struct TileGrid {
    /// The part of the latents that a tile covers.
    struct Area {
        let rows, columns: Range<Int>
    }

    /// All tiles, row after row.
    let areas: [Area]
    private let columnCount: Int
    private let strides, overlaps: (height: Int, width: Int)

    /// Nil if the video fits into one tile.
    ///
    /// - Parameters:
    ///   - tiling: the sizes
    ///   - size: the height and width of the latents
    ///   - config: the autoencoder's
    init?(_ tiling: VideoTiling, of size: (height: Int, width: Int), _ config: AutoencoderKLWanConfig) {
        self.init(tiling, of: size, scale: config.scaleFactor, patch: config.patch)
    }

    /// Tiles to decode; nil if the video fits into one.
    ///
    /// - Parameters:
    ///   - tiling: the sizes
    ///   - size: the height and width of the latents
    ///   - scale: how many pixels a latent stands for in each direction
    ///   - patch: how many pixels of a row are one number of the frames that are joined
    init?(_ tiling: VideoTiling, of size: (height: Int, width: Int), scale: Int, patch: Int = 1) {
        let (height, width) = (max(tiling.height / scale, 1), max(tiling.width / scale, 1))
        guard size.height > height || size.width > width else { return nil }
        let rows = Self.ranges(size.height, length: height, stride: max(tiling.strideHeight / scale, 1))
        let columns = Self.ranges(size.width, length: width, stride: max(tiling.strideWidth / scale, 1))
        self.init(rows, columns, joinedAt: tiling, scale: patch)
    }

    /// Tiles to encode; nil if the video fits into one.
    ///
    /// - Parameters:
    ///   - tiling: the sizes
    ///   - size: the height and width of the video
    ///   - scale: how many pixels a latent stands for in each direction
    init?(encoding tiling: VideoTiling, of size: (height: Int, width: Int), scale: Int) {
        guard size.height > tiling.height || size.width > tiling.width else { return nil }
        let rows = Self.ranges(size.height, length: tiling.height, stride: tiling.strideHeight)
        let columns = Self.ranges(size.width, length: tiling.width, stride: tiling.strideWidth)
        self.init(rows, columns, joinedAt: tiling, scale: scale)
    }

    private init(_ rows: [Range<Int>], _ columns: [Range<Int>], joinedAt tiling: VideoTiling, scale: Int) {
        areas = rows.flatMap { row in columns.map { Area(rows: row, columns: $0) } }
        columnCount = columns.count
        strides = (tiling.strideHeight / scale, tiling.strideWidth / scale)
        overlaps = (tiling.height / scale - strides.height, tiling.width / scale - strides.width)
    }

    private static func ranges(_ end: Int, length: Int, stride step: Int) -> [Range<Int>] {
        stride(from: 0, to: end, by: step).map { $0..<min($0 + length, end) }
    }

    /// One frame of one tile.
    ///
    /// - Parameters:
    ///   - z: `[batch, frames, height, width, channels]`
    ///   - index: the frame
    ///   - area: the tile
    /// - Returns: `[batch, 1, rows, columns, channels]`
    func latent(of z: Tensor, _ index: Int, _ area: Area) throws(TensorError) -> Tensor {
        try z.slice(index..<index + 1, axis: 1).slice(area.rows, axis: 2).slice(area.columns, axis: 3).contiguous()
    }

    /// The frame of which these are the tiles: where two overlap, one fades into the other.
    ///
    /// - Parameter tiles: the frame of every tile, each `[batch, 1, height, width, channels]`
    /// - Returns: `[batch, 1, height, width, channels]`
    func assembled(_ tiles: [Tensor]) throws(TensorError) -> Tensor {
        var blended: [Tensor] = []
        var bands: [Tensor] = []
        var band: [Tensor] = []
        for (index, tile) in tiles.enumerated() {
            var tile = tile
            if index >= columnCount {
                tile = try blend(blended[index - columnCount], into: tile, axis: 2, over: overlaps.height)
            }
            if !band.isEmpty { tile = try blend(blended[index - 1], into: tile, axis: 3, over: overlaps.width) }
            blended.append(tile)
            band.append(
                try tile.slice(0..<min(strides.height, tile.size(2)), axis: 2)
                    .slice(0..<min(strides.width, tile.size(3)), axis: 3))
            if band.count == columnCount {
                bands.append(try concatenate(band, axis: 3))
                band = []
            }
        }
        return try concatenate(bands, axis: 2)
    }

    /// A tile that begins as the one before it ends.
    func blend(_ before: Tensor, into tile: Tensor, axis: Int, over overlap: Int) throws(TensorError)
        -> Tensor
    {
        let count = min(before.size(axis), tile.size(axis), overlap)
        guard count > 0 else { return tile }
        var shape = [1, 1, 1, 1, 1]
        shape[axis] = count
        let share = try Tensor.range(count, on: tile.device).reshaped(shape) / Double(count)
        let end = try before.slice(before.size(axis) - count..<before.size(axis), axis: axis)
        let start = try tile.slice(0..<count, axis: axis)
        let mixed = try (end * (1 - share) + start * share).to(tile.dtype)
        return try concatenate([mixed, tile.slice(count..<tile.size(axis), axis: axis)], axis: axis)
    }
}

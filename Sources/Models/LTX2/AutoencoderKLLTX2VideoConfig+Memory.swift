package import Diffusion
package import Tensors

extension AutoencoderKLLTX2VideoConfig {
    /// What decoding holds at once besides weights, in bytes.
    ///
    /// Most of it are the frames that convolutions and sums wait with; to them comes what the largest step makes of one frame.
    /// The number of frames counts only where tiles are joined.
    ///
    /// - Parameters:
    ///   - batch: how many videos
    ///   - size: of each video
    ///   - dtype: what the decoder computes in
    ///   - tiling: how large videos are divided; nil decodes them whole
    /// - Returns: an upper estimate
    package func decodingBytes(
        batch: Int, _ size: OutputSize, dtype: DType, tiling: LTX2VideoTiling? = nil
    ) -> MemorySize {
        let (latents, batch) = (latentSize(size), MemorySize(batch))
        let (positions, frames) = (latents[1] * latents[2], size.frames ?? 1)
        let pixels = 4 * batch * outChannels * scaleFactor * scaleFactor
        var fixed = 8 * batch * latents[0] * latentChannels * positions
        // The tile before and the one that fades into it.
        if let tiles = tiling?.frames { fixed = fixed + pixels * positions * 2 * (tiles.length + 2) }
        guard let space = tiling?.space,
            let tiles = TileGrid(space, of: (latents[1], latents[2]), scale: scaleFactor)
        else {
            return fixed + pixels * positions * 3 + batch * bytes(decoding, positions: positions, states: 1, dtype)
                + batch * scratch(decoderConvolutions, rows: latents[1], columns: latents[2], dtype)
        }
        let largest = tiles.areas.map(\.count).max() ?? 0
        let covered = tiles.areas.map(\.count).reduce(0, +)
        let states = space.order == .frames ? Double(covered) / Double(max(largest, 1)) : 1
        // In the end all frames come at once that have waited for later ones.
        let joined = space.order == .frames ? min(frames, lookahead + temporalFactor) : frames
        let layers = decoderConvolutions
        let beside = tiles.areas.map { scratch(layers, rows: $0.rows.count, columns: $0.columns.count, dtype) }
        return fixed + pixels * covered * (joined + 2) + batch
            * (bytes(decoding, positions: largest, states: states, dtype) + (beside.max() ?? 0))
    }

    /// What encoding holds at once besides weights, in bytes.
    ///
    /// - Parameters:
    ///   - batch: how many videos
    ///   - size: of each video
    ///   - dtype: what the encoder computes in
    /// - Returns: an upper estimate
    package func encodingBytes(batch: Int, _ size: OutputSize, dtype: DType) -> MemorySize {
        let (latents, batch) = (latentSize(size), MemorySize(batch))
        let positions = latents[1] * latents[2]
        let video = 8 * batch * (size.frames ?? 1) * inChannels * scaleFactor * scaleFactor * positions
        return video + batch
            * (bytes(encoding, positions: positions, states: 1, dtype)
                + scratch(encoderConvolutions, rows: latents[1], columns: latents[2], dtype))
    }

    /// Tiles in the order that needs less memory, and none that cannot be decoded by itself.
    ///
    /// - Parameter size: of a video
    /// - Returns: how to divide it
    package func tiling(_ size: OutputSize) -> LTX2VideoTiling {
        var tiling = LTX2VideoTiling()
        guard var space = tiling.space else { return tiling }
        let latents = latentSize(size)
        space.strideHeight = stride(space.strideHeight, latents[1])
        space.strideWidth = stride(space.strideWidth, latents[2])
        tiling.space = space
        func bytes(_ order: VideoTiling.Order) -> MemorySize {
            tiling.space?.order = order
            return decodingBytes(batch: 1, size, dtype: .float32, tiling: tiling)
        }
        let tilesNeedLess = bytes(.tiles) < bytes(.frames)
        tiling.space?.order = tilesNeedLess ? .tiles : .frames
        return tiling
    }

    /// A stride of tiles after which the last one is not too narrow to be reflected.
    private func stride(_ stride: Int, _ latents: Int) -> Int {
        var step = max(stride / scaleFactor, 1)
        while step > 1, latents % step > 0, latents % step < smallestSide { step -= 1 }
        return step * scaleFactor
    }

    /// How many frames later than it could the first one comes out of the decoder, at most.
    private var lookahead: Int {
        if decoderCausal { return 0 }
        var rate = temporalFactor
        var frames = rate * (1 + 2 * decoderLayersPerBlock[decoderLayersPerBlock.count - 1]) + 1
        for level in upLevels {
            frames += rate
            rate /= level.scaling.frames
            frames += rate * (2 * level.layers + 2)
        }
        return frames
    }

    /// Numbers for each position of the latents: those that wait for other frames, and those that the largest step needs.
    private struct Need {
        var kept = 0.0
        var most = 0.0

        /// Blocks keep two inputs of either convolution, and what their results are added to; at work there are a frame, its
        /// normalised form with what stands around it, the three of the window and the result.
        mutating func addBlocks(_ count: Int, _ channels: Int, area: Int, isCausal: Bool) {
            let frame = Double(channels * area)
            kept += Double(count) * frame * (isCausal ? 5 : 7)
            most = max(most, 9 * frame)
        }
    }

    private var decoding: Need {
        let levels = upLevels
        var (need, area) = (Need(), 1)
        need.kept = Double(3 * latentChannels)
        need.addBlocks(
            decoderLayersPerBlock[decoderLayersPerBlock.count - 1], levels[0].before, area: 1, isCausal: decoderCausal)
        for level in levels {
            need.kept += Double(3 * level.before * area)
            area *= level.scaling.size * level.scaling.size
            let large = Double(level.after * level.scaling.frames * area)
            // What comes of one frame waits until the last of it has passed.
            need.kept += large
            need.most = max(need.most, 6 * large)
            need.addBlocks(
                level.layers + (level.before / level.factor == level.after ? 0 : 1), level.after, area: area,
                isCausal: decoderCausal)
        }
        need.kept += Double(3 * levels[levels.count - 1].after * area)
        return need
    }

    private var encoding: Need {
        var (need, area) = (Need(), 1)
        for index in downsampleType.indices.reversed() {
            let (scaling, channels) = (downsampleType[index], encoderChannels[index])
            area *= scaling.size * scaling.size
            need.kept += Double(7 * channels * area)
            need.most = max(need.most, Double(9 * channels * area))
            need.addBlocks(layersPerBlock[index], channels, area: area, isCausal: encoderCausal)
        }
        let last = encoderChannels[encoderChannels.count - 1]
        need.addBlocks(layersPerBlock[layersPerBlock.count - 1], last, area: 1, isCausal: encoderCausal)
        need.kept += Double(3 * last + 4 * inChannels * patchSize * patchSize * area)
        return need
    }

    /// A convolution, and how many positions of its input stand for a latent in height and in width.
    private typealias Layer = (from: Int, to: Int, side: Int)

    private var decoderConvolutions: [Layer] {
        let levels = upLevels
        var side = 1
        var layers: [Layer] = [
            (latentChannels, levels[0].before, side), (levels[0].before, levels[0].before, side),
        ]
        for level in levels {
            let entering = level.before / level.factor == level.after ? level.before : level.after
            layers += [(level.before, level.after, side), (entering, level.after * level.scaling.count, side)]
            side *= level.scaling.size
            layers.append((level.after, level.after, side))
        }
        return layers + [(levels[levels.count - 1].after, outChannels * patchSize * patchSize, side)]
    }

    private var encoderConvolutions: [Layer] {
        let channels = encoderChannels
        var (layers, side): ([Layer], Int) = ([], 1)
        for (index, scaling) in downsampleType.enumerated().reversed() {
            side *= scaling.size
            layers += [
                (channels[index], channels[index], side),
                (channels[index], max(channels[index + 1] / scaling.count, 1), side),
            ]
        }
        let last = channels[channels.count - 1]
        return layers + [
            (inChannels * patchSize * patchSize, channels[0], side), (last, last, 1), (last, latentChannels + 1, 1),
        ]
    }

    /// What the largest convolution of a frame needs for itself: weights in another order, in 32 bits first where products
    /// are, and on CPUs every window written out, from a copy of what is seen, where there are few numbers.
    // Source of the limit: pytorch 2.11, aten/src/ATen/native/Convolution.cpp, `ConvParams::use_mkldnn`.
    private func scratch(_ layers: [Layer], rows: Int, columns: Int, _ dtype: DType) -> MemorySize {
        let isConverted = dtype.mayBeConvertedForProducts
        let size = isConverted ? DType.float32.size : dtype.size
        let weights = layers.map { MemorySize(27 * $0.from) * $0.to }.max() ?? 0
        let windows =
            layers.filter { 3 * $0.from * $0.side * rows <= 20480 }
            .map { MemorySize(32 * $0.from) * $0.side * $0.side }.max() ?? 0
        let written = windows * rows * columns * size
        return weights * (isConverted ? 2 * size : size) + MemorySize(Self.slack * Double(written.count))
    }

    /// Memory that is kept for the next tensors is more than is ever in use.
    private static let slack = 1.3

    private func bytes(_ need: Need, positions: Int, states: Double, _ dtype: DType) -> MemorySize {
        let held = Double(dtype.size + (dtype.mayBeConvertedForProducts ? DType.float32.size : 0))
        return MemorySize(Self.slack * Double(positions) * (need.kept * Double(dtype.size) * states + need.most * held))
    }
}

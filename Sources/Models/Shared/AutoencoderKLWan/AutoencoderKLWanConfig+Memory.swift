package import Diffusion
package import Tensors

extension AutoencoderKLWanConfig {
    /// What decoding holds at once besides weights, in bytes.
    ///
    /// Of a video most of it are the last two inputs of every causal convolution; to them comes what the largest step makes
    /// of one frame. Of an image there is that alone. The number of frames counts only where tiles come first.
    ///
    /// - Parameters:
    ///   - batch: how many videos
    ///   - size: of each video
    ///   - dtype: what the decoder computes in
    ///   - tiling: how large videos are divided; nil decodes them whole
    /// - Returns: an upper estimate
    package func decodingBytes(
        batch: Int, _ size: OutputSize, dtype: DType, tiling: VideoTiling? = nil
    ) -> MemorySize {
        let (batch, frames) = (MemorySize(batch), size.frames ?? 1)
        let latents = (height: size.height / scaleFactor, width: size.width / scaleFactor)
        let latentBytes = 8 * batch * latentFrames(frames) * zDim * latents.height * latents.width
        guard let tiling, let tiles = TileGrid(tiling, of: latents, self) else {
            return latentBytes
                + batch
                * (latentFrames(frames) > 1
                    ? bytes(latents, states: 1, dtype) : imageBytes(positions: latents.height * latents.width, dtype))
        }
        let largest = tiles.areas.map(\.size).max { $0.height * $0.width < $1.height * $1.width } ?? (0, 0)
        let covered = tiles.areas.map(\.count).reduce(0, +)
        let pixels = 4 * batch * covered * outChannels * (1 << (2 * (dimMult.count - 1)))
        switch tiling.order {
        case .frames:
            let states = Double(covered) / Double(max(largest.height * largest.width, 1))
            let held = batch * bytes(largest, states: states, dtype)
            return latentBytes + pixels * (temporalFactor + 1) + held
        case .tiles:
            let held = batch * bytes(largest, states: 1, dtype)
            return latentBytes + pixels * (frames + 1) + held
        }
    }

    /// What encoding an image holds at once besides weights, in bytes.
    ///
    /// - Parameters:
    ///   - image: its size
    ///   - dtype: what the encoder computes in
    /// - Returns: an upper estimate
    package func encodingBytes(_ image: OutputSize, dtype: DType) -> MemorySize {
        let channels = encoderChannels.map(Double.init)
        // Measured, a level takes 5.5 to 6.1 times what its wider side has, the last one of the decoder up to 7.4.
        let most = dimMult.indices.map { level in
            7.5 * Double(1 << (2 * (dimMult.count - 1 - level))) * max(channels[level], channels[level + 1])
        }
        let positions = Double(image.height / scaleFactor) * Double(image.width / scaleFactor)
        return MemorySize(positions * (most.max() ?? 0) * Self.heldOfImage(dtype))
    }

    /// - Parameters:
    ///   - positions: of the image's latents
    ///   - dtype: what the decoder computes in
    /// - Returns: what decoding holds of one image
    private func imageBytes(positions: Int, _ dtype: DType) -> MemorySize {
        let channels = decoderChannels.map(Double.init)
        let most = dimMult.indices.map { level in
            let scale = Double(1 << (2 * level))
            let (before, after) = (channels[level], channels[level + 1])
            // Every upsampling but that of residual levels halves the channels.
            let block = 8.25 * scale * max(level > 0 && !isResidual ? before / 2 : before, after)
            return level == dimMult.count - 1 ? block : max(block, Self.slack * enlarging(level))
        }
        return MemorySize(Double(positions) * (most.max() ?? 0) * Self.heldOfImage(dtype))
    }

    /// The enlarged frame of a level and what the convolution makes of it, and with residual levels the way around; numbers for
    /// each position of the latents.
    private func enlarging(_ level: Int) -> Double {
        let (scale, after) = (Double(1 << (2 * level)), Double(decoderChannels[level + 1]))
        let doublesFrames = temperalDownsample.reversed()[level]
        let large = isResidual ? after * (doublesFrames ? 6 : 5) : after + after / 2
        return 4 * scale * large + 4 * scale * after
    }

    /// Memory that is kept for the next tensors is a quarter more than is ever in use; measured, it is 1.38 times.
    private static let slack = 1.5

    /// The bytes of a number at work: convolutions convert those of 16 bits where the processor cannot multiply them.
    private static func held(_ dtype: DType) -> Double {
        Double(dtype.size + (dtype.mayBeConvertedForProducts ? DType.float32.size : 0))
    }

    /// The same of an image, of which only what is converted is held.
    private static func heldOfImage(_ dtype: DType) -> Double {
        Double(dtype.mayBeConvertedForProducts ? DType.float32.size : dtype.size)
    }

    /// Tiles in the order that needs less memory.
    ///
    /// - Parameter size: of a video
    /// - Returns: how to divide it
    func tiling(_ size: OutputSize) -> VideoTiling {
        func bytes(_ tiling: VideoTiling) -> MemorySize {
            decodingBytes(batch: 1, size, dtype: .float32, tiling: tiling)
        }
        var (frames, tiles) = (VideoTiling(), VideoTiling())
        (frames.order, tiles.order) = (.frames, .tiles)
        return bytes(tiles) < bytes(frames) ? tiles : frames
    }

    /// - Parameters:
    ///   - latents: of one frame
    ///   - states: how many states of that size are kept
    ///   - dtype: what the decoder computes in
    /// - Returns: what decoding holds of one video
    private func bytes(_ latents: (height: Int, width: Int), states: Double, _ dtype: DType) -> MemorySize {
        // In floating point, where nothing overflows.
        let channels = decoderChannels.map(Double.init)
        var kept = Double(zDim) + 4 * channels[0]
        var most = 0.0
        for level in dimMult.indices {
            let scale = Double(1 << (2 * level))
            let (before, after) = (channels[level], channels[level + 1])
            let isLast = level == dimMult.count - 1
            let doublesFrames = !isLast && temperalDownsample.reversed()[level]
            let entering = level > 0 && !isResidual ? before / 2 : before
            kept += scale * (entering + (2 * Double(numResBlocks) + 1) * after)
            if doublesFrames { kept += scale * after }
            // A block's input, its normalised form, the three frames of the window, and the result.
            let written = 34 * writtenOut([entering, after], rows: latents.height << level)
            most = max(most, scale * (6 * max(before, after) + written))
            if !isLast { most = max(most, enlarging(level)) }
        }
        kept += channels[channels.count - 1] * Double(1 << (2 * (dimMult.count - 1)))
        let held = 2 * kept * Double(dtype.size) * states + most * Self.held(dtype)
        return MemorySize(Self.slack * Double(latents.height) * Double(latents.width) * held)
    }

    /// The channels of a convolution that has so few numbers that LibTorch writes out every window of 27 positions, beside the frames
    /// and the result in other orders; zero where none has.
    // Source of the limit: pytorch 2.11, aten/src/ATen/native/Convolution.cpp, `ConvParams::use_mkldnn`.
    private func writtenOut(_ channels: [Double], rows: Int) -> Double {
        channels.filter { 3 * $0 * Double(rows) <= 20480 }.max() ?? 0
    }
}

extension TileGrid.Area {
    /// How many latents the tile has.
    var count: Int { rows.count * columns.count }

    /// How many rows and columns of latents it has.
    var size: (height: Int, width: Int) { (rows.count, columns.count) }
}

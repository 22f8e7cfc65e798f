package import Diffusion
package import Tensors

extension AutoencoderKLLTX2VideoConfig {
    /// What decoding holds at once besides weights, in bytes.
    ///
    /// Most of it are the frames that convolutions and sums wait with; to them comes what the largest step makes of one frame.
    /// The number of frames counts only where tiles are decoded one after the other.
    ///
    /// - Parameters:
    ///   - batch: how many videos
    ///   - size: of each video
    ///   - dtype: what the decoder computes in
    ///   - device: where it does
    ///   - tiling: how large videos are divided; nil decodes them whole
    /// - Returns: an upper estimate
    package func decodingBytes(
        batch: Int, _ size: OutputSize, dtype: DType, on device: Device = .cpu, tiling: LTX2VideoTiling? = nil
    ) -> MemorySize {
        let latents = latentSize(size)
        let whole = (rows: latents[1], columns: latents[2])
        let numbers = Double(batch) * Double(latents[0]) * Double(latentChannels)
        // Each in 32-bit floats, and as the decoder takes it.
        var used = numbers * area(whole) * Double(DType.float32.size + dtype.size)
        var passing = latents[0]
        if let tiles = tiling?.frames, passing > tiles.length / temporalFactor {
            // The tile before, and the one that fades into it.
            used += pixels(batch, dtype) * area(whole) * Double(2 * (tiles.length + 2))
            passing = min(tiles.length / temporalFactor + 1, passing)
        }
        guard let space = tiling?.space,
            let tiles = TileGrid(space, of: (latents[1], latents[2]), scale: scaleFactor)
        else {
            let memory = decoding(batch, dtype, device, whole, isStill: passing == 1)
            return MemorySize(memory.held(used + memory.used(frames: passing)))
        }
        let parts = tiles.areas.map { (rows: $0.rows.count, columns: $0.columns.count) }
        let covered = parts.reduce(0) { $0 + area($1) }
        // Tiles that have faded into each other, and the picture, row by row, as a whole and as it is given away.
        let joining = pixels(batch, dtype) * (covered + 3 * area(whole))
        let isInTurn = space.order == .tiles
        var memories: [[Int]: LTX2FrameMemory] = [:]
        for part in parts where memories[[part.rows, part.columns]] == nil {
            memories[[part.rows, part.columns]] = decoding(
                batch, dtype, device, part, isStill: isInTurn && passing == 1)
        }
        let all = parts.compactMap { memories[[$0.rows, $0.columns]] }
        // The first tile is the largest.
        guard var memory = all.first else { return MemorySize(used) }
        used += numbers * Double(dtype.size) * (isInTurn ? area(parts[0]) : covered)
        let frame = pixels(batch, dtype) * covered
        if isInTurn {
            used += frame * Double(frames(latents: passing)) + max(memory.used(frames: passing), joining)
        } else {
            for other in all.dropFirst() { memory.join(other) }
            used += memory.used(frames: passing, waiting: frame * Double(temporalFactor), joining: joining)
        }
        return MemorySize(memory.held(used))
    }

    /// What encoding holds at once besides weights, in bytes.
    ///
    /// - Parameters:
    ///   - batch: how many videos
    ///   - size: of each video
    ///   - dtype: what the encoder computes in
    ///   - device: where it does
    /// - Returns: an upper estimate
    package func encodingBytes(batch: Int, _ size: OutputSize, dtype: DType, on device: Device = .cpu) -> MemorySize {
        let frames = whole(frames: size.frames ?? 1)
        let patches = (rows: size.height / patchSize, columns: size.width / patchSize)
        let memory = encoding(batch, dtype, device, patches, isStill: frames == 1)
        let video = memory.frame(inChannels * patchSize * patchSize, patches) * Double(frames)
        return MemorySize(memory.held(video + memory.used(frames: frames)))
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

    /// The bytes of the pixels that a latent's position stands for, in one frame of all videos.
    private func pixels(_ batch: Int, _ dtype: DType) -> Double {
        Double(batch * dtype.size) * Double(outChannels) * Double(scaleFactor) * Double(scaleFactor)
    }

    private func area(_ size: LTX2FrameMemory.Size) -> Double { Double(size.rows) * Double(size.columns) }

    /// - Parameters:
    ///   - batch: how many videos
    ///   - dtype: what the decoder computes in
    ///   - device: where it does
    ///   - latents: how many from top to bottom and from left to right
    ///   - isStill: whether there is one frame of them
    /// - Returns: the memory of the decoder's steps
    private func decoding(
        _ batch: Int, _ dtype: DType, _ device: Device, _ latents: LTX2FrameMemory.Size, isStill: Bool
    ) -> LTX2FrameMemory {
        var memory = LTX2FrameMemory(
            batch: batch, dtype, on: device, decoderSpatialPaddingMode, isCausal: decoderCausal, isStill: isStill)
        let (levels, patches) = (upLevels, outChannels * patchSize * patchSize)
        let (first, last) = (levels[0].before, levels[levels.count - 1].after)
        var size = latents
        memory.addConvolution(from: latentChannels, to: first, size)
        for _ in 0..<decoderLayersPerBlock[decoderLayersPerBlock.count - 1] {
            memory.addBlock(from: first, to: first, size)
        }
        for level in levels {
            let isWidened = level.before / level.factor != level.after
            if isWidened { memory.addBlock(from: level.before, to: level.after, size) }
            size = memory.addUpsampler(
                from: isWidened ? level.after : level.before, to: level.after, level.scaling,
                isResidual: level.isResidual, size)
            for index in 0..<level.layers {
                let isDoubled = index == 0 && level.scaling.frames > 1
                memory.addBlock(from: level.after, to: level.after, size, isDoubled: isDoubled)
            }
        }
        memory.addConvolution(from: last, to: patches, size, hasNorm: true)
        memory.addPixels(patches, after: last, size)
        return memory
    }

    /// - Parameters:
    ///   - batch: how many videos
    ///   - dtype: what the encoder computes in
    ///   - device: where it does
    ///   - patches: how many from top to bottom and from left to right
    ///   - isStill: whether there is one frame of them
    /// - Returns: the memory of the encoder's steps
    private func encoding(
        _ batch: Int, _ dtype: DType, _ device: Device, _ patches: LTX2FrameMemory.Size, isStill: Bool
    ) -> LTX2FrameMemory {
        var memory = LTX2FrameMemory(
            batch: batch, dtype, on: device, encoderSpatialPaddingMode, isCausal: encoderCausal, isStill: isStill)
        let channels = encoderChannels
        var size = patches
        memory.addConvolution(from: inChannels * patchSize * patchSize, to: channels[0], size)
        for (index, scaling) in downsampleType.enumerated() {
            for _ in 0..<layersPerBlock[index] { memory.addBlock(from: channels[index], to: channels[index], size) }
            size = memory.addDownsampler(from: channels[index], to: channels[index + 1], scaling, size)
        }
        let last = channels[channels.count - 1]
        for _ in 0..<layersPerBlock[layersPerBlock.count - 1] { memory.addBlock(from: last, to: last, size) }
        memory.addConvolution(from: last, to: latentChannels + 1, size, hasNorm: true)
        return memory
    }
}

package import Layers
package import Tensors

/// The autoencoder between videos and latents of LTX-2.
///
/// Frames pass one at a time, and what others need of them is kept, so that memory does not grow with their number. The result
/// is that of all frames at once, also of the decoder, whose frames depend on later ones: it waits for them.
// Source: diffusers 0.42.1, models/autoencoders/autoencoder_kl_ltx2.py.
package struct AutoencoderKLLTX2Video {
    /// The component's `config.json`.
    package let config: AutoencoderKLLTX2VideoConfig
    private let encoder: Encoder
    private let decoder: Decoder
    /// Of every channel of the latents, `[1, latentChannels, 1, 1, 1]` in 32-bit floats.
    private let mean, deviation: Tensor
    private let dtype: DType
    private let context: ComputeContext

    /// Reads encoder, decoder, and the latents' means and deviations.
    ///
    /// - Parameters:
    ///   - weights: the view of the component
    ///   - config: its `config.json`
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(_ weights: Weights, _ config: AutoencoderKLLTX2VideoConfig) throws {
        self.config = config
        (dtype, context) = (weights.plan.dtype, weights.context)
        encoder = try Encoder(weights["encoder"], config)
        decoder = try Decoder(weights["decoder"], config)
        let wide = weights.computing(in: .float32)
        let shape = [1, config.latentChannels, 1, 1, 1]
        mean = try wide.tensor("latents_mean", config.latentChannels).reshaped(shape)
        deviation = try wide.tensor("latents_std", config.latentChannels).reshaped(shape)
    }

    /// Latents as the denoiser sees them: every channel less its mean, divided by its deviation, and scaled.
    ///
    /// - Parameter latents: as ``encode(_:tiling:)`` gives them, `[batch, latentChannels, latentFrames, height, width]`
    /// - Returns: the same shape, in 32-bit floats
    package func normalised(_ latents: Tensor) throws(TensorError) -> Tensor {
        try (latents.to(.float32) - mean) * config.scalingFactor / deviation
    }

    /// The inverse of ``normalised(_:)``.
    ///
    /// - Parameter latents: as the denoiser sees them, `[batch, latentChannels, latentFrames, height, width]`
    /// - Returns: the same shape, in 32-bit floats
    package func denormalised(_ latents: Tensor) throws(TensorError) -> Tensor {
        try latents.to(.float32) * deviation / config.scalingFactor + mean
    }
}

extension AutoencoderKLLTX2Video {
    /// The distribution of a video's latents, before they are normalised.
    ///
    /// - Parameters:
    ///   - video: from -1 to 1, `[batch, channels, frames, height, width]`; frames that do not fill a latent frame are left
    ///     out
    ///   - tiling: how a video larger than a tile is divided; nil encodes it whole
    /// - Returns: the mean `[batch, latentChannels, latentFrames, height / scaleFactor, width / scaleFactor]`, and the
    ///   logarithm of the variance (clamped to -30…20), which is one for all channels, `[batch, 1, …]`
    /// - Throws: ``TensorError``
    package func encode(_ video: Tensor, tiling: LTX2VideoTiling? = nil) throws
        -> (mean: Tensor, logVariance: Tensor)
    {
        let frames = config.frames(latents: config.latentFrames(video.size(2)))
        let patches = try (0..<frames).map { try self.patches(video.slice($0..<$0 + 1, axis: 2).to(dtype)) }
        let moments = try concatenate(encode(patches, tiling), axis: 1).permuted(0, 4, 1, 2, 3)
        let latents = config.latentChannels
        return try (
            moments.slice(0..<latents, axis: 1).contiguous(),
            moments.slice(latents..<latents + 1, axis: 1).clamped(-30, 20)
        )
    }

    /// Encodes all frames, or those of each tile in time.
    private func encode(_ frames: [Tensor], _ tiling: LTX2VideoTiling?) throws -> [Tensor] {
        let factor = config.temporalFactor
        guard let tiles = tiling?.frames, frames.count > tiles.length else {
            return try encode(whole: frames, tiling?.space)
        }
        var fading = FadingFrames(
            kept: tiles.stride / factor, overlap: tiles.length / factor - tiles.stride / factor)
        var moments: [Tensor] = []
        for start in stride(from: 0, to: frames.count, by: tiles.stride) {
            var tile = try encode(
                whole: Array(frames[start..<min(start + tiles.length + 1, frames.count)]), tiling?.space)
            if start > 0 { tile.removeFirst() }
            moments += try fading.take(tile)
        }
        return Array(moments.prefix(config.latentFrames(frames.count)))
    }

    private func encode(whole frames: [Tensor], _ tiling: VideoTiling?) throws -> [Tensor] {
        let (patch, size) = (config.patchSize, (frames[0].size(2), frames[0].size(3)))
        let pixels = (size.0 * patch, size.1 * patch)
        guard let tiling, let tiles = TileGrid(encoding: tiling, of: pixels, scale: config.scaleFactor) else {
            return try encode(plain: frames)
        }
        let parts = try tiles.areas.map { area in
            try encode(
                plain: frames.map { frame in
                    try frame.slice(area.rows.divided(by: patch), axis: 2).slice(
                        area.columns.divided(by: patch), axis: 3
                    )
                    .contiguous()
                })
        }
        return try parts[0].indices.map { index in try tiles.assembled(parts.map { $0[index] }) }
    }

    private func encode(plain frames: [Tensor]) throws -> [Tensor] {
        var (chain, moments) = (try encoder.chain(), [Tensor]())
        for frame in frames { try chain.take(frame) { moments.append($0) } }
        try chain.end { moments.append($0) }
        return moments
    }

    /// A frame `[batch, channels, 1, height, width]` as the encoder takes it, the pixels of a patch as channels, column after
    /// column: `[batch, 1, height / patch, width / patch, channels · patch²]`.
    private func patches(_ frame: Tensor) throws(TensorError) -> Tensor {
        let (batch, channels, patch) = (frame.size(0), frame.size(1), config.patchSize)
        let (height, width) = (frame.size(3) / patch, frame.size(4) / patch)
        return try frame.reshaped(batch, channels, height, patch, width, patch)
            .permuted(0, 2, 4, 1, 5, 3)
            .reshaped(batch, 1, height, width, channels * patch * patch)
    }
}

extension AutoencoderKLLTX2Video {
    /// Decodes latents as ``encode(_:tiling:)`` gives them, frame after frame.
    ///
    /// - Parameters:
    ///   - latents: `[batch, latentChannels, latentFrames, height, width]`
    ///   - timestep: how much noise the latents still have, from 0 to 1, where the config asks for it
    ///   - tiling: how a video larger than a tile is divided; nil decodes it whole
    ///   - emit: takes each frame in order, about -1 to 1, `[batch, channels, 1, height · scaleFactor, width · scaleFactor]`
    /// - Throws: ``TensorError``, or what `emit` throws
    package func decode(
        _ latents: Tensor, timestep: Float = 0, tiling: LTX2VideoTiling? = nil, _ emit: (Tensor) throws -> Void
    ) throws {
        let z = try latents.to(dtype).permuted(0, 2, 3, 4, 1).contiguous()
        func give(_ frame: Tensor) throws { try emit(frame.permuted(0, 4, 1, 2, 3).contiguous()) }
        let (factor, count) = (config.temporalFactor, z.size(1))
        guard let tiles = tiling?.frames, count > tiles.length / factor else {
            return try decode(whole: z, timestep, tiling?.space, give)
        }
        var fading = FadingFrames(kept: tiles.stride, overlap: tiles.length - tiles.stride)
        var left = config.frames(latents: count)
        for start in stride(from: 0, to: count, by: max(tiles.stride / factor, 1)) {
            let part = try z.slice(start..<min(start + tiles.length / factor + 1, count), axis: 1).contiguous()
            var tile: [Tensor] = []
            try decode(whole: part, timestep, tiling?.space) { tile.append($0) }
            if start > 0 { tile.removeLast() }
            for frame in try fading.take(tile).prefix(left) {
                try give(frame)
                left -= 1
            }
        }
    }

    /// Decodes normalised latents, as the denoiser sees them, frame after frame.
    ///
    /// - Parameters:
    ///   - latents: `[batch, latentChannels, latentFrames, height, width]`, in 32-bit floats whatever the model's type
    ///   - timestep: how much noise the latents still have, from 0 to 1, where the config asks for it
    ///   - tiling: how a video larger than a tile is divided; nil decodes it whole
    ///   - emit: takes each frame in order, about -1 to 1, `[batch, channels, 1, height · scaleFactor, width · scaleFactor]`
    /// - Throws: ``TensorError``, or what `emit` throws
    package func decode(
        normalised latents: Tensor, timestep: Float = 0, tiling: LTX2VideoTiling? = nil,
        _ emit: (Tensor) throws -> Void
    ) throws {
        try decode(denormalised(latents), timestep: timestep, tiling: tiling, emit)
    }

    /// Decodes all frames, whole or tile by tile.
    ///
    /// - Parameters:
    ///   - z: `[batch, latentFrames, height, width, latentChannels]`
    ///   - timestep: as above
    ///   - tiling: in height and width
    ///   - emit: takes each frame, `[batch, 1, height · scaleFactor, width · scaleFactor, channels]`
    /// - Throws: ``TensorError``, or what `emit` throws
    private func decode(
        whole z: Tensor, _ timestep: Float, _ tiling: VideoTiling?, _ emit: (Tensor) throws -> Void
    ) throws {
        let size = (z.size(2), z.size(3))
        guard let tiling, let tiles = TileGrid(tiling, of: size, scale: config.scaleFactor) else {
            var stream = try DecodingStream(self, z, timestep)
            return try stream.run(emit)
        }
        func stream(_ area: TileGrid.Area) throws -> DecodingStream {
            try DecodingStream(
                self, z.slice(area.rows, axis: 2).slice(area.columns, axis: 3).contiguous(), timestep)
        }
        switch tiling.order {
        case .frames:
            var streams = try tiles.areas.map(stream)
            while !streams[0].hasEnded {
                var frames: [[Tensor]] = []
                for index in streams.indices {
                    var tile: [Tensor] = []
                    try streams[index].step { tile.append($0) }
                    for (place, frame) in tile.enumerated() {
                        if index == 0 { frames.append([frame]) } else { frames[place].append(frame) }
                    }
                }
                for frame in frames { try emit(tiles.assembled(frame)) }
            }
        case .tiles:
            var frames: [[Tensor]] = []
            for (index, area) in tiles.areas.enumerated() {
                var (stream, place) = (try stream(area), 0)
                try stream.run { frame in
                    if index == 0 { frames.append([frame]) } else { frames[place].append(frame) }
                    place += 1
                }
            }
            for index in frames.indices {
                try emit(tiles.assembled(frames[index]))
                frames[index] = []
            }
        }
    }

    /// The decoding of a video or of a tile, a latent frame at a time, in strips where several ranks decode together.
    private struct DecodingStream {
        private let latents: Tensor
        private let scale, patch: Int
        private let context: ComputeContext
        private var chain: FrameChain
        private var next = 0
        private(set) var hasEnded = false

        /// - Parameters:
        ///   - vae: whose decoder it is
        ///   - latents: `[batch, latentFrames, height, width, latentChannels]`
        ///   - timestep: of all videos
        init(_ vae: AutoencoderKLLTX2Video, _ latents: Tensor, _ timestep: Float) throws(TensorError) {
            chain = try vae.decoder.chain(Array(repeating: timestep, count: latents.size(0)))
            (self.latents, context) = (latents, vae.context)
            (scale, patch) = (vae.config.scaleFactor / vae.config.patchSize, vae.config.patchSize)
        }

        /// All frames.
        mutating func run(_ emit: (Tensor) throws -> Void) throws { while !hasEnded { try step(emit) } }

        /// The frames that come of the next latent frame, or at last some of those that waited for more.
        ///
        /// - Parameter emit: takes each, whole on every rank, `[batch, 1, height, width, channels]`
        /// - Throws: ``TensorError``, or what `emit` throws
        mutating func step(_ emit: (Tensor) throws -> Void) throws {
            let patch = patch
            try context.inStrips(of: latents) { picture in
                guard let picture else { return try pass { try emit($0.pixels(patch)) } }
                var strips: [Tensor] = []
                try pass { strips.append($0) }
                if strips.isEmpty { return }
                let frames = try picture.joined(concatenate(strips, axis: 1), scale: scale)
                for index in strips.indices { try emit(frames.slice(index..<index + 1, axis: 1).pixels(patch)) }
            }
        }

        private mutating func pass(_ give: (Tensor) throws -> Void) throws {
            guard next < latents.size(1) else {
                hasEnded = try chain.endNext(give)
                return
            }
            let latent = try latents.slice(next..<next + 1, axis: 1).contiguous()
            next += 1
            try chain.take(latent, give)
        }
    }
}

extension Tensor {
    /// A frame as the decoder gives it, the pixels of a patch as channels, column after column, as pixels:
    /// `[batch, 1, height, width, channels]`.
    fileprivate func pixels(_ patch: Int) throws(TensorError) -> Tensor {
        let (batch, height, width, channels) = (size(0), size(2), size(3), size(4) / (patch * patch))
        return try reshaped(batch, height, width, channels, patch, patch)
            .permuted(0, 1, 5, 2, 4, 3)
            .reshaped(batch, 1, height * patch, width * patch, channels)
    }
}

extension Range<Int> {
    fileprivate func divided(by divisor: Int) -> Range<Int> { lowerBound / divisor..<upperBound / divisor }
}

package import Layers
package import Tensors

/// The autoencoder between videos and latents of Wan 2.1 and, with residual levels, of Wan 2.2.
///
/// It is causal: a frame depends on itself and on those before it. Frames pass one at a time, and what later ones need is
/// kept in a state, so that memory does not grow with their number.
// Source: diffusers 0.42.1, models/autoencoders/autoencoder_kl_wan.py.
package struct AutoencoderKLWan {
    /// The component's `config.json`.
    package let config: AutoencoderKLWanConfig
    private let encoder: Encoder
    private let decoder: Decoder
    private let quantConvolution, postQuantConvolution: Linear
    private let dtype: DType
    private let device: Device
    private let context: ComputeContext

    /// Reads encoder and decoder.
    ///
    /// - Parameters:
    ///   - weights: the view of the component
    ///   - config: its `config.json`
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(_ weights: Weights, _ config: AutoencoderKLWanConfig) throws {
        self.config = config
        (dtype, device, context) = (weights.plan.dtype, weights.plan.device, weights.context)
        encoder = try Encoder(weights["encoder"], config)
        decoder = try Decoder(weights["decoder"], config)
        quantConvolution = try Linear(weights["quant_conv"], pointwise: 2 * config.zDim, to: 2 * config.zDim)
        postQuantConvolution = try Linear(weights["post_quant_conv"], pointwise: config.zDim, to: config.zDim)
    }
}

extension AutoencoderKLWan {
    /// The mean of a video's latents, before they are normalised.
    ///
    /// - Parameter video: from -1 to 1, `[batch, channels, frames, height, width]`; frames that do not fill a latent frame
    ///   are left out
    /// - Returns: `[batch, zDim, latentFrames, height / scaleFactor, width / scaleFactor]`
    /// - Throws: ``TensorError``
    package func encode(_ video: Tensor) throws -> Tensor {
        try encode(frames: video.size(2)) { try video.slice($0..<$0 + 1, axis: 2) }
    }

    /// The mean of a video's latents, before they are normalised, of frames that are made when they are needed.
    ///
    /// - Parameters:
    ///   - count: how many frames there are; those that do not fill a latent frame are left out
    ///   - frame: makes the frame of an index, from -1 to 1, `[batch, channels, 1, height, width]`
    /// - Returns: `[batch, zDim, latentFrames, height / scaleFactor, width / scaleFactor]`
    /// - Throws: ``TensorError``, or what `frame` throws
    package func encode(frames count: Int, _ frame: (Int) throws -> Tensor) throws -> Tensor {
        let frames = config.frames(latents: config.latentFrames(count))
        var state = encoder.start(isOfImage: frames == 1)
        var means: [Tensor] = []
        for index in 0..<frames {
            guard let moments = try encoder(patches(frame(index).to(dtype)), &state) else { continue }
            means.append(try quantConvolution(moments).slice(0..<config.zDim, axis: -1).permuted(0, 4, 1, 2, 3))
        }
        return try concatenate(means, axis: 2)
    }

    /// Decodes latents as ``encode(_:)`` gives them, frame after frame.
    ///
    /// - Parameters:
    ///   - latents: `[batch, zDim, latentFrames, height, width]`
    ///   - tiling: how an image larger than a tile is divided; nil decodes it whole
    ///   - emit: takes each frame in order, from -1 to 1, `[batch, channels, 1, height · scaleFactor, width · scaleFactor]`
    /// - Throws: ``TensorError``, or what `emit` throws
    package func decode(_ latents: Tensor, tiling: VideoTiling? = nil, _ emit: (Tensor) throws -> Void) throws {
        let z = try postQuantConvolution(latents.to(dtype).permuted(0, 2, 3, 4, 1).contiguous())
        if let tiling, let tiles = TileGrid(tiling, of: (z.size(2), z.size(3)), config) {
            return try decode(z, tiles, tiling.order) { try emit(image($0)) }
        }
        var state = decoder.start(isOfImage: z.size(1) == 1)
        for index in 0..<z.size(1) {
            try decode(frame: z.slice(index..<index + 1, axis: 1).contiguous(), &state) { try emit(image($0)) }
        }
    }

    /// Decodes normalised latents, as the denoiser sees them, frame after frame.
    ///
    /// - Parameters:
    ///   - latents: `[batch, zDim, latentFrames, height, width]`, in 32-bit floats whatever the model's type
    ///   - tiling: how an image larger than a tile is divided; nil decodes it whole
    ///   - emit: takes each frame in order, from -1 to 1, `[batch, channels, 1, height · scaleFactor, width · scaleFactor]`
    /// - Throws: ``TensorError``, or what `emit` throws
    package func decode(
        normalised latents: Tensor, tiling: VideoTiling? = nil, _ emit: (Tensor) throws -> Void
    ) throws {
        try decode(latents * perChannel(config.latentsStd) + perChannel(config.latentsMean), tiling: tiling, emit)
    }

    /// Decodes the normalised latents of one image.
    ///
    /// - Parameters:
    ///   - latents: `[batch, zDim, 1, height, width]`
    ///   - tiling: as above
    /// - Returns: from -1 to 1, `[batch, channels, height · scaleFactor, width · scaleFactor]`
    package func image(normalised latents: Tensor, tiling: VideoTiling? = nil) throws -> Tensor {
        var frames: [Tensor] = []
        try decode(normalised: latents, tiling: tiling) { frames.append($0) }
        return try concatenate(frames, axis: 2).squeezed(2)
    }

    /// Latents as the denoiser sees them: every channel less its mean, divided by its deviation.
    ///
    /// - Parameter latents: as ``encode(_:)`` gives them, `[batch, zDim, latentFrames, height, width]`
    /// - Returns: the same shape, in 32-bit floats
    package func normalised(_ latents: Tensor) throws(TensorError) -> Tensor {
        try (latents.to(.float32) - perChannel(config.latentsMean)) / perChannel(config.latentsStd)
    }

    private func perChannel(_ values: [Double]) throws(TensorError) -> Tensor {
        try Tensor(values.map { Float($0) }, shape: [1, values.count, 1, 1, 1], on: device)
    }
}

extension AutoencoderKLWan {
    /// A frame `[batch, channels, 1, height, width]` as the encoder takes it, the pixels of a patch as channels:
    /// `[batch, 1, height / patch, width / patch, channels · patch²]`.
    private func patches(_ frame: Tensor) throws(TensorError) -> Tensor {
        let (batch, channels, patch) = (frame.size(0), frame.size(1), config.patch)
        let (height, width) = (frame.size(3) / patch, frame.size(4) / patch)
        return try frame.reshaped(batch, channels, height, patch, width, patch)
            .permuted(0, 2, 4, 1, 5, 3)
            .reshaped(batch, 1, height, width, channels * patch * patch)
    }

    /// The inverse of ``patches(_:)``, with every number in range.
    private func image(_ frame: Tensor) throws(TensorError) -> Tensor {
        let (batch, height, width, patch) = (frame.size(0), frame.size(2), frame.size(3), config.patch)
        let channels = frame.size(4) / (patch * patch)
        return try frame.clamped(-1, 1).reshaped(batch, height, width, channels, patch, patch)
            .permuted(0, 3, 1, 5, 2, 4)
            .reshaped(batch, channels, 1, height * patch, width * patch)
    }

    /// Decodes a latent frame of a video or of a tile, in strips where several ranks decode together.
    ///
    /// - Parameters:
    ///   - latent: `[batch, 1, height, width, zDim]`
    ///   - state: of the frames before it
    ///   - emit: takes each frame, as the decoder makes it, whole on every rank
    /// - Throws: ``TensorError``, or what `emit` throws
    private func decode(frame latent: Tensor, _ state: inout Decoder.State, _ emit: (Tensor) throws -> Void) throws {
        try context.inStrips(of: latent) { picture in
            guard let picture else { return try decoder(latent, &state, emit) }
            var strips: [Tensor] = []
            try decoder(latent, &state) { strips.append($0) }
            let frames = try picture.joined(concatenate(strips, axis: 1), scale: config.enlargement)
            for index in strips.indices { try emit(frames.slice(index..<index + 1, axis: 1)) }
        }
    }

    /// Decodes tile by tile, each with a state of its own.
    ///
    /// - Parameters:
    ///   - z: `[batch, latentFrames, height, width, zDim]`
    ///   - tiles: the division
    ///   - order: whether frames or tiles come first
    ///   - emit: takes each frame, as the decoder makes it
    /// - Throws: ``TensorError``, or what `emit` throws
    private func decode(
        _ z: Tensor, _ tiles: TileGrid, _ order: VideoTiling.Order, _ emit: (Tensor) throws -> Void
    ) throws {
        switch order {
        case .frames:
            var states = tiles.areas.map { _ in decoder.start(isOfImage: z.size(1) == 1) }
            for index in 0..<z.size(1) {
                var frames: [[Tensor]] = []
                for (tile, area) in tiles.areas.enumerated() {
                    try add(&frames) { emit in
                        try decode(frame: tiles.latent(of: z, index, area), &states[tile], emit)
                    }
                }
                for frame in frames { try emit(tiles.assembled(frame)) }
            }
        case .tiles:
            var frames: [[Tensor]] = []
            for area in tiles.areas {
                var state = decoder.start(isOfImage: z.size(1) == 1)
                try add(&frames) { emit in
                    for index in 0..<z.size(1) { try decode(frame: tiles.latent(of: z, index, area), &state, emit) }
                }
            }
            for index in frames.indices {
                try emit(tiles.assembled(frames[index]))
                frames[index] = []
            }
        }
    }

    /// Adds the frames that a tile's decoding emits to those of the tiles before it.
    private func add(_ frames: inout [[Tensor]], _ decode: ((Tensor) throws -> Void) throws -> Void) throws {
        var tile: [Tensor] = []
        try decode { tile.append($0) }
        for (index, frame) in tile.enumerated() {
            if index < frames.count { frames[index].append(frame) } else { frames.append([frame]) }
        }
    }
}

internal import Diffusion
package import Layers

/// `vae/config.json` of an AutoencoderKLLTX2Video.
///
/// The decoder's lists stand in the encoder's order, from large frames to small ones; ``upsampleType`` alone does not.
package struct AutoencoderKLLTX2VideoConfig: ModelConfig {
    /// What a level makes smaller or larger.
    package enum Scaling: String, Codable, Sendable {
        case spatial, temporal, spatiotemporal

        /// The frames that become one, or that one becomes.
        var frames: Int { self == .spatial ? 1 : 2 }
        /// The same of rows and of columns.
        var size: Int { self == .temporal ? 1 : 2 }
        /// The same of positions.
        var count: Int { frames * size * size }
    }

    package var inChannels = 3
    package var outChannels = 3
    package var latentChannels = 128
    package var blockOutChannels = [256, 512, 1024, 2048]
    package var downBlockTypes = Array(repeating: "LTX2VideoDownBlock3D", count: 4)
    package var decoderBlockOutChannels = [256, 512, 1024]
    package var layersPerBlock = [4, 6, 6, 2, 2]
    package var decoderLayersPerBlock = [5, 5, 5, 5]
    package var spatioTemporalScaling = OneOrMany(true)
    package var decoderSpatioTemporalScaling = OneOrMany(true)
    package var decoderInjectNoise = OneOrMany(false)
    package var downsampleType = [Scaling.spatial, .temporal, .spatiotemporal, .spatiotemporal]
    package var upsampleType = [Scaling.spatiotemporal, .spatiotemporal, .spatiotemporal]
    package var upsampleResidual = OneOrMany(true)
    package var upsampleFactor = [2, 2, 2]
    package var timestepConditioning = false
    package var patchSize = 4
    package var patchSizeT = 1
    package var resnetNormEps = 1e-6
    package var scalingFactor = 1.0
    package var encoderCausal = true
    package var decoderCausal = true
    package var encoderSpatialPaddingMode = Convolution3D.Edges.zeros
    package var decoderSpatialPaddingMode = Convolution3D.Edges.reflect
    package var spatialCompressionRatio: Int?
    package var temporalCompressionRatio: Int?
    package init() {}

    /// How many pixels a latent stands for in each direction.
    package var scaleFactor: Int { downsampleType.reduce(patchSize) { $0 * $1.size } }

    /// How many frames a latent frame but the first stands for.
    package var temporalFactor: Int { downsampleType.reduce(1) { $0 * $1.frames } }

    /// The least height and width of latents that the decoder can see.
    package var smallestSide: Int { decoderSpatialPaddingMode == .reflect ? 2 : 1 }

    /// How many frames a number of latent frames stands for.
    ///
    /// - Parameter latents: frames of the latents, at least 1
    /// - Returns: frames of the video
    package func frames(latents: Int) -> Int { (latents - 1) * temporalFactor + 1 }

    /// How many latent frames a video has; frames that do not fill one are left out.
    ///
    /// - Parameter frames: frames of the video, at least 1
    /// - Returns: frames of the latents
    package func latentFrames(_ frames: Int) -> Int { (frames - 1) / temporalFactor + 1 }

    /// The frames of a video that is decoded of as many latents as another one has.
    ///
    /// - Parameter frames: frames of a video, at least 1
    /// - Returns: no more than those
    package func whole(frames count: Int) -> Int { frames(latents: latentFrames(count)) }

    /// The latents of a video: how many frames, and how many from top to bottom and from left to right.
    ///
    /// - Parameter size: of the video
    /// - Returns: three numbers
    func latentSize(_ size: OutputSize) -> [Int] {
        [latentFrames(size.frames ?? 1), size.height / scaleFactor, size.width / scaleFactor]
    }

    package func validate() throws(ConfigFault) {
        try requirePositive([
            "in_channels": inChannels, "out_channels": outChannels, "latent_channels": latentChannels,
            "patch_size": patchSize,
        ])
        try requireCounts(["patch_size": patchSize])
        guard patchSizeT == 1 else { throw .value("patch_size_t", found: "\(patchSizeT)") }
        guard scalingFactor.isFinite, scalingFactor != 0 else {
            throw .value("scaling_factor", found: "\(scalingFactor)")
        }
        try requireLevels("block_out_channels", blockOutChannels, "layers_per_block", layersPerBlock)
        try requireLevels(
            "decoder_block_out_channels", decoderBlockOutChannels, "decoder_layers_per_block", decoderLayersPerBlock)
        let (down, up) = (blockOutChannels.count, decoderBlockOutChannels.count)
        try require("down_block_types", downBlockTypes, count: down)
        for type in downBlockTypes where type != "LTX2VideoDownBlock3D" {
            throw .value("down_block_types", found: type)
        }
        try require("downsample_type", downsampleType, count: down)
        try require("upsample_type", upsampleType, count: up)
        try require("upsample_factor", upsampleFactor, count: up)
        for factor in upsampleFactor { try requirePositive(["upsample_factor": factor]) }
        // Published models have all their levels scale, and noise comes of no seed.
        try require("spatio_temporal_scaling", spatioTemporalScaling, count: down, all: true)
        try require("decoder_spatio_temporal_scaling", decoderSpatioTemporalScaling, count: up, all: true)
        try require("decoder_inject_noise", decoderInjectNoise, count: up + 1, all: false)
        try require("upsample_residual", upsampleResidual.values(up), count: up)
        try requireRatios()
        try requireEncoderWidths()
        try requireDecoderWidths()
    }

    private func requireLevels(_ key: String, _ channels: [Int], _ name: String, _ layers: [Int])
        throws(ConfigFault)
    {
        guard (1...8).contains(channels.count) else { throw .value(key, found: "\(channels)") }
        for count in channels { try requirePositive([key: count]) }
        try require(name, layers, count: channels.count + 1)
        for count in layers where !(0...1000).contains(count) { throw .value(name, found: "\(count)") }
    }

    private func require<Value>(_ key: String, _ values: [Value], count: Int) throws(ConfigFault) {
        if values.count != count { throw .value(key, found: "\(values.count) values for \(count) levels") }
    }

    private func require(_ key: String, _ flags: OneOrMany<Bool>, count: Int, all value: Bool) throws(ConfigFault) {
        let values = flags.values(count)
        // Old configs of a decoder without noise are one value short.
        if value { try require(key, values, count: count) }
        if values.contains(!value) { throw .value(key, found: "\(!value)") }
    }

    private func requireRatios() throws(ConfigFault) {
        let (size, frames) = upsampleType.reduce((patchSize, 1)) { ($0.0 * $1.size, $0.1 * $1.frames) }
        for (key, value, scale, other) in [
            ("spatial_compression_ratio", spatialCompressionRatio, scaleFactor, size),
            ("temporal_compression_ratio", temporalCompressionRatio, temporalFactor, frames),
        ] {
            if let value, value != scale { throw .value(key, found: "\(value), but its levels scale by \(scale)") }
            if other != scale {
                throw .value(
                    "upsample_type", found: "levels that scale by \(other) after others that scale by \(scale)")
            }
        }
    }

    private func requireEncoderWidths() throws(ConfigFault) {
        for (index, scaling) in downsampleType.enumerated() {
            let (before, after) = (encoderChannels[index], encoderChannels[index + 1])
            try requireMultiple("block_out_channels", after, of: "what becomes one position", scaling.count)
            try requireMultiple("block_out_channels", before * scaling.count, of: "the next level", after)
        }
    }

    private func requireDecoderWidths() throws(ConfigFault) {
        for level in upLevels {
            let key = "decoder_block_out_channels"
            try requireMultiple(key, level.before, of: "upsample_factor", level.factor)
            try requireMultiple(key, level.channels, of: "upsample_factor", level.factor)
            // The reference's blocks between two widths cannot know the timestep, and its upsampling expects one width.
            if level.before / level.factor != level.after, level.factor > 1 || timestepConditioning {
                throw .misfit(key, level.channels, to: "the level before", level.before)
            }
            guard level.isResidual else { continue }
            let entering = level.factor > 1 ? level.before : level.after
            try requireMultiple(key, entering, of: "the positions of upsample_type", level.scaling.count)
            try requireMultiple("upsample_type", level.scaling.count, of: "upsample_factor", level.factor)
        }
    }
}

extension AutoencoderKLLTX2VideoConfig {
    /// A level of the decoder.
    struct UpLevel {
        /// Channels of the level before, as the config has them, and of what comes in.
        let before: Int
        /// Channels as the config has them.
        let channels: Int
        /// By how much channels become fewer.
        let factor: Int
        let layers: Int
        let scaling: Scaling
        let isResidual: Bool

        /// Channels of what goes out.
        var after: Int { channels / factor }
        /// Whether a residual block comes first, because widths change without the scaling.
        var hasEntry: Bool { before / factor != after }
    }

    /// The decoder's levels, in the order in which it runs them.
    var upLevels: [UpLevel] {
        let (channels, layers) = (
            decoderBlockOutChannels.reversed().map { $0 }, decoderLayersPerBlock.reversed().map { $0 }
        )
        let (factors, residuals) = (upsampleFactor.reversed().map { $0 }, upsampleResidual.values(channels.count))
        var before = channels[0]
        return channels.indices.map { index in
            let level = UpLevel(
                before: before, channels: channels[index], factor: factors[index], layers: layers[index + 1],
                scaling: upsampleType[index], isResidual: residuals[channels.count - 1 - index])
            before = level.after
            return level
        }
    }

    /// What the decoder's first convolution sees of a picture, its middle, each of its levels, and its last convolution.
    var decodingStages: [DecodingStage] {
        var stages = [DecodingStage(scale: scaleFactor / patchSize).before(convolutions: 1)]
        for level in upLevels.reversed() {
            stages.insert(
                stages[0].before(convolutions: 2 * level.layers).before(enlargingBy: level.scaling.size)
                    .before(convolutions: level.hasEntry ? 3 : 1), at: 0)
        }
        let middle = 2 * decoderLayersPerBlock[decoderLayersPerBlock.count - 1]
        stages.insert(stages[0].before(convolutions: middle), at: 0)
        return [stages[0].before(convolutions: 1)] + stages
    }

    /// The encoder's channels before its first level and after each.
    var encoderChannels: [Int] { [latentChannels] + blockOutChannels }
}

/// A value for every level, or one for all.
package struct OneOrMany<Value: Codable & Sendable>: Codable, Sendable {
    private let one: Value?
    private let many: [Value]

    package init(_ one: Value) { (self.one, many) = (one, []) }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let many = try? container.decode([Value].self)
        one = many == nil ? try container.decode(Value.self) : nil
        self.many = many ?? []
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let one { try container.encode(one) } else { try container.encode(many) }
    }

    /// - Parameter count: how many levels there are
    /// - Returns: a value for each, or as many as the config has
    func values(_ count: Int) -> [Value] { one.map { Array(repeating: $0, count: count) } ?? many }
}

package import Layers

/// `vae/config.json` of an AutoencoderKL.
package struct AutoencoderKLConfig: ModelConfig {
    package var inChannels = 3
    package var outChannels = 3
    package var downBlockTypes = ["DownEncoderBlock2D"]
    package var upBlockTypes = ["UpDecoderBlock2D"]
    package var blockOutChannels = [64]
    package var layersPerBlock = 1
    package var actFn = Activation.silu
    package var latentChannels = 4
    package var normNumGroups = 32
    package var scalingFactor = 0.18215
    package var shiftFactor: Double?
    package var useQuantConv = true
    package var usePostQuantConv = true
    package var midBlockAddAttention = true
    package init() {}

    package static var ignoredKeys: Set<String> { ["latents_mean", "latents_std"] }

    /// How many pixels a latent stands for in each direction.
    package var scaleFactor: Int { 1 << (blockOutChannels.count - 1) }

    /// What the decoder's middle sees of a picture, and each of its levels.
    var decodingStages: [DecodingStage] {
        DecodingStage.ofLevels(blockOutChannels.count, blocks: layersPerBlock + 1, scale: scaleFactor)
    }

    /// FLUX.1's.
    static func published(changing changes: [String: Int]) throws(ConfigFault) -> Self {
        var config = try defaults(changing: changes)
        config.blockOutChannels = [128, 256, 512, 512]
        config.downBlockTypes = Array(repeating: "DownEncoderBlock2D", count: 4)
        config.upBlockTypes = Array(repeating: "UpDecoderBlock2D", count: 4)
        (config.layersPerBlock, config.latentChannels) = (2, 16)
        (config.useQuantConv, config.usePostQuantConv) = (false, false)
        return config
    }

    package func validate() throws(ConfigFault) {
        try requirePositive([
            "in_channels": inChannels, "out_channels": outChannels, "layers_per_block": layersPerBlock,
            "latent_channels": latentChannels, "norm_num_groups": normNumGroups,
        ])
        try requireCounts(["layers_per_block": layersPerBlock])
        guard (1...8).contains(blockOutChannels.count) else {
            throw .value("block_out_channels", found: "\(blockOutChannels)")
        }
        for channels in blockOutChannels {
            try requirePositive(["block_out_channels": channels])
            try requireMultiple("block_out_channels", channels, of: "norm_num_groups", normNumGroups)
        }
        try require(downBlockTypes, "down_block_types", all: "DownEncoderBlock2D")
        try require(upBlockTypes, "up_block_types", all: "UpDecoderBlock2D")
        guard scalingFactor.isFinite, scalingFactor != 0 else {
            throw .value("scaling_factor", found: "\(scalingFactor)")
        }
    }

    private func require(_ types: [String], _ key: String, all type: String) throws(ConfigFault) {
        guard types.count == blockOutChannels.count else { throw .value(key, found: "\(types.count) types") }
        for found in types where found != type { throw .value(key, found: found) }
    }
}

package import Layers

/// `vae/config.json` of an AutoencoderKLFlux2.
package struct AutoencoderKLFlux2Config: ModelConfig {
    package var inChannels = 3
    package var outChannels = 3
    package var downBlockTypes = Array(repeating: "DownEncoderBlock2D", count: 4)
    package var upBlockTypes = Array(repeating: "UpDecoderBlock2D", count: 4)
    package var blockOutChannels = [128, 256, 512, 512]
    /// The decoder's widths, where they are others than the encoder's.
    package var decoderBlockOutChannels: [Int]?
    package var layersPerBlock = 2
    package var actFn = Activation.silu
    package var latentChannels = 32
    package var normNumGroups = 32
    package var useQuantConv = true
    package var usePostQuantConv = true
    package var midBlockAddAttention = true
    package var batchNormEps = 1e-4
    package var patchSize = [2, 2]
    package init() {}

    package static var ignoredKeys: Set<String> { ["sample_size", "force_upcast", "batch_norm_momentum"] }

    /// How many pixels a latent stands for in each direction.
    package var scaleFactor: Int { network.scaleFactor }

    /// Encoder and decoder, as ``AutoencoderKL`` has them.
    package var network: AutoencoderKLConfig {
        var config = AutoencoderKLConfig()
        (config.inChannels, config.outChannels) = (inChannels, outChannels)
        (config.downBlockTypes, config.upBlockTypes) = (downBlockTypes, upBlockTypes)
        (config.blockOutChannels, config.layersPerBlock) = (blockOutChannels, layersPerBlock)
        (config.actFn, config.latentChannels, config.normNumGroups) = (actFn, latentChannels, normNumGroups)
        (config.useQuantConv, config.usePostQuantConv) = (useQuantConv, usePostQuantConv)
        config.midBlockAddAttention = midBlockAddAttention
        (config.scalingFactor, config.shiftFactor) = (1, nil)
        return config
    }

    /// The same with the decoder's widths.
    package var decoderNetwork: AutoencoderKLConfig {
        var config = network
        config.blockOutChannels = decoderBlockOutChannels ?? blockOutChannels
        return config
    }

    package func validate() throws(ConfigFault) {
        try network.validate()
        if let widths = decoderBlockOutChannels {
            guard widths.count == blockOutChannels.count else {
                throw .value("decoder_block_out_channels", found: "\(widths)")
            }
            try decoderNetwork.validate()
        }
        guard patchSize == [2, 2] else { throw .value("patch_size", found: "\(patchSize)") }
        guard batchNormEps >= 0, batchNormEps.isFinite else { throw .value("batch_norm_eps", found: "\(batchNormEps)") }
    }
}

package import Layers

extension Flux2 {
    /// `transformer/config.json` of a Flux2Transformer2DModel.
    package struct TransformerConfig: ImageTransformerConfig {
        package var patchSize = 1
        package var inChannels = 128
        package var outChannels: Int?
        package var numLayers = 8
        package var numSingleLayers = 48
        package var attentionHeadDim = 128
        package var numAttentionHeads = 48
        package var jointAttentionDim = 15360
        package var timestepGuidanceChannels = 256
        package var mlpRatio = 3.0
        package var axesDimsRope = [32, 32, 32, 32]
        package var ropeTheta = 2000.0
        package var eps = 1e-6
        package var guidanceEmbeds = true
        package init() {}

        /// Width between the two layers of a feed-forward.
        var inner: Int { Int(Double(width) * mlpRatio) }

        package func validate() throws(ConfigFault) {
            try requireSizes(axes: 4)
            try requirePositive(["timestep_guidance_channels": timestepGuidanceChannels])
            try requireCounts(["num_layers": numLayers, "num_single_layers": numSingleLayers])
            try requireMultiple("in_channels", inChannels, of: "the latents of a patch,", 4)
            try requireMultiple("timestep_guidance_channels", timestepGuidanceChannels, of: "a cosine and a sine,", 2)
            guard patchSize == 1 else { throw .value("patch_size", found: "\(patchSize)") }
            guard mlpRatio > 0, mlpRatio <= 64, inner > 0 else { throw .value("mlp_ratio", found: "\(mlpRatio)") }
            guard ropeTheta >= 1, ropeTheta.isFinite else { throw .value("rope_theta", found: "\(ropeTheta)") }
            // The fused kernels have it built in.
            guard eps == 1e-6 else { throw .value("eps", found: "\(eps)") }
        }
    }
}

package import Layers

extension Flux1 {
    /// `transformer/config.json` of a FluxTransformer2DModel.
    package struct TransformerConfig: ImageTransformerConfig {
        package var patchSize = 1
        package var inChannels = 64
        package var outChannels: Int?
        package var numLayers = 19
        package var numSingleLayers = 38
        package var attentionHeadDim = 128
        package var numAttentionHeads = 24
        package var jointAttentionDim = 4096
        package var pooledProjectionDim = 768
        package var guidanceEmbeds = false
        package var axesDimsRope = [16, 56, 56]
        package init() {}

        package func validate() throws(ConfigFault) {
            try requireSizes(axes: 3)
            try requirePositive(["pooled_projection_dim": pooledProjectionDim])
            try requireCounts(["num_layers": numLayers, "num_single_layers": numSingleLayers])
            try requireMultiple("in_channels", inChannels, of: "the pixels of a patch,", 4)
            guard patchSize == 1 else { throw .value("patch_size", found: "\(patchSize)") }
        }
    }
}

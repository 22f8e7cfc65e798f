package import Layers

extension Flux1 {
    /// `transformer/config.json` of a FluxTransformer2DModel.
    package struct TransformerConfig: ModelConfig {
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

        /// Channels of the stream that runs through the blocks.
        package var width: Int { numAttentionHeads * attentionHeadDim }

        package func validate() throws(ConfigFault) {
            try requirePositive([
                "in_channels": inChannels, "attention_head_dim": attentionHeadDim,
                "num_attention_heads": numAttentionHeads, "joint_attention_dim": jointAttentionDim,
                "pooled_projection_dim": pooledProjectionDim, "out_channels": outChannels ?? 1,
            ])
            try requireCounts(["num_layers": numLayers, "num_single_layers": numSingleLayers])
            try requireMultiple("in_channels", inChannels, of: "the pixels of a patch,", 4)
            guard patchSize == 1 else { throw .value("patch_size", found: "\(patchSize)") }
            guard axesDimsRope.count == 3, axesDimsRope.allSatisfy({ $0 > 0 && $0.isMultiple(of: 2) }),
                axesDimsRope.reduce(0, +) == attentionHeadDim
            else { throw .value("axes_dims_rope", found: "\(axesDimsRope)") }
        }
    }
}

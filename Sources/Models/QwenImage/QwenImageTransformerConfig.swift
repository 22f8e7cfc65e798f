package import Layers

extension QwenImage {
    /// `transformer/config.json` of a QwenImageTransformer2DModel.
    ///
    /// The switches of other models (`use_additional_t_cond`, `use_layer3d_rope`) are not known, so that they are refused by
    /// name where they are set.
    package struct TransformerConfig: ModelConfig {
        package var patchSize = 2
        package var inChannels = 64
        package var outChannels: Int? = 16
        package var numLayers = 60
        package var attentionHeadDim = 128
        package var numAttentionHeads = 24
        package var jointAttentionDim = 3584
        package var axesDimsRope = [16, 56, 56]
        package var guidanceEmbeds = false
        /// Whether the tokens of reference images are modulated as if they were free of noise.
        package var zeroCondT = false
        package init() {}

        /// Of the published checkpoints, and no argument of the reference's class.
        package static var ignoredKeys: Set<String> { ["pooled_projection_dim"] }

        /// Channels of the streams that run through the blocks.
        package var width: Int { numAttentionHeads * attentionHeadDim }
        /// Numbers of a predicted token.
        var predictedChannels: Int { patchSize * patchSize * (outChannels ?? inChannels) }

        package func validate() throws(ConfigFault) {
            try requirePositive([
                "in_channels": inChannels, "attention_head_dim": attentionHeadDim,
                "num_attention_heads": numAttentionHeads, "joint_attention_dim": jointAttentionDim,
                "out_channels": outChannels ?? 1,
            ])
            try requireCounts(["num_layers": numLayers])
            guard patchSize == 2 else { throw .value("patch_size", found: "\(patchSize)") }
            // No model was published with it.
            guard !guidanceEmbeds else { throw .value("guidance_embeds", found: "true") }
            guard axesDimsRope.count == 3, axesDimsRope.allSatisfy({ $0 > 0 && $0.isMultiple(of: 2) }),
                axesDimsRope.reduce(0, +) == attentionHeadDim
            else { throw .value("axes_dims_rope", found: "\(axesDimsRope)") }
        }
    }
}

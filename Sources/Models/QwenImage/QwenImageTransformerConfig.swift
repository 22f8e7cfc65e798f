package import Layers

extension QwenImage {
    /// `transformer/config.json` of a QwenImageTransformer2DModel.
    ///
    /// The switches of other models (`use_additional_t_cond`, `use_layer3d_rope`) are not known, so that they are refused by
    /// name where they are set.
    package struct TransformerConfig: ImageTransformerConfig {
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

        /// Numbers of a predicted token.
        var predictedChannels: Int { patchSize * patchSize * (outChannels ?? inChannels) }

        package func validate() throws(ConfigFault) {
            try requireSizes(axes: 3)
            try requireCounts(["num_layers": numLayers])
            guard patchSize == 2 else { throw .value("patch_size", found: "\(patchSize)") }
            // No model was published with it.
            guard !guidanceEmbeds else { throw .value("guidance_embeds", found: "true") }
        }
    }
}

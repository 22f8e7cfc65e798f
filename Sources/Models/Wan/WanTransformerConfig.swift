package import Layers
package import Tensors

extension Wan {
    /// `transformer/config.json` of a WanTransformer3DModel.
    package struct TransformerConfig: ModelConfig {
        package var patchSize = [1, 2, 2]
        package var numAttentionHeads = 40
        package var attentionHeadDim = 128
        package var inChannels = 16
        package var outChannels: Int? = 16
        package var textDim = 4096
        package var freqDim = 256
        package var ffnDim = 13824
        package var numLayers = 40
        package var crossAttnNorm = true
        package var qkNorm: String? = "rms_norm_across_heads"
        package var eps = 1e-6
        package var imageDim: Int?
        package var addedKvProjDim: Int?
        package var ropeMaxSeqLen = 1024
        package var posEmbedSeqLen: Int?
        package init() {}

        /// Channels of the stream that runs through the blocks.
        package var width: Int { numAttentionHeads * attentionHeadDim }

        /// Channels of a head that turn with time, height and width.
        package var rotaryWidths: [Int] {
            let side = 2 * (attentionHeadDim / 6)
            return [attentionHeadDim - 2 * side, side, side]
        }

        /// The tokens of latents, `[batch, channels, frames, height, width]`.
        package func grid(_ latents: Tensor) -> PatchGrid {
            PatchGrid(Array(latents.shape.dropFirst(2)), patch: patchSize)
        }

        /// Numbers of one patch of the latents that come out.
        var patchOut: Int { (outChannels ?? inChannels) * patchSize.reduce(1, *) }

        /// Whether every block keeps the keys and values of prompt and image from step to step: they take memory, and
        /// beside the work for many tokens of a video, making them again is little.
        func keepsKeys(ofText text: Int, video: Int) -> Bool { video <= 16 * text }

        package func validate() throws(ConfigFault) {
            guard patchSize.count == 3, patchSize.allSatisfy({ (1...64).contains($0) }) else {
                throw .value("patch_size", found: "\(patchSize)")
            }
            try requirePositive([
                "num_attention_heads": numAttentionHeads, "attention_head_dim": attentionHeadDim,
                "in_channels": inChannels, "out_channels": outChannels ?? 1, "text_dim": textDim,
                "freq_dim": freqDim, "ffn_dim": ffnDim, "image_dim": imageDim ?? 1, "rope_max_seq_len": ropeMaxSeqLen,
                "pos_embed_seq_len": posEmbedSeqLen ?? 1,
            ])
            try requireCounts(["num_layers": numLayers])
            try requireMultiple("attention_head_dim", attentionHeadDim, of: "the numbers of a pair,", 2)
            try requireMultiple("freq_dim", freqDim, of: "sine and cosine,", 2)
            guard qkNorm == nil || qkNorm == "rms_norm_across_heads" else {
                throw .value("qk_norm", found: qkNorm ?? "")
            }
            guard eps.isFinite, eps > 0 else { throw .value("eps", found: "\(eps)") }
            guard (imageDim == nil) == (addedKvProjDim == nil) else {
                throw .unsupported("only one of image_dim and added_kv_proj_dim")
            }
            // The image's tokens leave their embedding at the width of the blocks.
            if let addedKvProjDim, addedKvProjDim != width {
                throw .value("added_kv_proj_dim", found: "\(addedKvProjDim)")
            }
            if posEmbedSeqLen != nil, imageDim == nil { throw .unsupported("pos_embed_seq_len without image_dim") }
        }
    }
}

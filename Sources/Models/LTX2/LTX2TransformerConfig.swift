package import Layers

extension LTX2 {
    /// `transformer/config.json` of an LTX2VideoTransformer3DModel.
    // Source: diffusers 0.42.1, models/transformers/transformer_ltx2.py.
    package struct TransformerConfig: ModelConfig {
        package var inChannels = 128
        package var outChannels: Int? = 128
        package var patchSize = 1
        package var patchSizeT = 1
        package var numAttentionHeads = 32
        package var attentionHeadDim = 128
        package var crossAttentionDim = 4096
        package var vaeScaleFactors = [8, 32, 32]
        package var posEmbedMaxPos = 20
        package var baseHeight = 2048
        package var baseWidth = 2048
        package var gatedAttn = false
        package var crossAttnMod = false
        package var audioInChannels = 128
        package var audioOutChannels: Int? = 128
        package var audioPatchSize = 1
        package var audioPatchSizeT = 1
        package var audioNumAttentionHeads = 32
        package var audioAttentionHeadDim = 64
        package var audioCrossAttentionDim = 2048
        package var audioScaleFactor = 4
        package var audioPosEmbedMaxPos = 20
        package var audioSamplingRate = 16000
        package var audioHopLength = 160
        package var audioGatedAttn = false
        package var audioCrossAttnMod = false
        package var numLayers = 48
        package var activationFn = "gelu-approximate"
        package var qkNorm = "rms_norm_across_heads"
        package var normElementwiseAffine = false
        package var normEps = 1e-6
        package var captionChannels = 3840
        package var attentionBias = true
        package var attentionOutBias = true
        package var ropeTheta = 10000.0
        package var ropeDoublePrecision = true
        package var causalOffset = 1
        package var timestepScaleMultiplier = 1000
        package var crossAttnTimestepScaleMultiplier = 1000
        package var ropeType = "interleaved"
        package var usePromptEmbeddings = true
        package var perturbedAttn = false
        package var ffBias = true
        package var audioFfBias = true
        package var usePromptAdalnSingle = true
        package var useKeyframesAbsPosEmbedding = false
        package init() {}

        /// Channels of the video's stream.
        package var width: Int { numAttentionHeads * attentionHeadDim }
        /// Channels of the sound's stream.
        package var audioWidth: Int { audioNumAttentionHeads * audioAttentionHeadDim }
        /// Whether prompts are scaled and shifted by the noise level, in every block.
        var modulatesPrompt: Bool { crossAttnMod || audioCrossAttnMod }

        package func validate() throws(ConfigFault) {
            try requirePositive([
                "in_channels": inChannels, "out_channels": outChannels ?? 1, "num_attention_heads": numAttentionHeads,
                "attention_head_dim": attentionHeadDim, "pos_embed_max_pos": posEmbedMaxPos,
                "base_height": baseHeight, "base_width": baseWidth, "audio_in_channels": audioInChannels,
                "audio_out_channels": audioOutChannels ?? 1, "audio_num_attention_heads": audioNumAttentionHeads,
                "audio_attention_head_dim": audioAttentionHeadDim, "audio_scale_factor": audioScaleFactor,
                "audio_pos_embed_max_pos": audioPosEmbedMaxPos, "audio_sampling_rate": audioSamplingRate,
                "audio_hop_length": audioHopLength, "caption_channels": captionChannels,
                "timestep_scale_multiplier": timestepScaleMultiplier,
                "cross_attn_timestep_scale_multiplier": crossAttnTimestepScaleMultiplier,
            ])
            try requireCounts(["num_layers": numLayers])
            for (name, size) in [
                ("patch_size", patchSize), ("patch_size_t", patchSizeT), ("audio_patch_size", audioPatchSize),
                ("audio_patch_size_t", audioPatchSizeT), ("causal_offset", causalOffset),
            ] where size != 1 { throw .value(name, found: "\(size)") }
            guard vaeScaleFactors.count == 3, vaeScaleFactors.allSatisfy({ (1...1024).contains($0) }) else {
                throw .value("vae_scale_factors", found: "\(vaeScaleFactors)")
            }
            // The published models' choices; no other has been seen.
            guard ropeType == "split" else { throw .value("rope_type", found: ropeType) }
            guard qkNorm == "rms_norm_across_heads" else { throw .value("qk_norm", found: qkNorm) }
            guard activationFn == "gelu-approximate" else { throw .value("activation_fn", found: activationFn) }
            guard !normElementwiseAffine else { throw .value("norm_elementwise_affine", found: "true") }
            guard ropeDoublePrecision else { throw .value("rope_double_precision", found: "false") }
            guard !useKeyframesAbsPosEmbedding else { throw .value("use_keyframes_abs_pos_embedding", found: "true") }
            guard usePromptAdalnSingle else { throw .value("use_prompt_adaln_single", found: "false") }
            guard crossAttnMod == audioCrossAttnMod else {
                throw .unsupported("only one of cross_attn_mod and audio_cross_attn_mod")
            }
            guard ropeTheta >= 1, ropeTheta.isFinite else { throw .value("rope_theta", found: "\(ropeTheta)") }
            guard normEps > 0, normEps.isFinite else { throw .value("norm_eps", found: "\(normEps)") }
            try requireMultiple("attention_head_dim", attentionHeadDim, of: "the numbers of a pair,", 2)
            try requireMultiple("audio_attention_head_dim", audioAttentionHeadDim, of: "the numbers of a pair,", 2)
            guard crossAttentionDim == width else {
                throw .value("cross_attention_dim", found: "\(crossAttentionDim)")
            }
            // Both streams turn the same heads where they attend to each other.
            guard audioCrossAttentionDim == audioWidth else {
                throw .value("audio_cross_attention_dim", found: "\(audioCrossAttentionDim)")
            }
            guard audioNumAttentionHeads == numAttentionHeads else {
                throw .value("audio_num_attention_heads", found: "\(audioNumAttentionHeads)")
            }
        }
    }
}

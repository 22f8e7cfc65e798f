package import Layers

extension Cosmos3 {
    /// `transformer/config.json` of a Cosmos3OmniTransformer.
    // Source: diffusers 0.42.1, models/transformers/transformer_cosmos3.py.
    package struct TransformerConfig: ModelConfig {
        package var attentionBias = false
        package var headDim = 128
        package var hiddenSize = 4096
        package var intermediateSize = 12288
        package var baseFps = 24.0
        package var enableFpsModulation = true
        package var latentChannel = 48
        package var resetSpatialIds = true
        package var temporalModalityMargin = 15000
        package var latentPatchSize = 2
        package var numAttentionHeads = 32
        package var numHiddenLayers = 36
        package var numKeyValueHeads = 8
        package var patchLatentDim = 192
        package var rmsNormEps = 1e-6
        package var ropeScaling: RopeParameters?
        package var ropeTheta = 5_000_000.0
        package var actionGen = false
        package var soundDim: Int?
        package var soundGen = false
        package var soundLatentFps = 25.0
        package var timestepScale = 0.001
        package var vocabSize = 151936
        package var hiddenAct = "silu"
        package var qkNormForText = true
        package var useUndKNormForGen = false
        package var ropeAxesDim: [Int]?
        package var maxPositionEmbeddings: Int?
        package var positionEmbeddingType: String?
        package var jointAttnImplementation: String?
        package var qkNormForDiffusion = true
        package var temporalCompressionFactorSound = 1
        package var videoTemporalCausal = false
        package init() {}

        package static let otherNames = [
            "unified_3d_mrope_reset_spatial_ids": "reset_spatial_ids", marginKey: "temporal_modality_margin",
        ]
        /// What is of actions, which are not made here, and what the language model's config says of itself.
        package static let ignoredKeys: Set<String> = [
            "action_dim", "max_action_dim", "num_embodiment_domains", "model_type", "use_moe", "freeze_und", "qk_norm",
        ]
        private static let marginKey = "unified_3d_mrope_temporal_modality_margin"

        /// Numbers of all heads of the queries.
        var queryWidth: Int { numAttentionHeads * headDim }
        /// Numbers of all heads of the keys, or of the values.
        var keyWidth: Int { numKeyValueHeads * headDim }

        /// How heads turn with the time, the row and the column of a token.
        var rotary: LanguageModelRotary {
            var rotary = LanguageModelRotary(base: ropeTheta, headWidth: headDim)
            rotary.sections = ropeAxesDim ?? ropeScaling?.mropeSection ?? [24, 20, 20]
            rotary.isInterleaved = true
            return rotary
        }

        /// The tokens of a video's latents; those at its edges that fill no patch are filled up.
        ///
        /// - Parameter latents: how many there are along time, from top to bottom and from left to right
        func grid(_ latents: [Int]) -> PatchGrid {
            let patch = latentPatchSize
            func whole(_ size: Int) -> Int { (size + patch - 1) / patch * patch }
            return PatchGrid([latents[0], whole(latents[1]), whole(latents[2])], patch: [1, patch, patch])
        }

        /// The longest prompt, in tokens: each has a position, and what is generated follows behind the margin.
        var longestPrompt: Int { min(maxPositionEmbeddings ?? temporalModalityMargin, temporalModalityMargin) }

        package func validate() throws(ConfigFault) {
            try requirePositive([
                "head_dim": headDim, "hidden_size": hiddenSize, "intermediate_size": intermediateSize,
                "latent_channel": latentChannel, "latent_patch_size": latentPatchSize,
                "num_attention_heads": numAttentionHeads, "num_hidden_layers": numHiddenLayers,
                "num_key_value_heads": numKeyValueHeads, "sound_dim": soundDim ?? 1, "vocab_size": vocabSize,
                Self.marginKey: temporalModalityMargin, "max_position_embeddings": maxPositionEmbeddings ?? 1,
            ])
            try requireCounts(["num_hidden_layers": numHiddenLayers, "latent_patch_size": latentPatchSize])
            try requireMultiple(
                "num_attention_heads", numAttentionHeads, of: "num_key_value_heads", numKeyValueHeads)
            try requireMultiple("head_dim", headDim, of: "the numbers of a pair,", 2)
            guard patchLatentDim == latentPatchSize * latentPatchSize * latentChannel else {
                throw .value("patch_latent_dim", found: "\(patchLatentDim)")
            }
            for (key, number) in [
                ("base_fps", baseFps), ("rms_norm_eps", rmsNormEps), ("sound_latent_fps", soundLatentFps),
                ("timestep_scale", timestepScale),
            ] where !(number.isFinite && number > 0) {
                throw .value(key, found: "\(number)")
            }
            guard ropeTheta.isFinite, ropeTheta >= 1 else { throw .value("rope_theta", found: "\(ropeTheta)") }
            let sections = rotary.sections ?? []
            guard sections.count == 3, sections.allSatisfy({ (0...headDim).contains($0) }) else {
                throw .value("rope_axes_dim", found: "\(sections)")
            }
            // The published models' choices; no other has been seen.
            guard hiddenAct == "silu" else { throw .value("hidden_act", found: hiddenAct) }
            guard resetSpatialIds else { throw .value("unified_3d_mrope_reset_spatial_ids", found: "false") }
            for (key, found, only) in [
                ("position_embedding_type", positionEmbeddingType, "unified_3d_mrope"),
                ("joint_attn_implementation", jointAttnImplementation, "two_way"),
            ] where found != nil && found != only {
                throw .value(key, found: found ?? "")
            }
            guard qkNormForDiffusion else { throw .value("qk_norm_for_diffusion", found: "false") }
            guard !videoTemporalCausal else { throw .value("video_temporal_causal", found: "true") }
            guard temporalCompressionFactorSound == 1 else {
                throw .value("temporal_compression_factor_sound", found: "\(temporalCompressionFactorSound)")
            }
            if let type = ropeScaling?.ropeType, !["default", "mrope"].contains(type) {
                throw .unsupported("the position scaling \(type) in rope_scaling")
            }
            if soundGen, soundDim == nil { throw .unsupported("sound_gen without sound_dim") }
        }
    }
}

package import Layers

extension LTX2 {
    /// `connectors/config.json` of LTX2TextConnectors.
    // Source: diffusers 0.42.1, pipelines/ltx2/connectors.py.
    package struct ConnectorsConfig: ModelConfig {
        package var captionChannels = 3840
        package var textProjInFactor = 49
        package var videoConnectorNumAttentionHeads = 30
        package var videoConnectorAttentionHeadDim = 128
        package var videoConnectorNumLayers = 2
        package var videoConnectorNumLearnableRegisters: Int? = 128
        package var videoGatedAttn = false
        package var audioConnectorNumAttentionHeads = 30
        package var audioConnectorAttentionHeadDim = 128
        package var audioConnectorNumLayers = 2
        package var audioConnectorNumLearnableRegisters: Int? = 128
        package var audioGatedAttn = false
        package var connectorRopeBaseSeqLen = 4096
        package var ropeTheta = 10000.0
        package var ropeDoublePrecision = true
        package var causalTemporalPositioning = false
        package var ropeType = "interleaved"
        package var perModalityProjections = false
        package var videoHiddenDim = 4096
        package var audioHiddenDim = 2048
        package var projBias = false
        package init() {}

        /// Numbers of a token, of all layers of the text encoder.
        var encoded: Int { captionChannels * textProjInFactor }
        var videoWidth: Int { videoConnectorNumAttentionHeads * videoConnectorAttentionHeadDim }
        var audioWidth: Int { audioConnectorNumAttentionHeads * audioConnectorAttentionHeadDim }

        package func validate() throws(ConfigFault) {
            try requirePositive([
                "caption_channels": captionChannels, "text_proj_in_factor": textProjInFactor,
                "video_connector_num_attention_heads": videoConnectorNumAttentionHeads,
                "video_connector_attention_head_dim": videoConnectorAttentionHeadDim,
                "video_connector_num_learnable_registers": videoConnectorNumLearnableRegisters ?? 0,
                "audio_connector_num_attention_heads": audioConnectorNumAttentionHeads,
                "audio_connector_attention_head_dim": audioConnectorAttentionHeadDim,
                "audio_connector_num_learnable_registers": audioConnectorNumLearnableRegisters ?? 0,
                "connector_rope_base_seq_len": connectorRopeBaseSeqLen, "video_hidden_dim": videoHiddenDim,
                "audio_hidden_dim": audioHiddenDim,
            ])
            try requireCounts([
                "video_connector_num_layers": videoConnectorNumLayers,
                "audio_connector_num_layers": audioConnectorNumLayers,
            ])
            try requireMultiple(
                "video_connector_attention_head_dim", videoConnectorAttentionHeadDim, of: "the numbers of a pair,", 2)
            try requireMultiple(
                "audio_connector_attention_head_dim", audioConnectorAttentionHeadDim, of: "the numbers of a pair,", 2)
            guard ropeType == "split" else { throw .value("rope_type", found: ropeType) }
            guard ropeDoublePrecision else { throw .value("rope_double_precision", found: "false") }
            guard ropeTheta >= 1, ropeTheta.isFinite else { throw .value("rope_theta", found: "\(ropeTheta)") }
            for (name, projected, width) in [
                ("video_hidden_dim", perModalityProjections ? videoHiddenDim : captionChannels, videoWidth),
                ("audio_hidden_dim", perModalityProjections ? audioHiddenDim : captionChannels, audioWidth),
            ] where projected != width {
                throw .value(perModalityProjections ? name : "caption_channels", found: "\(projected)")
            }
        }
    }
}

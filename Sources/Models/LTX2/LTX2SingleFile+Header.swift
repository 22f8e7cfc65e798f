internal import Layers

extension LTX2.SingleFile {
    /// What the config in a file's header says, in the keys of Diffusers.
    struct Header {
        /// A component as its `model_index.json` and its `config.json` would tell it.
        typealias Component = (className: String, config: [String: Any])

        /// The component that no tensor belongs to.
        static let scheduler = "scheduler"

        /// By name; none that the header does not describe.
        let components: [String: Component]
        /// How many times the video's encoder makes frames smaller.
        let levels: Int

        /// - Parameters:
        ///   - values: the config
        ///   - shape: that of the tensor of a name in the file; nil if there is none
        init(_ values: ConfigValues, shape: (String) -> [Int]?) throws(ConfigFault) {
            var components: [String: Component] = [Self.scheduler: Self.publishedScheduler]
            values.pass(Self.scheduler)
            if values.has("transformer") {
                let part = try values.object("transformer")
                components["transformer"] = try Self.transformer(part)
                components["connectors"] = try Self.connectors(part, shape)
            }
            var levels = 0
            if values.has("vae") { (components["vae"], levels) = try Self.vae(values.object("vae")) }
            var bins = LTX2VocoderConfig().inChannels / 2
            if values.has("audio_vae") {
                let (part, count) = try Self.audioVAE(values.object("audio_vae"))
                (components["audio_vae"], bins) = (part, count)
            }
            if values.has("vocoder") {
                components["vocoder"] = try Self.vocoder(values.object("vocoder"), bins: bins)
            }
            (self.components, self.levels) = (components, levels)
        }

        /// The files' own scheduler is another, which no pipeline runs.
        private static var publishedScheduler: Component {
            (
                "FlowMatchEulerDiscreteScheduler",
                [
                    "num_train_timesteps": 1000, "shift": 1.0, "use_dynamic_shifting": true, "base_shift": 0.95,
                    "max_shift": 2.05, "base_image_seq_len": 1024, "max_image_seq_len": 4096, "shift_terminal": 0.1,
                    "time_shift_type": "exponential",
                ]
            )
        }
    }
}

extension LTX2.SingleFile.Header {
    private static func transformer(_ header: ConfigValues) throws(ConfigFault) -> Component {
        try requirePublished(header)
        let places: [Int] = try header.value("positional_embedding_max_pos", or: [20, 2048, 2048])
        guard places.count == 3 else { throw header.fault("positional_embedding_max_pos", "\(places)") }
        let times: [Int] = try header.value("audio_positional_embedding_max_pos", or: [20])
        guard times.count == 1 else { throw header.fault("audio_positional_embedding_max_pos", "\(times)") }
        let crossScale: Double = try header.value("av_ca_timestep_scale_multiplier", or: 1)
        guard let crossScale = Int(exactly: crossScale) else {
            throw header.fault("av_ca_timestep_scale_multiplier", "\(crossScale)")
        }
        let isLater = try isLater(header)
        let isGated: Bool = try header.value("apply_gated_attention", or: false)
        let modulates: Bool = try header.value("cross_attention_adaln", or: false)
        let texts: [String: String] = [
            "activation_fn": try header.value("activation_fn", or: "gelu-approximate"),
            "rope_type": try header.value("rope_type", or: "split"),
        ]
        let flags: [String: Bool] = [
            "attention_bias": try header.value("attention_bias", or: true),
            "norm_elementwise_affine": try header.value("norm_elementwise_affine", or: false),
            "rope_double_precision": try isDouble(header), "gated_attn": isGated, "audio_gated_attn": isGated,
            "cross_attn_mod": modulates, "audio_cross_attn_mod": modulates,
            "use_prompt_embeddings": !isLater, "perturbed_attn": isLater,
            "ff_bias": try header.value("ff_bias", or: true),
            "audio_ff_bias": try header.value("audio_ff_bias", or: true),
            "use_prompt_adaln_single": try header.value("use_prompt_adaln_single", or: true),
        ]
        let counts: [String: Int] = [
            "in_channels": try header.count("in_channels", or: 128),
            "out_channels": try header.count("out_channels", or: 128),
            "num_layers": try header.count("num_layers", or: 48),
            "num_attention_heads": try header.count("num_attention_heads", or: 32),
            "attention_head_dim": try header.count("attention_head_dim", or: 128),
            "cross_attention_dim": try header.count("cross_attention_dim", or: 4096),
            "caption_channels": try header.count("caption_channels", or: 3840),
            "audio_in_channels": try header.count("audio_in_channels", or: 128),
            "audio_out_channels": try header.count("audio_out_channels", or: 128),
            "audio_num_attention_heads": try header.count("audio_num_attention_heads", or: 32),
            "audio_attention_head_dim": try header.count("audio_attention_head_dim", or: 64),
            "audio_cross_attention_dim": try header.count("audio_cross_attention_dim", or: 2048),
            "timestep_scale_multiplier": try header.count("timestep_scale_multiplier", or: 1000),
            "cross_attn_timestep_scale_multiplier": crossScale, "pos_embed_max_pos": places[0],
            "base_height": places[1], "base_width": places[2], "audio_pos_embed_max_pos": times[0],
        ]
        let numbers: [String: Double] = [
            "norm_eps": try header.value("norm_eps", or: 1e-6),
            "rope_theta": try header.value("positional_embedding_theta", or: 10000),
        ]
        return ("LTX2VideoTransformer3DModel", joined(texts, flags, counts, numbers))
    }

    /// What every such model has, and what changes nothing.
    private static func requirePublished(_ header: ConfigValues) throws(ConfigFault) {
        for key in [
            "cross_attention_norm", "use_audio_video_cross_attention", "av_cross_ada_norm", "use_middle_indices_grid",
            "causal_temporal_positioning", "use_embeddings_connector", "connector_norm_output", "connector_ff_bias",
        ] { try header.require(key, true) }
        for (key, text) in [
            ("_class_name", "AVTransformer3DModel"), ("qk_norm", "rms_norm"), ("standardization_norm", "rms_norm"),
            ("positional_embedding_type", "rope"), ("attention_type", "default"),
        ] { try header.require(key, text) }
        header.pass("dropout", "norm_num_groups", "num_embeds_ada_norm", "connector_learnable_registers_std")
    }

    /// Whether texts are projected to each stream's width before they go into the connectors.
    private static func isLater(_ header: ConfigValues) throws(ConfigFault) -> Bool {
        let isLater: Bool = try header.value("caption_proj_before_connector", or: false)
        if isLater { try header.require("text_encoder_norm_type", "per_token_rms") }
        return isLater
    }

    private static func isDouble(_ header: ConfigValues) throws(ConfigFault) -> Bool {
        let precision: String = try header.value("frequencies_precision", or: "float32")
        return precision == "float64"
    }

    private static func connectors(_ header: ConfigValues, _ shape: (String) -> [Int]?) throws(ConfigFault) -> Component
    {
        let isLater = try isLater(header)
        let caption = try header.count("caption_channels", or: 3840)
        let name = "text_embedding_projection.\(isLater ? "video_" : "")aggregate_embed.weight"
        let encoded = shape(name)?.last ?? caption
        guard caption > 0, encoded.isMultiple(of: caption) else {
            throw .misfit("transformer.caption_channels", caption, to: "the width of \(name)", encoded)
        }
        let rows: [Int] = try header.value("connector_positional_embedding_max_pos", or: [1])
        guard rows.count == 1 else { throw header.fault("connector_positional_embedding_max_pos", "\(rows)") }
        let heads = try header.count("connector_num_attention_heads", or: 30)
        let headWidth = try header.count("connector_attention_head_dim", or: 128)
        let layers = try header.count("connector_num_layers", or: 2)
        let registers = try header.count("connector_num_learnable_registers", or: 128)
        let isGated: Bool = try header.value("connector_apply_gated_attention", or: false)
        let counts: [String: Int] = [
            "caption_channels": caption, "text_proj_in_factor": encoded / caption,
            "connector_rope_base_seq_len": rows[0],
            "video_connector_num_attention_heads": heads, "video_connector_attention_head_dim": headWidth,
            "video_connector_num_layers": layers, "video_connector_num_learnable_registers": registers,
            "audio_connector_num_attention_heads": try header.count("audio_connector_num_attention_heads", or: heads),
            "audio_connector_attention_head_dim": try header.count("audio_connector_attention_head_dim", or: headWidth),
            "audio_connector_num_layers": try header.count("audio_connector_num_layers", or: layers),
            "audio_connector_num_learnable_registers": registers,
        ]
        let widths: [String: Int] =
            isLater
            ? [
                "video_hidden_dim": try header.count("num_attention_heads", or: 32)
                    * header.count("attention_head_dim", or: 128),
                "audio_hidden_dim": try header.count("audio_num_attention_heads", or: 32)
                    * header.count("audio_attention_head_dim", or: 64),
            ] : [:]
        let flags: [String: Bool] = [
            "per_modality_projections": isLater, "proj_bias": isLater, "video_gated_attn": isGated,
            "audio_gated_attn": isGated, "rope_double_precision": try isDouble(header),
        ]
        let texts: [String: String] = ["rope_type": try header.value("rope_type", or: "split")]
        return ("LTX2TextConnectors", joined(counts, widths, flags, texts))
    }

    /// Several dictionaries as one.
    static func joined(_ parts: [String: Any]...) -> [String: Any] {
        parts.reduce(into: [:]) { $0.merge($1) { first, _ in first } }
    }
}

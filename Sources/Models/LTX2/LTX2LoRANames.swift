package import Layers

// Source: diffusers 0.42.1, loaders/lora_conversion_utils.py.
extension LoRANames {
    /// LTX-2's transformer by the names of its authors.
    package static let ltx2 = transformer(ltx2Parts + ltx2Tables + ltx2Norms)

    private static let ltx2Parts: [LoRAAlias] = [
        LoRAAlias("patchify_proj", "proj_in"), LoRAAlias("audio_patchify_proj", "audio_proj_in"),
        LoRAAlias("adaln_single", "time_embed"), LoRAAlias("audio_adaln_single", "audio_time_embed"),
        LoRAAlias("prompt_adaln_single", "prompt_adaln"),
        LoRAAlias("audio_prompt_adaln_single", "audio_prompt_adaln"),
        LoRAAlias("av_ca_video_scale_shift_adaln_single", "av_cross_attn_video_scale_shift"),
        LoRAAlias("av_ca_audio_scale_shift_adaln_single", "av_cross_attn_audio_scale_shift"),
        LoRAAlias("av_ca_a2v_gate_adaln_single", "av_cross_attn_video_a2v_gate"),
        LoRAAlias("av_ca_v2a_gate_adaln_single", "av_cross_attn_audio_v2a_gate"),
    ]

    private static let ltx2Tables = ["video", "audio"].map { stream in
        LoRAAlias(
            "transformer_blocks.{i}.scale_shift_table_a2v_ca_\(stream)",
            "transformer_blocks.{i}.\(stream)_a2v_cross_attn_scale_shift_table")
    }

    private static let ltx2Norms = [
        "attn1", "attn2", "audio_attn1", "audio_attn2", "audio_to_video_attn", "video_to_audio_attn",
    ].flatMap { attention in
        let block = "transformer_blocks.{i}.\(attention)"
        return [
            LoRAAlias("\(block).q_norm", "\(block).norm_q"), LoRAAlias("\(block).k_norm", "\(block).norm_k"),
        ]
    }

    /// LTX-2's connectors.
    package static let ltx2Connectors = LoRANames(
        prefixes: ["", "connectors.", "diffusion_model.", "model.diffusion_model."], flatPrefixes: [],
        [LoRAAlias("text_embedding_projection.aggregate_embed", "text_proj_in")])
}

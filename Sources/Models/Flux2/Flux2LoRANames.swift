package import Layers

// Source: diffusers 0.42.1, loaders/lora_conversion_utils.py.
extension LoRANames {
    /// FLUX.2's transformer by the names of its authors, and by one that fal's files have.
    package static let flux2 = transformer(flux2Double + flux2Single + flux2Others)

    private static let flux2Double = LoRAAlias.within(
        "double_blocks.{i}", "transformer_blocks.{i}",
        [
            "img_attn.qkv": ["attn.to_q", "attn.to_k", "attn.to_v"],
            "img_attn.proj": ["attn.to_out.0"],
            "img_attn.norm.query_norm": ["attn.norm_q"],
            "img_attn.norm.key_norm": ["attn.norm_k"],
            "img_mlp.0": ["ff.linear_in"],
            "img_mlp.2": ["ff.linear_out"],
            "txt_attn.qkv": ["attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"],
            "txt_attn.proj": ["attn.to_add_out"],
            "txt_attn.norm.query_norm": ["attn.norm_added_q"],
            "txt_attn.norm.key_norm": ["attn.norm_added_k"],
            "txt_mlp.0": ["ff_context.linear_in"],
            "txt_mlp.2": ["ff_context.linear_out"],
        ])

    private static let flux2Single = LoRAAlias.within(
        "single_blocks.{i}", "single_transformer_blocks.{i}",
        [
            "linear1": ["attn.to_qkv_mlp_proj"], "linear2": ["attn.to_out"],
            "norm.query_norm": ["attn.norm_q"], "norm.key_norm": ["attn.norm_k"],
        ])

    private static let flux2Others: [LoRAAlias] = [
        LoRAAlias("time_in.in_layer", "time_guidance_embed.timestep_embedder.linear_1"),
        LoRAAlias("time_in.out_layer", "time_guidance_embed.timestep_embedder.linear_2"),
        LoRAAlias("guidance_in.in_layer", "time_guidance_embed.guidance_embedder.linear_1"),
        LoRAAlias("guidance_in.out_layer", "time_guidance_embed.guidance_embedder.linear_2"),
        LoRAAlias("sformer_blocks", "transformer_blocks"),
        LoRAAlias("img_in", "x_embedder"), LoRAAlias("txt_in", "context_embedder"),
        LoRAAlias("single_stream_modulation.lin", "single_stream_modulation.linear"),
        LoRAAlias("double_stream_modulation_img.lin", "double_stream_modulation_img.linear"),
        LoRAAlias("double_stream_modulation_txt.lin", "double_stream_modulation_txt.linear"),
        LoRAAlias("final_layer.linear", "proj_out"),
        // There the shift comes first, in diffusers the scale.
        LoRAAlias("final_layer.adaLN_modulation.1", "norm_out.linear", rows: .halvesSwapped),
    ]
}

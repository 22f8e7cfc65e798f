package import Layers

// Source: diffusers 0.42.1, loaders/lora_conversion_utils.py; kohya-ss/sd-scripts, networks/lora_flux.py.
extension LoRANames {
    /// FLUX.1's transformer by the names of its authors, which kohya's scripts, ComfyUI and control LoRAs have, and by
    /// those of XLabs.
    package static let flux1 = transformer(flux1Double + flux1Single + flux1Embedders + flux1Others)

    private static let flux1Double = LoRAAlias.within(
        "double_blocks.{i}", "transformer_blocks.{i}",
        [
            "img_attn.qkv": ["attn.to_q", "attn.to_k", "attn.to_v"],
            "img_attn.proj": ["attn.to_out.0"],
            "img_attn.norm.query_norm": ["attn.norm_q"],
            "img_attn.norm.key_norm": ["attn.norm_k"],
            "img_mlp.0": ["ff.net.0.proj"],
            "img_mlp.2": ["ff.net.2"],
            "img_mod.lin": ["norm1.linear"],
            "txt_attn.qkv": ["attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"],
            "txt_attn.proj": ["attn.to_add_out"],
            "txt_attn.norm.query_norm": ["attn.norm_added_q"],
            "txt_attn.norm.key_norm": ["attn.norm_added_k"],
            "txt_mlp.0": ["ff_context.net.0.proj"],
            "txt_mlp.2": ["ff_context.net.2"],
            "txt_mod.lin": ["norm1_context.linear"],
            "processor.qkv_lora1": ["attn.to_q", "attn.to_k", "attn.to_v"],
            "processor.proj_lora1": ["attn.to_out.0"],
            "processor.qkv_lora2": ["attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"],
            "processor.proj_lora2": ["attn.to_add_out"],
        ])

    private static let flux1Single = LoRAAlias.within(
        "single_blocks.{i}", "single_transformer_blocks.{i}",
        [
            "linear1": ["attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp"],
            "linear2": ["proj_out"],
            "modulation.lin": ["norm.linear"],
            "norm.query_norm": ["attn.norm_q"],
            "norm.key_norm": ["attn.norm_k"],
            "processor.qkv_lora": ["attn.to_q", "attn.to_k", "attn.to_v"],
            "processor.proj_lora": ["proj_out"],
        ])

    private static let flux1Embedders: [LoRAAlias] = [
        LoRAAlias("time_in.in_layer", "time_text_embed.timestep_embedder.linear_1"),
        LoRAAlias("time_in.out_layer", "time_text_embed.timestep_embedder.linear_2"),
        LoRAAlias("vector_in.in_layer", "time_text_embed.text_embedder.linear_1"),
        LoRAAlias("vector_in.out_layer", "time_text_embed.text_embedder.linear_2"),
        LoRAAlias("guidance_in.in_layer", "time_text_embed.guidance_embedder.linear_1"),
        LoRAAlias("guidance_in.out_layer", "time_text_embed.guidance_embedder.linear_2"),
    ]

    private static let flux1Others: [LoRAAlias] = [
        LoRAAlias("img_in", "x_embedder"), LoRAAlias("txt_in", "context_embedder"),
        LoRAAlias("final_layer.linear", "proj_out"),
        // There the shift comes first, in diffusers the scale.
        LoRAAlias("final_layer.adaLN_modulation.1", "norm_out.linear", rows: .halvesSwapped),
    ]

    /// CLIP's text encoder, with and without the name `text_model`.
    package static let flux1CLIP = LoRANames(
        prefixes: ["text_encoder.", "text_encoders.clip_l.transformer."], flatPrefixes: ["lora_te_", "lora_te1_"],
        [
            LoRAAlias("text_model.encoder", "encoder"), LoRAAlias("encoder", "text_model.encoder"),
        ])

    /// T5's encoder.
    package static let flux1T5 = LoRANames(
        prefixes: ["text_encoder_2.", "text_encoders.t5xxl.transformer."], flatPrefixes: ["lora_te2_", "lora_te3_"])
}

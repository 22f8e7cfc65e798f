package import Layers

// Source: diffusers 0.42.1, loaders/lora_conversion_utils.py; scripts/convert_wan_to_diffusers.py.
extension LoRANames {
    /// Wan's transformers by the names of their authors.
    package static let wan = transformer(wanBlocks + wanOthers)

    private static let wanBlocks = LoRAAlias.within(
        "blocks.{i}", "blocks.{i}",
        [
            "self_attn.q": ["attn1.to_q"], "self_attn.k": ["attn1.to_k"], "self_attn.v": ["attn1.to_v"],
            "self_attn.o": ["attn1.to_out.0"],
            "self_attn.norm_q": ["attn1.norm_q"], "self_attn.norm_k": ["attn1.norm_k"],
            "cross_attn.q": ["attn2.to_q"], "cross_attn.k": ["attn2.to_k"], "cross_attn.v": ["attn2.to_v"],
            "cross_attn.o": ["attn2.to_out.0"],
            "cross_attn.k_img": ["attn2.add_k_proj"], "cross_attn.v_img": ["attn2.add_v_proj"],
            "cross_attn.norm_q": ["attn2.norm_q"], "cross_attn.norm_k": ["attn2.norm_k"],
            "cross_attn.norm_k_img": ["attn2.norm_added_k"],
            "ffn.0": ["ffn.net.0.proj"], "ffn.2": ["ffn.net.2"],
            // The norm before the cross attention, the only one of a block with weights.
            "norm3": ["norm2"],
            "modulation": ["scale_shift_table"],
        ])

    private static let wanOthers: [LoRAAlias] = [
        LoRAAlias("time_projection.1", "condition_embedder.time_proj"),
        LoRAAlias("time_embedding.0", "condition_embedder.time_embedder.linear_1"),
        LoRAAlias("time_embedding.2", "condition_embedder.time_embedder.linear_2"),
        LoRAAlias("text_embedding.0", "condition_embedder.text_embedder.linear_1"),
        LoRAAlias("text_embedding.2", "condition_embedder.text_embedder.linear_2"),
        LoRAAlias("img_emb.proj.0", "condition_embedder.image_embedder.norm1"),
        LoRAAlias("img_emb.proj.1", "condition_embedder.image_embedder.ff.net.0.proj"),
        LoRAAlias("img_emb.proj.3", "condition_embedder.image_embedder.ff.net.2"),
        LoRAAlias("img_emb.proj.4", "condition_embedder.image_embedder.norm2"),
        LoRAAlias("head.head", "proj_out"), LoRAAlias("head.modulation", "scale_shift_table"),
    ]
}

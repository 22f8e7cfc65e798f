package import Layers

// Source: NVIDIA/cosmos-framework, cosmos_framework/model/generator/mot/unified_mot.py and utils/generator/lora.py.
extension LoRANames {
    /// Cosmos3's transformer by the names of its authors, which their own training writes.
    package static let cosmos3 = transformer(
        cosmos3Attention + cosmos3Others,
        besides: ["net.language_model.model.", "language_model.model.", "model.", "net."])

    private static let cosmos3Attention = LoRAAlias.within(
        "layers.{i}.self_attn", "layers.{i}.self_attn",
        [
            "q_proj": ["to_q"], "k_proj": ["to_k"], "v_proj": ["to_v"], "o_proj": ["to_out"],
            "q_proj_moe_gen": ["add_q_proj"], "k_proj_moe_gen": ["add_k_proj"], "v_proj_moe_gen": ["add_v_proj"],
            "o_proj_moe_gen": ["to_add_out"],
        ])

    private static let cosmos3Others: [LoRAAlias] = [
        LoRAAlias("vae2llm", "proj_in"), LoRAAlias("llm2vae", "proj_out"),
        LoRAAlias("time_embedder.mlp.0", "time_embedder.linear_1"),
        LoRAAlias("time_embedder.mlp.2", "time_embedder.linear_2"),
        LoRAAlias("sound2llm", "audio_proj_in"), LoRAAlias("llm2sound", "audio_proj_out"),
    ]
}

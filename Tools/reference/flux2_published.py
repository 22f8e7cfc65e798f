"""The configuration files of FLUX.2-dev and the FLUX.2-klein checkpoints in the Diffusers layout.

Those of klein-4B are as public copies of the files have them. klein-9B's sizes and the text encoders' are what several
public ports agree on; FLUX.2-dev's follow from the class defaults of diffusers and its conversion script. Versions
(`_diffusers_version`, `transformers_version`) and `_name_or_path` have no effect and are left out.
"""

FLUX2_DEV_INDEX = {
    "_class_name": "Flux2Pipeline",
    "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
    "text_encoder": ["transformers", "Mistral3ForConditionalGeneration"],
    "tokenizer": ["transformers", "PixtralProcessor"],
    "transformer": ["diffusers", "Flux2Transformer2DModel"],
    "vae": ["diffusers", "AutoencoderKLFlux2"],
}
KLEIN_INDEX = FLUX2_DEV_INDEX | {
    "_class_name": "Flux2KleinPipeline",
    "text_encoder": ["transformers", "Qwen3ForCausalLM"],
    "tokenizer": ["transformers", "Qwen2TokenizerFast"],
}

SCHEDULER = {
    "_class_name": "FlowMatchEulerDiscreteScheduler",
    "base_image_seq_len": 256,
    "base_shift": 0.5,
    "invert_sigmas": False,
    "max_image_seq_len": 4096,
    "max_shift": 1.15,
    "num_train_timesteps": 1000,
    "shift": 3.0,
    "shift_terminal": None,
    "stochastic_sampling": False,
    "time_shift_type": "exponential",
    "use_beta_sigmas": False,
    "use_dynamic_shifting": True,
    "use_exponential_sigmas": False,
    "use_karras_sigmas": False,
}

MISTRAL = {
    "architectures": ["Mistral3ForConditionalGeneration"],
    "dtype": "bfloat16",
    "image_token_index": 10,
    "model_type": "mistral3",
    "multimodal_projector_bias": False,
    "projector_hidden_act": "gelu",
    "spatial_merge_size": 2,
    "text_config": {
        "attention_dropout": 0.0,
        "dtype": "bfloat16",
        "head_dim": 128,
        "hidden_act": "silu",
        "hidden_size": 5120,
        "initializer_range": 0.02,
        "intermediate_size": 32768,
        "max_position_embeddings": 131072,
        "model_type": "mistral",
        "num_attention_heads": 32,
        "num_hidden_layers": 40,
        "num_key_value_heads": 8,
        "rms_norm_eps": 1e-05,
        "rope_theta": 1000000000.0,
        "sliding_window": None,
        "use_cache": True,
        "vocab_size": 131072,
    },
    "vision_config": {
        "attention_dropout": 0.0,
        "dtype": "bfloat16",
        "head_dim": 64,
        "hidden_act": "silu",
        "hidden_size": 1024,
        "image_size": 1540,
        "initializer_range": 0.02,
        "intermediate_size": 4096,
        "model_type": "pixtral",
        "num_attention_heads": 16,
        "num_channels": 3,
        "num_hidden_layers": 24,
        "patch_size": 14,
        "rope_theta": 10000.0,
    },
    "vision_feature_layer": -1,
}


def qwen3(hidden_size, intermediate_size, is_tied):
    """The text encoder of klein-4B (2560) or klein-9B (4096)."""
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": 151643,
        "dtype": "bfloat16",
        "eos_token_id": 151645,
        "head_dim": 128,
        "hidden_act": "silu",
        "hidden_size": hidden_size,
        "initializer_range": 0.02,
        "intermediate_size": intermediate_size,
        "layer_types": ["full_attention"] * 36,
        "max_position_embeddings": 40960,
        "max_window_layers": 36,
        "model_type": "qwen3",
        "num_attention_heads": 32,
        "num_hidden_layers": 36,
        "num_key_value_heads": 8,
        "rms_norm_eps": 1e-06,
        "rope_scaling": None,
        "rope_theta": 1000000,
        "sliding_window": None,
        "tie_word_embeddings": is_tied,
        "use_cache": True,
        "use_sliding_window": False,
        "vocab_size": 151936,
    }


QWEN_3_4B, QWEN_3_8B = qwen3(2560, 9728, True), qwen3(4096, 12288, False)


def transformer(heads, joint_attention_dim, layers, single_layers, guidance_embeds):
    """A transformer of `heads` times 128 channels."""
    return {
        "_class_name": "Flux2Transformer2DModel",
        "attention_head_dim": 128,
        "axes_dims_rope": [32, 32, 32, 32],
        "eps": 1e-06,
        "guidance_embeds": guidance_embeds,
        "in_channels": 128,
        "joint_attention_dim": joint_attention_dim,
        "mlp_ratio": 3.0,
        "num_attention_heads": heads,
        "num_layers": layers,
        "num_single_layers": single_layers,
        "out_channels": None,
        "patch_size": 1,
        "rope_theta": 2000,
        "timestep_guidance_channels": 256,
    }


VAE = {
    "_class_name": "AutoencoderKLFlux2",
    "act_fn": "silu",
    "batch_norm_eps": 0.0001,
    "batch_norm_momentum": 0.1,
    "block_out_channels": [128, 256, 512, 512],
    "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"],
    "force_upcast": True,
    "in_channels": 3,
    "latent_channels": 32,
    "layers_per_block": 2,
    "mid_block_add_attention": True,
    "norm_num_groups": 32,
    "out_channels": 3,
    "patch_size": [2, 2],
    "sample_size": 1024,
    "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"],
    "use_post_quant_conv": True,
    "use_quant_conv": True,
}


def klein(is_distilled, text_encoder, transformer_config):
    """The files of a klein checkpoint."""
    return {"model_index": KLEIN_INDEX | {"is_distilled": is_distilled}, "text_encoder": text_encoder,
            "transformer": transformer_config}  # fmt: skip


KLEIN_4B, KLEIN_9B = transformer(24, 7680, 5, 20, False), transformer(32, 12288, 8, 24, False)
# By folder of Tests/Goldens/manifests; scheduler and autoencoder are the same for all.
CHECKPOINTS = {
    "flux2-dev": {"model_index": FLUX2_DEV_INDEX, "text_encoder": MISTRAL,
                  "transformer": transformer(48, 15360, 8, 48, True)},
    "flux2-klein-4b": klein(True, QWEN_3_4B, KLEIN_4B),
    "flux2-klein-9b": klein(True, QWEN_3_8B, KLEIN_9B),
    "flux2-klein-base-4b": klein(False, QWEN_3_4B, KLEIN_4B),
    "flux2-klein-base-9b": klein(False, QWEN_3_8B, KLEIN_9B),
}  # fmt: skip

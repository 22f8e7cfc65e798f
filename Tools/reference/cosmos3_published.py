"""The configuration files of the published Cosmos3 checkpoints, as public converters and programs that load them have them.

Nano and Super are from before diffusers' own pipeline: other names of its class, fields in the transformer's config that
diffusers does not know, and a vision tower that only their other uses need. Super's 4-step checkpoints are as diffusers
writes them; their scheduler names its noise levels, and guidance is in their weights.
"""

from wan_published import VAE_22

OLD, NEW = "0.37.1", "0.39.0"

COMPONENTS = {
    "scheduler": ["diffusers", "UniPCMultistepScheduler"],
    "text_tokenizer": ["transformers", "Qwen2TokenizerFast"],
    "transformer": ["diffusers", "Cosmos3OmniTransformer"],
    "vae": ["diffusers", "AutoencoderKLWan"],
}
SOUND = {"sound_tokenizer": ["diffusers", "Cosmos3AVAEAudioTokenizer"]}
INDEX = {"_class_name": "Cosmos3OmniDiffusersPipeline", "_diffusers_version": OLD} | COMPONENTS | SOUND
INDEX_SUPER = INDEX | {"_class_name": "Cosmos3OmniMoTPipeline"}
# What diffusers' class writes.
INDEX_NEW = {"_class_name": "Cosmos3OmniPipeline", "_diffusers_version": NEW} | COMPONENTS | {
    "default_use_system_prompt": True, "enable_safety_checker": True, "safety_checker": [None, None],
    "sound_tokenizer": [None, None], "use_native_flow_schedule": False,
}  # fmt: skip
INDEX_DISTILLED = INDEX_NEW | {"scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"]}

SCHEDULER = {
    "_class_name": "UniPCMultistepScheduler",
    "_diffusers_version": OLD,
    "beta_end": 0.02,
    "beta_schedule": "linear",
    "beta_start": 0.0001,
    "disable_corrector": [],
    "dynamic_thresholding_ratio": 0.995,
    "final_sigmas_type": "zero",
    "flow_shift": 1.0,
    "lower_order_final": True,
    "num_train_timesteps": 1000,
    "predict_x0": True,
    "prediction_type": "flow_prediction",
    "rescale_betas_zero_snr": False,
    "sample_max_value": 1.0,
    "shift_terminal": None,
    "sigma_max": 200.0,
    "sigma_min": 0.147,
    "solver_order": 2,
    "solver_p": None,
    "solver_type": "bh2",
    "steps_offset": 0,
    "thresholding": False,
    "time_shift_type": "exponential",
    "timestep_spacing": "linspace",
    "trained_betas": None,
    "use_beta_sigmas": False,
    "use_dynamic_shifting": False,
    "use_exponential_sigmas": False,
    "use_flow_sigmas": True,
    "use_karras_sigmas": True,
}
SIGMAS = [1.0, 0.9375, 0.8333333333333334, 0.625]
SCHEDULER_DISTILLED = {
    "_class_name": "FlowMatchEulerDiscreteScheduler",
    "_diffusers_version": NEW,
    "base_image_seq_len": 256,
    "base_shift": 0.5,
    "fixed_step_requires_explicit_sigmas": True,
    "fixed_step_sampler_config": {"sample_type": "sde", "t_list": SIGMAS},
    "invert_sigmas": False,
    "max_image_seq_len": 4096,
    "max_shift": 1.15,
    "num_train_timesteps": 1000,
    "shift": 1.0,
    "shift_terminal": None,
    "stochastic_sampling": True,
    "time_shift_type": "exponential",
    "use_beta_sigmas": False,
    "use_dynamic_shifting": False,
    "use_exponential_sigmas": False,
    "use_karras_sigmas": False,
}

TRANSFORMER = {
    "_class_name": "Cosmos3OmniTransformer",
    "_diffusers_version": OLD,
    "action_dim": 64,
    "action_gen": True,
    "attention_bias": False,
    "attention_dropout": 0.0,
    "base_fps": 24,
    "dtype": "bfloat16",
    "enable_fps_modulation": True,
    "freeze_und": False,
    "head_dim": 128,
    "hidden_act": "silu",
    "hidden_size": 4096,
    "initializer_range": 0.02,
    "intermediate_size": 12288,
    "joint_attn_implementation": "two_way",
    "latent_channel": 48,
    "latent_patch_size": 2,
    "max_action_dim": 64,
    "max_position_embeddings": 262144,
    "model_type": "qwen3_vl_text",
    "num_attention_heads": 32,
    "num_embodiment_domains": 32,
    "num_hidden_layers": 36,
    "num_key_value_heads": 8,
    "patch_latent_dim": 192,
    "position_embedding_type": "unified_3d_mrope",
    "qk_norm": False,
    "qk_norm_for_diffusion": True,
    "qk_norm_for_text": True,
    "rms_norm_eps": 1e-06,
    "rope_scaling": {"mrope_interleaved": True, "mrope_section": [24, 20, 20], "rope_type": "default"},
    "rope_theta": 5000000,
    "sound_dim": 64,
    "sound_gen": True,
    "sound_latent_fps": 25,
    "temporal_compression_factor_sound": 1,
    "timestep_scale": 0.001,
    "unified_3d_mrope_reset_spatial_ids": True,
    "unified_3d_mrope_temporal_modality_margin": 15000,
    "use_cache": True,
    "use_moe": True,
    "video_temporal_causal": False,
    "vocab_size": 151936,
}
TRANSFORMER_SUPER = TRANSFORMER | {
    "hidden_size": 5120, "intermediate_size": 25600, "num_attention_heads": 64, "num_hidden_layers": 64,
}  # fmt: skip

VAE = VAE_22 | {"_diffusers_version": OLD}

SOUND_TOKENIZER = {
    "_class_name": "Cosmos3AVAEAudioTokenizer",
    "_diffusers_version": OLD,
    "activation": "snakebeta",
    "anti_aliasing": False,
    "bottleneck": {"type": "vae"},
    "bottleneck_type": "vae",
    "causal": False,
    "dec_anti_aliasing": False,
    "dec_c_mults": [1, 2, 4, 8, 16],
    "dec_dim": 320,
    "dec_final_tanh": False,
    "dec_out_channels": 2,
    "dec_strides": [2, 4, 5, 6, 8],
    "dec_type": "oobleck",
    "dec_use_nearest_upsample": False,
    "dec_use_snake": True,
    "dec_use_tanh_at_final": False,
    "enc_c_mults": [1, 2, 4],
    "enc_dim": 192,
    "enc_hop_length": 16,
    "enc_identity_init": False,
    "enc_intermediate_dim": 768,
    "enc_latent_dim": 128,
    "enc_n_fft": 64,
    "enc_num_blocks": 2,
    "enc_num_layers": 12,
    "enc_strides": [4, 5, 6],
    "enc_type": "spec_convnext",
    "enc_use_snake": True,
    "encoder_enabled": True,
    "hop_size": 1920,
    "input_channels": 1,
    "latent_mean": None,
    "latent_std": None,
    "model_type": "autoencoder_v2",
    "normalize_volume": True,
    "padding_mode": "zeros",
    "sampling_rate": 48000,
    "snake_logscale": True,
    "stereo": True,
    "use_cuda_kernel": False,
    "use_wav_as_input": True,
    "vocoder_input_dim": 64,
}

CHECKPOINTS = {
    "cosmos3-nano": {
        "model_index": INDEX, "scheduler": SCHEDULER, "transformer": TRANSFORMER, "vae": VAE,
        "sound_tokenizer": SOUND_TOKENIZER,
    },
    "cosmos3-super": {
        "model_index": INDEX_SUPER, "scheduler": SCHEDULER, "transformer": TRANSFORMER_SUPER, "vae": VAE,
        "sound_tokenizer": SOUND_TOKENIZER,
    },
}  # fmt: skip

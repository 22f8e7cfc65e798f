"""The configuration files of FLUX.1-dev and FLUX.1-schnell, as published (Diffusers layout), and the sizes of files.

Every config of FLUX.1-schnell that `manifests.py` writes has the published SHA-256, so these are the published texts,
byte for byte. FLUX.1-dev differs from it in the scheduler, in `guidance_embeds` and in two `_name_or_path`.
"""

# The same for both.
MODEL_INDEX = {
    "_class_name": "FluxPipeline",
    "_diffusers_version": "0.30.0.dev0",
    "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "text_encoder_2": ["transformers", "T5EncoderModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "tokenizer_2": ["transformers", "T5TokenizerFast"],
    "transformer": ["diffusers", "FluxTransformer2DModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}

SCHEDULERS = {
    "dev": {
        "_class_name": "FlowMatchEulerDiscreteScheduler",
        "_diffusers_version": "0.30.0.dev0",
        "base_image_seq_len": 256,
        "base_shift": 0.5,
        "max_image_seq_len": 4096,
        "max_shift": 1.15,
        "num_train_timesteps": 1000,
        "shift": 3.0,
        "use_dynamic_shifting": True,
    },
    "schnell": {
        "_class_name": "FlowMatchEulerDiscreteScheduler",
        "_diffusers_version": "0.30.0.dev0",
        "base_image_seq_len": 256,
        "base_shift": 0.5,
        "max_image_seq_len": 4096,
        "max_shift": 1.15,
        "num_train_timesteps": 1000,
        "shift": 1.0,
        "use_dynamic_shifting": False,
    },
}

TEXT_ENCODER = {
    "_name_or_path": "openai/clip-vit-large-patch14",
    "architectures": ["CLIPTextModel"],
    "attention_dropout": 0.0,
    "bos_token_id": 0,
    "dropout": 0.0,
    "eos_token_id": 2,
    "hidden_act": "quick_gelu",
    "hidden_size": 768,
    "initializer_factor": 1.0,
    "initializer_range": 0.02,
    "intermediate_size": 3072,
    "layer_norm_eps": 1e-05,
    "max_position_embeddings": 77,
    "model_type": "clip_text_model",
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "pad_token_id": 1,
    "projection_dim": 768,
    "torch_dtype": "bfloat16",
    "transformers_version": "4.43.3",
    "vocab_size": 49408,
}

TEXT_ENCODER_2 = {
    "_name_or_path": "google/t5-v1_1-xxl",
    "architectures": ["T5EncoderModel"],
    "classifier_dropout": 0.0,
    "d_ff": 10240,
    "d_kv": 64,
    "d_model": 4096,
    "decoder_start_token_id": 0,
    "dense_act_fn": "gelu_new",
    "dropout_rate": 0.1,
    "eos_token_id": 1,
    "feed_forward_proj": "gated-gelu",
    "initializer_factor": 1.0,
    "is_encoder_decoder": True,
    "is_gated_act": True,
    "layer_norm_epsilon": 1e-06,
    "model_type": "t5",
    "num_decoder_layers": 24,
    "num_heads": 64,
    "num_layers": 24,
    "output_past": True,
    "pad_token_id": 0,
    "relative_attention_max_distance": 128,
    "relative_attention_num_buckets": 32,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "transformers_version": "4.43.3",
    "use_cache": True,
    "vocab_size": 32128,
}

TRANSFORMERS = {
    "dev": {
        "_class_name": "FluxTransformer2DModel",
        "_diffusers_version": "0.30.0.dev0",
        "_name_or_path": "../checkpoints/flux-dev/transformer",
        "attention_head_dim": 128,
        "guidance_embeds": True,
        "in_channels": 64,
        "joint_attention_dim": 4096,
        "num_attention_heads": 24,
        "num_layers": 19,
        "num_single_layers": 38,
        "patch_size": 1,
        "pooled_projection_dim": 768,
    },
}
TRANSFORMERS["schnell"] = {
    key: value for key, value in TRANSFORMERS["dev"].items() if key != "_name_or_path"
} | {"guidance_embeds": False}

VAE = {
    "_class_name": "AutoencoderKL",
    "_diffusers_version": "0.30.0.dev0",
    "act_fn": "silu",
    "block_out_channels": [128, 256, 512, 512],
    "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"],
    "force_upcast": True,
    "in_channels": 3,
    "latent_channels": 16,
    "latents_mean": None,
    "latents_std": None,
    "layers_per_block": 2,
    "mid_block_add_attention": True,
    "norm_num_groups": 32,
    "out_channels": 3,
    "sample_size": 1024,
    "scaling_factor": 0.3611,
    "shift_factor": 0.1159,
    "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"],
    "use_post_quant_conv": False,
    "use_quant_conv": False,
}
VAES = {"schnell": VAE, "dev": VAE | {"_name_or_path": "../checkpoints/flux-dev"}}

# SHA-256 of FLUX.1-schnell's published files that can be made again without its weights.
DIGESTS = {
    "model_index.json": "24946df21ff25e210486b5f6b14208983a90c9c73f8d48cfa724c0e4e03f7201",
    "scheduler/scheduler_config.json": "b129cebacf8f851867ec5c7c4d3f4bf787e232525a53becf4df5a72278a788d5",
    "text_encoder/config.json": "d79d5c8c6ce85112a923d621a5412886ddbbb0636210fc0f72f450582e675542",
    "text_encoder_2/config.json": "9001e5a8ae0571a362f806b87b6105dd1a15c33dca237b606d2561164109beeb",
    "text_encoder_2/model.safetensors.index.json": "3bacec0f0cf392399d4a385908f67dd73df99c9e9cfee669f148858ba9fbdb0a",
    "transformer/config.json": "397cfb92299488013ec3af6142a2a877366f8d2e44efbb4f3e33479e7960d3d0",
    "transformer/diffusion_pytorch_model.safetensors.index.json":
        "783f857a5872f069e75daf4a5abe5efd6ff9ec2f37d71159767910cebfe048a6",
    "vae/config.json": "bc1e208f414a315365fbecf426838f43b87c9d5c051219e0968a56e2644b2998",
}  # fmt: skip

# Published sizes of the weight files in bytes: header included, so they vouch for every key, shape and dtype.
FILE_SIZES = {
    "text_encoder": [246144352],
    "text_encoder_2": [4994582224, 4530066360],
    "vae": [167666902],
}
TRANSFORMER_SIZES = {
    "dev": [9983040304, 9949328904, 3870584832],
    "schnell": [9962580296, 9949328904, 3870584832],
}

"""The configuration files of the Wan 2.1 and 2.2 checkpoints in the Diffusers layout.

They follow from the public conversion script, the classes that it saves, and what programs that load them log. Wan 2.1
keeps its text encoder in 32 bits, Wan 2.2 in 16. The index of Wan2.1-FLF2V names a whole
`CLIPProcessor` as its image processor, the others of Wan 2.1 a `CLIPImageProcessor`.
"""

OLD, MIDDLE, NEW = "0.33.0.dev0", "0.34.0.dev0", "0.35.0.dev0"

SCHEDULER = {
    "_class_name": "UniPCMultistepScheduler",
    "_diffusers_version": OLD,
    "beta_end": 0.02,
    "beta_schedule": "linear",
    "beta_start": 0.0001,
    "disable_corrector": [],
    "dynamic_thresholding_ratio": 0.995,
    "final_sigmas_type": "zero",
    "flow_shift": 3.0,
    "lower_order_final": True,
    "num_train_timesteps": 1000,
    "predict_x0": True,
    "prediction_type": "flow_prediction",
    "rescale_betas_zero_snr": False,
    "sample_max_value": 1.0,
    "solver_order": 2,
    "solver_p": None,
    "solver_type": "bh2",
    "steps_offset": 0,
    "thresholding": False,
    "timestep_spacing": "linspace",
    "trained_betas": None,
    "use_beta_sigmas": False,
    "use_exponential_sigmas": False,
    "use_flow_sigmas": True,
    "use_karras_sigmas": False,
}
NEW_SCHEDULER = SCHEDULER | {
    "_diffusers_version": NEW, "time_shift_type": "exponential", "use_dynamic_shifting": False,
}  # fmt: skip

TEXT_ENCODER = {
    "_name_or_path": "google/umt5-xxl",
    "architectures": ["UMT5EncoderModel"],
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
    "model_type": "umt5",
    "num_decoder_layers": 24,
    "num_heads": 64,
    "num_layers": 24,
    "output_past": True,
    "pad_token_id": 0,
    "relative_attention_max_distance": 128,
    "relative_attention_num_buckets": 32,
    "scalable_attention": True,
    "tie_word_embeddings": False,
    "tokenizer_class": "T5Tokenizer",
    "torch_dtype": "float32",
    "transformers_version": "4.48.0",
    "use_cache": True,
    "vocab_size": 256384,
}
NEW_TEXT_ENCODER = TEXT_ENCODER | {"torch_dtype": "bfloat16"}

IMAGE_ENCODER = {
    "_name_or_path": "laion/CLIP-ViT-H-14-laion2B-s32B-b79K",
    "architectures": ["CLIPVisionModelWithProjection"],
    "attention_dropout": 0.0,
    "dropout": 0.0,
    "hidden_act": "gelu",
    "hidden_size": 1280,
    "image_size": 224,
    "initializer_factor": 1.0,
    "initializer_range": 0.02,
    "intermediate_size": 5120,
    "layer_norm_eps": 1e-05,
    "model_type": "clip_vision_model",
    "num_attention_heads": 16,
    "num_channels": 3,
    "num_hidden_layers": 32,
    "patch_size": 14,
    "projection_dim": 1024,
    "torch_dtype": "bfloat16",
    "transformers_version": "4.48.0",
}

IMAGE_PROCESSOR = {
    "crop_size": {"height": 224, "width": 224},
    "do_center_crop": True,
    "do_convert_rgb": True,
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_processor_type": "CLIPImageProcessor",
    "image_std": [0.26862954, 0.26130258, 0.27577711],
    "resample": 3,
    "rescale_factor": 0.00392156862745098,
    "size": {"shortest_edge": 224},
}

TRANSFORMER = {
    "_class_name": "WanTransformer3DModel",
    "_diffusers_version": OLD,
    "added_kv_proj_dim": None,
    "attention_head_dim": 128,
    "cross_attn_norm": True,
    "eps": 1e-06,
    "ffn_dim": 13824,
    "freq_dim": 256,
    "image_dim": None,
    "in_channels": 16,
    "num_attention_heads": 40,
    "num_layers": 40,
    "out_channels": 16,
    "patch_size": [1, 2, 2],
    "qk_norm": "rms_norm_across_heads",
    "rope_max_seq_len": 1024,
    "text_dim": 4096,
}
IMAGE = {"in_channels": 36, "image_dim": 1280, "added_kv_proj_dim": 5120}
NEWER = {"_diffusers_version": NEW, "pos_embed_seq_len": None}

VAE_21 = {
    "_class_name": "AutoencoderKLWan",
    "_diffusers_version": OLD,
    "attn_scales": [],
    "base_dim": 96,
    "dim_mult": [1, 2, 4, 4],
    "dropout": 0.0,
    "latents_mean": [
        -0.7571, -0.7089, -0.9113, 0.1075, -0.1745, 0.9653, -0.1517, 1.5508, 0.4134, -0.0715, 0.5517, -0.3632, -0.1922,
        -0.9497, 0.2503, -0.2921,
    ],
    "latents_std": [
        2.8184, 1.4541, 2.3275, 2.6558, 1.2196, 1.7708, 2.6052, 2.0743, 3.2687, 2.1526, 2.8652, 1.5579, 1.6382, 1.1253,
        2.8251, 1.916,
    ],
    "num_res_blocks": 2,
    "temperal_downsample": [False, True, True],
    "z_dim": 16,
}  # fmt: skip
VAE_22 = VAE_21 | {
    "_diffusers_version": NEW,
    "base_dim": 160,
    "clip_output": False,
    "decoder_base_dim": 256,
    "in_channels": 12,
    "is_residual": True,
    "latents_mean": [
        -0.2289, -0.0052, -0.1323, -0.2339, -0.2799, 0.0174, 0.1838, 0.1557, -0.1382, 0.0542, 0.2813, 0.0891, 0.157,
        -0.0098, 0.0375, -0.1825, -0.2246, -0.1207, -0.0698, 0.5109, 0.2665, -0.2108, -0.2158, 0.2502, -0.2055,
        -0.0322, 0.1109, 0.1567, -0.0729, 0.0899, -0.2799, -0.123, -0.0313, -0.1649, 0.0117, 0.0723, -0.2839, -0.2083,
        -0.052, 0.3748, 0.0152, 0.1957, 0.1433, -0.2944, 0.3573, -0.0548, -0.1681, -0.0667,
    ],
    "latents_std": [
        0.4765, 1.0364, 0.4514, 1.1677, 0.5313, 0.499, 0.4818, 0.5013, 0.8158, 1.0344, 0.5894, 1.0901, 0.6885, 0.6165,
        0.8454, 0.4978, 0.5759, 0.3523, 0.7135, 0.6804, 0.5833, 1.4146, 0.8986, 0.5659, 0.7069, 0.5338, 0.4889,
        0.4917, 0.4069, 0.4999, 0.6866, 0.4093, 0.5709, 0.6065, 0.6415, 0.4944, 0.5726, 1.2042, 0.5458, 1.6887,
        0.3971, 1.06, 0.3943, 0.5537, 0.5444, 0.4089, 0.7468, 0.7744,
    ],
    "out_channels": 12,
    "patch_size": 2,
    "scale_factor_spatial": 16,
    "scale_factor_temporal": 4,
    "z_dim": 48,
}  # fmt: skip

TEXT = {
    "scheduler": ["diffusers", "UniPCMultistepScheduler"],
    "text_encoder": ["transformers", "UMT5EncoderModel"],
    "tokenizer": ["transformers", "T5TokenizerFast"],
    "transformer": ["diffusers", "WanTransformer3DModel"],
    "vae": ["diffusers", "AutoencoderKLWan"],
}
TEXT_TO_VIDEO = {"_class_name": "WanPipeline", "_diffusers_version": OLD} | TEXT
IMAGE_TO_VIDEO = {
    "_class_name": "WanImageToVideoPipeline",
    "_diffusers_version": OLD,
    "image_encoder": ["transformers", "CLIPVisionModelWithProjection"],
    "image_processor": ["transformers", "CLIPImageProcessor"],
} | TEXT
EXPERTS = {"transformer_2": ["diffusers", "WanTransformer3DModel"]}
NO_IMAGES = {"image_encoder": [None, None], "image_processor": [None, None]}


def checkpoint(index, transformer, scheduler=SCHEDULER, text_encoder=TEXT_ENCODER, vae=VAE_21):
    """What one repository holds, by component; `transformer_2` has the config of `transformer`."""
    return {"model_index": index, "transformer": transformer, "scheduler": scheduler, "text_encoder": text_encoder,
            "vae": vae}  # fmt: skip


T2V_14B = checkpoint(TEXT_TO_VIDEO, TRANSFORMER)
I2V_480P = checkpoint(IMAGE_TO_VIDEO, TRANSFORMER | IMAGE)
CHECKPOINTS = {
    "wan2.1-t2v-1.3b": checkpoint(
        TEXT_TO_VIDEO, TRANSFORMER | {"num_layers": 30, "num_attention_heads": 12, "ffn_dim": 8960}
    ),
    "wan2.1-t2v-14b": T2V_14B,
    "wan2.1-i2v-14b-480p": I2V_480P,
    "wan2.1-i2v-14b-720p": I2V_480P | {"scheduler": SCHEDULER | {"flow_shift": 5.0}},
    "wan2.1-flf2v-14b-720p": checkpoint(
        IMAGE_TO_VIDEO | {"_diffusers_version": MIDDLE, "image_processor": ["transformers", "CLIPProcessor"]},
        TRANSFORMER | IMAGE | {"_diffusers_version": MIDDLE, "pos_embed_seq_len": 514},
        SCHEDULER | {"_diffusers_version": MIDDLE, "flow_shift": 16.0},
    ),
    "wan2.2-t2v-a14b": checkpoint(
        TEXT_TO_VIDEO | EXPERTS | {"_diffusers_version": NEW, "boundary_ratio": 0.875}, TRANSFORMER | NEWER,
        NEW_SCHEDULER, NEW_TEXT_ENCODER,
    ),
    "wan2.2-i2v-a14b": checkpoint(
        IMAGE_TO_VIDEO | EXPERTS | NO_IMAGES | {"_diffusers_version": NEW, "boundary_ratio": 0.9},
        TRANSFORMER | NEWER | {"in_channels": 36}, NEW_SCHEDULER, NEW_TEXT_ENCODER,
    ),
    "wan2.2-ti2v-5b": checkpoint(
        TEXT_TO_VIDEO | {
            "_diffusers_version": NEW, "boundary_ratio": None, "expand_timesteps": True, "transformer_2": [None, None],
        },
        TRANSFORMER | NEWER | {
            "in_channels": 48, "out_channels": 48, "num_layers": 30, "num_attention_heads": 24, "ffn_dim": 14336,
        },
        NEW_SCHEDULER | {"flow_shift": 5.0}, NEW_TEXT_ENCODER, VAE_22,
    ),
}  # fmt: skip


def has(index, component):
    """Whether the checkpoint has a component: an index may name one as null."""
    return index.get(component, [None])[0] is not None

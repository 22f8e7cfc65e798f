"""The networks of demo-video, the saved checkpoint's layout, and where its numbers come from."""

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanTransformer3DModel
from torch import nn
from transformers import UMT5Config, UMT5EncoderModel

import video_scenes
import video_text

TEXT_WIDTH = 128
HEADS = 6
HEAD_DIM = 32
FLOW_SHIFT = 3.0
TRAIN_TIMESTEPS = 1000
DEFAULTS = {
    "height": video_scenes.HEIGHT,
    "width": video_scenes.WIDTH,
    "num_frames": video_scenes.FRAMES,
    "frame_rate": video_scenes.RATE,
    "num_inference_steps": 20,
    "guidance_scale": 1.0,
}


def build_vae():
    """Wan 2.1's autoencoder, narrow: 16 channels; 8 times smaller images; four frames in one, but for the first."""
    return AutoencoderKLWan(
        base_dim=16,
        z_dim=16,
        dim_mult=[1, 2, 4, 4],
        num_res_blocks=1,
        temperal_downsample=[False, True, True],
        latents_mean=[0.0] * 16,
        latents_std=[1.0] * 16,
    )


def build_umt5(tokens):
    """A narrow UMT5 encoder for a tokenizer of so many tokens."""
    config = UMT5Config(
        vocab_size=-(-tokens // 64) * 64,
        d_model=TEXT_WIDTH,
        d_kv=32,
        num_heads=4,
        d_ff=2 * TEXT_WIDTH,
        num_layers=3,
        dropout_rate=0.0,
        is_encoder_decoder=False,
        use_cache=False,
        pad_token_id=video_text.PAD,
        eos_token_id=video_text.END,
    )
    config._attn_implementation = "eager"
    return UMT5EncoderModel(config)


def build_transformer():
    """A narrow Wan transformer, started as DiT is: every block adds nothing at first."""
    model = WanTransformer3DModel(
        patch_size=(1, 2, 2),
        num_attention_heads=HEADS,
        attention_head_dim=HEAD_DIM,
        in_channels=16,
        out_channels=16,
        text_dim=TEXT_WIDTH,
        freq_dim=128,
        ffn_dim=3 * HEADS * HEAD_DIM,
        num_layers=8,
        cross_attn_norm=True,
        qk_norm="rms_norm_across_heads",
    )
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
    for linear in (model.condition_embedder.time_embedder.linear_1, model.condition_embedder.time_embedder.linear_2):
        nn.init.normal_(linear.weight, std=0.02)
    nn.init.zeros_(model.condition_embedder.time_proj.weight)
    for block in model.blocks:
        nn.init.zeros_(block.scale_shift_table)
        nn.init.zeros_(block.attn2.to_out[0].weight)
    nn.init.zeros_(model.scale_shift_table)
    nn.init.zeros_(model.proj_out.weight)
    return model


def build_scheduler():
    """Wan 2.1's scheduler."""
    return UniPCMultistepScheduler(
        num_train_timesteps=TRAIN_TIMESTEPS,
        prediction_type="flow_prediction",
        use_flow_sigmas=True,
        flow_shift=FLOW_SHIFT,
    )


def save_checkpoint(directory, parts):
    """Write these parts (the tokenizer is already there) in Diffusers' layout, as bfloat16."""
    directory = Path(directory)
    for name, model in parts.items():
        copy = type(model)(model.config) if name == "text_encoder" else type(model).from_config(model.config)
        copy.load_state_dict(model.state_dict())
        copy.to(torch.bfloat16).save_pretrained(directory / name)
    build_scheduler().save_pretrained(directory / "scheduler")
    index = {
        "_class_name": "WanPipeline",
        "_diffusers_version": "0.42.1",
        "_visualgen_defaults": DEFAULTS,
        "scheduler": ["diffusers", "UniPCMultistepScheduler"],
        "text_encoder": ["transformers", "UMT5EncoderModel"],
        "tokenizer": ["transformers", "T5TokenizerFast"],
        "transformer": ["diffusers", "WanTransformer3DModel"],
        "vae": ["diffusers", "AutoencoderKLWan"],
    }
    (directory / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")

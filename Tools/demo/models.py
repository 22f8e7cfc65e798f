"""The networks of the demo model, the saved checkpoint's layout, and where its numbers come from."""

import json
import math
from pathlib import Path

import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, FluxTransformer2DModel
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, T5Config, T5EncoderModel

CLIP_WIDTH = 128
T5_WIDTH = 128
HEADS = 6
HEAD_DIM = 32
DEFAULTS = {"height": 256, "width": 256, "num_inference_steps": 20}


def build_vae():
    """FLUX's autoencoder, narrow: 8 times smaller images of 16 channels."""
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(32, 48, 64, 64),
        layers_per_block=1,
        norm_num_groups=16,
        latent_channels=16,
        sample_size=256,
        scaling_factor=1.0,
        shift_factor=0.0,
        use_quant_conv=False,
        use_post_quant_conv=False,
    )


def build_clip(tokenizer):
    """A narrow CLIP text encoder; only its pooled output is used."""
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=CLIP_WIDTH,
        intermediate_size=2 * CLIP_WIDTH,
        projection_dim=CLIP_WIDTH,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=77,
        hidden_act="quick_gelu",
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return CLIPTextModel(config)


def build_t5(tokenizer):
    """A narrow T5 v1.1 encoder."""
    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=T5_WIDTH,
        d_kv=32,
        num_heads=4,
        d_ff=2 * T5_WIDTH,
        num_layers=3,
        feed_forward_proj="gated-gelu",
        relative_attention_num_buckets=32,
        relative_attention_max_distance=128,
        dropout_rate=0.0,
        is_encoder_decoder=False,
        use_cache=False,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    return T5EncoderModel(config)


def build_transformer():
    """A narrow FLUX transformer, started as DiT is: every block adds nothing at first."""
    model = FluxTransformer2DModel(
        patch_size=1,
        in_channels=64,
        num_layers=2,
        num_single_layers=4,
        attention_head_dim=HEAD_DIM,
        num_attention_heads=HEADS,
        joint_attention_dim=T5_WIDTH,
        pooled_projection_dim=CLIP_WIDTH,
        guidance_embeds=False,
        axes_dims_rope=(8, 12, 12),
    )
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
    for embedder in (model.time_text_embed.timestep_embedder, model.time_text_embed.text_embedder):
        nn.init.normal_(embedder.linear_1.weight, std=0.02)
        nn.init.normal_(embedder.linear_2.weight, std=0.02)
    for block in model.transformer_blocks:
        nn.init.zeros_(block.norm1.linear.weight)
        nn.init.zeros_(block.norm1_context.linear.weight)
    for block in model.single_transformer_blocks:
        nn.init.zeros_(block.norm.linear.weight)
    nn.init.zeros_(model.norm_out.linear.weight)
    nn.init.zeros_(model.proj_out.weight)
    return model


def build_scheduler():
    """FLUX.1-dev's scheduler."""
    return FlowMatchEulerDiscreteScheduler(
        shift=3.0,
        use_dynamic_shifting=True,
        base_shift=0.5,
        max_shift=1.15,
        base_image_seq_len=256,
        max_image_seq_len=4096,
    )


def save_checkpoint(directory, parts):
    """Write these parts (the tokenizers are already there) in Diffusers' layout, as bfloat16."""
    directory = Path(directory)
    for name, model in parts.items():
        copy = type(model).from_config(model.config) if name in ("vae", "transformer") else type(model)(model.config)
        copy.load_state_dict(model.state_dict())
        copy.to(torch.bfloat16).save_pretrained(directory / name)
    build_scheduler().save_pretrained(directory / "scheduler")
    index = {
        "_class_name": "FluxPipeline",
        "_diffusers_version": "0.42.1",
        "_visualgen_defaults": DEFAULTS,
        "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "text_encoder_2": ["transformers", "T5EncoderModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "tokenizer_2": ["transformers", "T5Tokenizer"],
        "transformer": ["diffusers", "FluxTransformer2DModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    (directory / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")


def load_part(name, directory, model):
    """Fill ``model`` with a saved checkpoint's weights, and take over the autoencoder's latent scale."""
    saved = type(model).from_pretrained(Path(directory) / name, dtype=torch.float32)
    model.load_state_dict(saved.state_dict())
    if name == "vae":
        factors = {key: saved.config[key] for key in ("scaling_factor", "shift_factor")}
        model.register_to_config(**factors)


def count_parameters(model):
    return sum(math.prod(p.shape) for p in model.parameters())

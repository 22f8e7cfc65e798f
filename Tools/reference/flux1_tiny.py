"""Makes two tiny random FLUX.1 checkpoints in the Diffusers layout: `flux1-tiny-dev` and `flux1-tiny-schnell`.

They differ in everything that a published or a home-made checkpoint may differ in:

|                     | flux1-tiny-dev                      | flux1-tiny-schnell                  |
|---------------------|-------------------------------------|-------------------------------------|
| guidance embedding  | yes                                 | no                                  |
| scheduler           | FLUX.1-dev's (dynamic shifting)     | FLUX.1-schnell's (shift 1)          |
| transformer         | 2 heads x 16, axes 4 4 8, in 16     | 3 heads x 8, axes 2 4 2, in 64      |
| transformer's files | two shards and an index             | one file                            |
| autoencoder         | 3 levels (factor 4), 4 channels     | 4 levels (factor 8), 16 channels    |
| CLIP's keys         | `text_model.*` and `position_ids`   | as transformers 5 writes them       |
| CLIP's eos_token_id | 2, as published (means: largest id) | the tokenizer's own                 |
| T5's keys           | `shared` and `encoder.embed_tokens` | `shared` alone                      |
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from common import CHECKPOINTS, redraw, save_tensors, write_json

import torch
from diffusers import AutoencoderKL, FluxTransformer2DModel
from safetensors.torch import load_file
from transformers import CLIPTextConfig, CLIPTextModel, T5Config, T5EncoderModel

import tiny_tokenizers
from flux1_published import MODEL_INDEX, SCHEDULERS, TEXT_ENCODER, TEXT_ENCODER_2, TRANSFORMERS, VAE

SIZES = {
    "dev": {
        "clip": {"hidden_size": 24, "intermediate_size": 40, "num_attention_heads": 3, "num_hidden_layers": 2},
        "t5": {"d_model": 20, "d_kv": 6, "num_heads": 4, "d_ff": 36, "num_layers": 2},
        "transformer": {"attention_head_dim": 16, "num_attention_heads": 2, "in_channels": 16,
                        "axes_dims_rope": [4, 4, 8]},
        "vae": {"block_out_channels": [4, 8, 8], "latent_channels": 4},
    },
    "schnell": {
        "clip": {"hidden_size": 16, "intermediate_size": 48, "num_attention_heads": 2, "num_hidden_layers": 2},
        "t5": {"d_model": 28, "d_kv": 8, "num_heads": 3, "d_ff": 32, "num_layers": 3},
        "transformer": {"attention_head_dim": 8, "num_attention_heads": 3, "in_channels": 64,
                        "axes_dims_rope": [2, 4, 2]},
        "vae": {"block_out_channels": [4, 4, 8, 8], "latent_channels": 16},
    },
}  # fmt: skip
SEEDS = {"dev": 1000, "schnell": 2000}


def make_text_encoder(variant, vocabulary):
    """CLIP's text model; attention is sharp enough for word order to matter."""
    config = dict(TEXT_ENCODER) | SIZES[variant]["clip"] | {"vocab_size": vocabulary}
    config["projection_dim"] = config["hidden_size"]
    if variant == "schnell":
        config |= {"bos_token_id": vocabulary - 2, "eos_token_id": vocabulary - 1, "pad_token_id": vocabulary - 1}
    model = CLIPTextModel(CLIPTextConfig(**config))
    gains = {"position_embedding": 0.7, "v_proj.weight": 1.5}
    gains |= {f"{name}_proj.weight": 2 for name in ("q", "k", "out")}
    return redraw(model, SEEDS[variant] + 1, gain=1.2, bias=0.2, gains=gains), config


def make_text_encoder_2(variant, vocabulary):
    """T5's encoder. Its attention has no 1/sqrt(d), hence the small gain of q; the position bias is strong."""
    config = dict(TEXT_ENCODER_2) | SIZES[variant]["t5"] | {"vocab_size": vocabulary}
    config["num_decoder_layers"] = config["num_layers"]
    model = T5EncoderModel(T5Config(**config))
    gains = {"relative_attention_bias": 1.5, ".q.weight": 0.6, ".o.weight": 1.5, "wo.weight": 1.5}
    return redraw(model, SEEDS[variant] + 2, gain=1.2, gains=gains), config


def make_transformer(variant):
    """The denoiser. Modulation comes half from the conditioning and half from its biases."""
    config = dict(TRANSFORMERS[variant]) | SIZES[variant]["transformer"] | {"num_layers": 2, "num_single_layers": 2}
    config["joint_attention_dim"] = SIZES[variant]["t5"]["d_model"]
    config["pooled_projection_dim"] = SIZES[variant]["clip"]["hidden_size"]
    model = FluxTransformer2DModel.from_config(config)
    gains = {
        "norm1.linear.bias": 3, "norm1_context.linear.bias": 3, "norm.linear.bias": 3, "norm_out.linear.bias": 3,
        "timestep_embedder.linear_1.weight": 1.5, "guidance_embedder.linear_1.weight": 1.5,
        "linear.weight": 0.6, "norm_q": 1.7, "norm_k": 1.7, "norm_added": 1.7, "to_v.weight": 1.5, "add_v": 1.5,
        "to_out": 2, "to_add_out": 2, "context_embedder.weight": 1.5, "text_embedder.linear_1.weight": 2,
    }  # fmt: skip
    return redraw(model, SEEDS[variant] + 3, gain=1.2, bias=0.1, gains=gains)


def make_vae(variant):
    """The autoencoder; conv_out is scaled so that images lie within about -1 to 1."""
    config = dict(VAE) | SIZES[variant]["vae"] | {"norm_num_groups": 2, "sample_size": 64}
    levels = len(config["block_out_channels"])
    config["down_block_types"] = ["DownEncoderBlock2D"] * levels
    config["up_block_types"] = ["UpDecoderBlock2D"] * levels
    config |= {"dev": {"scaling_factor": 0.83, "shift_factor": 0.1159},
               "schnell": {"scaling_factor": 0.3611, "shift_factor": -0.21}}[variant]  # fmt: skip
    model = AutoencoderKL.from_config(config)
    gains = {"decoder.conv_out.weight": 0.7, "decoder.conv_out.bias": 0.3}
    return redraw(model, SEEDS[variant] + 4, gain=1.1, bias=0.1, gains=gains)


def save_text_encoder(model, config, folder, tensors=None):
    """Writes a text encoder with a config as published; `tensors` replaces what save_pretrained would store."""
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    write_json(folder / "config.json", config)
    if tensors is not None:
        save_tensors(folder / "model.safetensors", tensors, {"format": "pt"})


def make(variant, folder):
    """Writes one checkpoint into an empty folder."""
    clip_vocabulary = tiny_tokenizers.save_clip(folder / "tokenizer")
    with tempfile.TemporaryDirectory() as scratch:
        t5_vocabulary = tiny_tokenizers.save_t5(folder / "tokenizer_2", Path(scratch))

    clip, clip_config = make_text_encoder(variant, clip_vocabulary)
    old_style = None
    if variant == "dev":
        old_style = {f"text_model.{name}": value for name, value in clip.state_dict().items()}
        old_style["text_model.embeddings.position_ids"] = torch.arange(77)[None]
    save_text_encoder(clip, clip_config, folder / "text_encoder", old_style)

    # As in T5 v1.1 XXL's own file: the vocabulary is padded beyond the tokenizer's.
    t5, t5_config = make_text_encoder_2(variant, t5_vocabulary + 10)
    old_style = None
    if variant == "dev":
        old_style = dict(t5.state_dict())
        old_style["encoder.embed_tokens.weight"] = old_style["shared.weight"]
    save_text_encoder(t5, t5_config, folder / "text_encoder_2", old_style)

    shard = "400KB" if variant == "dev" else "10GB"
    make_transformer(variant).save_pretrained(folder / "transformer", max_shard_size=shard)
    make_vae(variant).save_pretrained(folder / "vae")
    write_json(folder / "scheduler" / "scheduler_config.json", SCHEDULERS[variant])
    write_json(folder / "model_index.json", MODEL_INDEX)
    for component in ("transformer", "vae"):
        path = folder / component / "config.json"
        write_json(path, {key: value for key, value in json.loads(path.read_text()).items() if key != "_name_or_path"})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=CHECKPOINTS)
    output = parser.parse_args().output
    for variant in SIZES:
        folder = output / f"flux1-tiny-{variant}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        make(variant, folder)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        weights = sum(value.numel() for path in folder.rglob("*.safetensors") for value in load_file(path).values())
        print(f"{folder.name}: {size} bytes, {weights} numbers in weights")


if __name__ == "__main__":
    main()

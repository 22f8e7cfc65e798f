"""Makes three tiny random FLUX.2 checkpoints in the Diffusers layout.

|                     | flux2-tiny-dev                     | flux2-tiny-klein          | flux2-tiny-klein-base     |
|---------------------|------------------------------------|---------------------------|---------------------------|
| stands for          | FLUX.2-dev                         | FLUX.2-klein-4B           | FLUX.2-klein-base-9B      |
| is_distilled        |                                    | true                      | false                     |
| text encoder        | Mistral 3, left padding            | Qwen3, tied embeddings    | Qwen3, an lm_head         |
| transformer         | 2 + 2 blocks, 2 heads x 10         | 1 + 3 blocks, 2 x 12      | klein's                   |
| guidance embedding  | yes                                | no                        | no                        |
| sinusoids           | 64 channels                        | 256 channels              | 256 channels              |
| rotary axes         | 2 4 2 2                            | 4 2 2 4                   | 4 2 2 4                   |
| transformer's files | two shards and an index            | one file                  | one file                  |
| autoencoder         | 3 levels (factor 4), 4 channels    | 4 levels (factor 8), 4    | klein's                   |

The text encoders have as many layers as the hidden states 30 and 27 take, and one more, so that neither is the last.
The keys of Mistral 3 are the published ones, from before transformers 5; its vision tower and projector, which no
picture goes through, are tiny.
"""

import argparse
import json
import shutil
from pathlib import Path

from common import CHECKPOINTS, redraw, save_tensors, write_json

import numpy as np
import torch
from diffusers import AutoencoderKLFlux2, Flux2Transformer2DModel
from diffusers.pipelines.flux2.system_messages import SYSTEM_MESSAGE
from safetensors.torch import load_file
from transformers import Mistral3Config, Mistral3ForConditionalGeneration, Qwen3Config, Qwen3ForCausalLM

import flux2_published as published
import tiny_chat_tokenizers as tokenizers

TEXT = {"hidden_size": 12, "head_dim": 6, "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 16}
VISION = {"hidden_size": 8, "head_dim": 4, "num_attention_heads": 2, "intermediate_size": 12, "num_hidden_layers": 1,
          "image_size": 28}  # fmt: skip
SIZES = {
    "dev": {
        "transformer": {"attention_head_dim": 10, "axes_dims_rope": [2, 4, 2, 2], "num_layers": 2,
                        "num_single_layers": 2, "timestep_guidance_channels": 64},
        "vae": {"block_out_channels": [4, 8, 8], "batch_norm_eps": 0.0001},
    },
    "klein": {
        "transformer": {"attention_head_dim": 12, "axes_dims_rope": [4, 2, 2, 4], "num_layers": 1,
                        "num_single_layers": 3},
        "vae": {"block_out_channels": [4, 4, 4, 8], "batch_norm_eps": 0.01},
    },
}  # fmt: skip
SEEDS = {"dev": 3000, "klein": 4000}
# Embeddings that thirty residual branches do not drown, and branches that do not multiply rounding.
TEXT_GAINS = {"q_proj": 1.2, "k_proj": 1.2, "v_proj": 1.5, "o_proj": 0.5, "down_proj": 0.5, "embed_tokens": 3}


def make_mistral(vocabulary):
    """FLUX.2-dev's text encoder and its config."""
    config = published.MISTRAL | {"dtype": "float32"}
    config["text_config"] = config["text_config"] | TEXT | {
        "num_hidden_layers": 31, "vocab_size": vocabulary, "max_position_embeddings": 1024, "dtype": "float32",
    }  # fmt: skip
    config["vision_config"] = config["vision_config"] | VISION | {"dtype": "float32"}
    model = Mistral3ForConditionalGeneration(Mistral3Config(**config))
    return redraw(model, SEEDS["dev"] + 1, gains=TEXT_GAINS), config


def make_qwen(vocabulary, is_tied):
    """klein's text encoder and its config."""
    layers = 28
    config = published.QWEN_3_4B | TEXT | {
        "num_hidden_layers": layers, "layer_types": ["full_attention"] * layers, "max_window_layers": layers,
        "vocab_size": vocabulary, "max_position_embeddings": 1024, "bos_token_id": vocabulary - 36,
        "eos_token_id": vocabulary - 34, "tie_word_embeddings": is_tied, "dtype": "float32",
    }  # fmt: skip
    model = Qwen3ForCausalLM(Qwen3Config(**config))
    return redraw(model, SEEDS["klein"] + 1 + (not is_tied), gains=TEXT_GAINS), config


def published_keys(model):
    """Mistral 3's tensors under the names of before transformers 5."""
    names = {
        "model.language_model.": "language_model.model.", "lm_head.": "language_model.lm_head.",
        "model.vision_tower.": "vision_tower.", "model.multi_modal_projector.": "multi_modal_projector.",
    }  # fmt: skip
    tensors = {}
    for key, value in model.state_dict().items():
        old, new = next((old, new) for old, new in names.items() if key.startswith(old))
        tensors[new + key.removeprefix(old)] = value
    return tensors


def make_transformer(variant):
    """The denoiser. It has no biases: all modulation comes from the timestep (and the guidance)."""
    base = published.CHECKPOINTS["flux2-dev" if variant == "dev" else "flux2-klein-4b"]["transformer"]
    config = base | SIZES[variant]["transformer"] | {
        "num_attention_heads": 2, "in_channels": 16, "joint_attention_dim": 3 * TEXT["hidden_size"],
    }  # fmt: skip
    model = Flux2Transformer2DModel.from_config(config)
    gains = {
        "embedder.linear_1": 1.5, "embedder.linear_2": 1.5, "modulation": 1.2, "norm_out.linear": 0.7,
        "norm_q": 1.6, "norm_k": 1.6, "norm_added": 1.6, "to_v": 1.5, "add_v": 1.5, "to_out": 1.5, "to_add_out": 1.5,
        "linear_out": 1.2,
    }  # fmt: skip
    return redraw(model, SEEDS[variant] + 3, gains=gains)


def make_vae(variant):
    """The autoencoder, with statistics of its latents that differ from channel to channel."""
    config = dict(published.VAE) | SIZES[variant]["vae"] | {
        "norm_num_groups": 2, "sample_size": 64, "latent_channels": 4,
    }  # fmt: skip
    levels = len(config["block_out_channels"])
    config["down_block_types"] = ["DownEncoderBlock2D"] * levels
    config["up_block_types"] = ["UpDecoderBlock2D"] * levels
    model = AutoencoderKLFlux2.from_config({key: value for key, value in config.items() if key != "force_upcast"})
    redraw(model, SEEDS[variant] + 4, gain=1.1, gains={"decoder.conv_out.weight": 0.7, "decoder.conv_out.bias": 0.3})
    random = np.random.Generator(np.random.PCG64(SEEDS[variant] + 5))
    draws = torch.from_numpy(random.standard_normal((2, model.bn.num_features)).astype(np.float32))
    model.bn.running_mean.copy_(0.4 * draws[0])
    model.bn.running_var.copy_((0.6 * draws[1]).exp())
    model.bn.num_batches_tracked.fill_(1000)
    return model, config


def make(variant, folder):
    """Writes dev's or klein's checkpoint into an empty folder."""
    if variant == "dev":
        vocabulary = tokenizers.save_tekken(folder / "tokenizer", SYSTEM_MESSAGE)
        text_encoder, config = make_mistral(vocabulary + 8)
        tensors, index = published_keys(text_encoder), published.FLUX2_DEV_INDEX
    else:
        vocabulary = tokenizers.save_qwen(
            folder / "tokenizer", tokenizers.QWEN_3_WORDS, template=tokenizers.QWEN_3_TEMPLATE
        )
        text_encoder, config = make_qwen(vocabulary + 10, is_tied=True)
        tensors, index = dict(text_encoder.state_dict()), published.KLEIN_INDEX | {"is_distilled": True}
        del tensors["lm_head.weight"]
    save_tensors(folder / "text_encoder" / "model.safetensors", tensors, {"format": "pt"})
    write_json(folder / "text_encoder" / "config.json", config)
    make_transformer(variant).save_pretrained(
        folder / "transformer", max_shard_size="120KB" if variant == "dev" else "10GB"
    )
    vae, vae_config = make_vae(variant)
    vae.save_pretrained(folder / "vae")
    write_json(folder / "vae" / "config.json", vae_config)
    path = folder / "transformer" / "config.json"
    write_json(path, {key: value for key, value in json.loads(path.read_text()).items() if key != "_name_or_path"})
    write_json(folder / "scheduler" / "scheduler_config.json", published.SCHEDULER)
    write_json(folder / "model_index.json", index)


def make_base(klein, folder):
    """Writes the checkpoint that is not distilled: klein's but for the index and the text encoder."""
    shutil.copytree(klein, folder)
    write_json(folder / "model_index.json", published.KLEIN_INDEX | {"is_distilled": False})
    vocabulary = json.loads((folder / "text_encoder" / "config.json").read_text())["vocab_size"]
    text_encoder, config = make_qwen(vocabulary, is_tied=False)
    save_tensors(folder / "text_encoder" / "model.safetensors", text_encoder.state_dict(), {"format": "pt"})
    write_json(folder / "text_encoder" / "config.json", config)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=CHECKPOINTS)
    output = parser.parse_args().output
    folders = {variant: output / f"flux2-tiny-{variant}" for variant in ("dev", "klein", "klein-base")}
    for variant, folder in folders.items():
        shutil.rmtree(folder, ignore_errors=True)
        if variant in SIZES:
            folder.mkdir(parents=True)
            make(variant, folder)
        else:
            make_base(folders["klein"], folder)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        weights = sum(value.numel() for path in folder.rglob("*.safetensors") for value in load_file(path).values())
        print(f"{folder.name}: {size} bytes, {weights} numbers in weights")


if __name__ == "__main__":
    main()

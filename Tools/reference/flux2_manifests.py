"""Writes Tests/Goldens/manifests/flux2-*: the published checkpoints of FLUX.2 without their weights.

As with Wan's (`wan_manifests.py`), each folder has the Diffusers layout: `model_index.json`, the configs, and in the
place of each component's weights `keys.txt`, sorted by key. The keys come from diffusers' and transformers' classes,
built without memory on the meta device.
"""

import common  # noqa: F401

import torch
from diffusers import AutoencoderKLFlux2, Flux2Transformer2DModel
from transformers import Mistral3Config, Mistral3ForConditionalGeneration, Qwen3Config, Qwen3ForCausalLM

from flux2_published import CHECKPOINTS, SCHEDULER, VAE
from flux2_tiny import published_keys
from manifest_folders import keys, text, write_all


def text_encoder_keys(config):
    """Mistral 3's with the names of before transformers 5; Qwen3's without a head where it is tied."""
    if config["model_type"] == "mistral3":
        state = published_keys(Mistral3ForConditionalGeneration(Mistral3Config(**config)))
        return keys(state, torch.bfloat16)
    state = Qwen3ForCausalLM(Qwen3Config(**config)).state_dict()
    return keys(state, torch.bfloat16, tied=["lm_head.weight"] if config["tie_word_embeddings"] else ())


def files(published):
    """The texts of one folder by path."""
    vae = AutoencoderKLFlux2.from_config({key: value for key, value in VAE.items() if key != "force_upcast"})
    transformer = Flux2Transformer2DModel.from_config(published["transformer"])
    return {
        "model_index.json": text(published["model_index"]),
        "scheduler/scheduler_config.json": text(SCHEDULER),
        "text_encoder/config.json": text(published["text_encoder"]),
        "text_encoder/keys.txt": text_encoder_keys(published["text_encoder"]),
        "transformer/config.json": text(published["transformer"]),
        "transformer/keys.txt": keys(transformer.state_dict(), torch.bfloat16),
        "vae/config.json": text(VAE),
        "vae/keys.txt": keys(vae.state_dict(), torch.bfloat16),
    }


if __name__ == "__main__":
    write_all(CHECKPOINTS, files)

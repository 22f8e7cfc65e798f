"""Writes Tests/Goldens/manifests/wan2.*: the published checkpoints of Wan without their weights.

As with FLUX.1's (`manifests.py`), each folder has the Diffusers layout: `model_index.json`, the configs, and in the
place of each component's weights `keys.txt`, one line `key dtype d0,d1,…` per tensor, here sorted by key. The keys come
from diffusers' and transformers' own classes, built without memory on the meta device.
"""

import common  # noqa: F401

import torch
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection, UMT5Config, UMT5EncoderModel

from manifest_folders import keys, text, write_all
from wan_published import CHECKPOINTS, IMAGE_ENCODER, IMAGE_PROCESSOR, has


def transformer_keys(config):
    """Published in 32 bits."""
    return keys(WanTransformer3DModel.from_config(config).state_dict(), torch.float32)


def text_encoder_keys(config):
    """Without the second name of the embeddings."""
    own = {key: value for key, value in config.items() if key != "torch_dtype"}
    dtype = getattr(torch, config["torch_dtype"])
    return keys(UMT5EncoderModel(UMT5Config(**own)).state_dict(), dtype, tied=["encoder.embed_tokens.weight"])


def vae_keys(config):
    """Published in 32 bits."""
    own = {key: value for key, value in config.items() if key[0] != "_" and key != "clip_output"}
    return keys(AutoencoderKLWan(**own).state_dict(), torch.float32)


def image_encoder_keys():
    """With the projection, which no pipeline uses."""
    own = {key: value for key, value in IMAGE_ENCODER.items() if key not in ("torch_dtype", "transformers_version")}
    return keys(CLIPVisionModelWithProjection(CLIPVisionConfig(**own)).state_dict(), torch.bfloat16)


def files(published):
    """The texts of one folder by path."""
    index = published["model_index"]
    transformer = published["transformer"]
    texts = {
        "model_index.json": text(index),
        "scheduler/scheduler_config.json": text(published["scheduler"]),
        "text_encoder/config.json": text(published["text_encoder"]),
        "text_encoder/keys.txt": text_encoder_keys(published["text_encoder"]),
        "transformer/config.json": text(transformer),
        "transformer/keys.txt": transformer_keys(transformer),
        "vae/config.json": text(published["vae"]),
        "vae/keys.txt": vae_keys(published["vae"]),
    }
    if has(index, "transformer_2"):
        texts |= {path.replace("transformer", "transformer_2"): texts[path] for path in list(texts)
                  if path.startswith("transformer/")}  # fmt: skip
    if has(index, "image_encoder"):
        texts |= {
            "image_encoder/config.json": text(IMAGE_ENCODER),
            "image_encoder/keys.txt": image_encoder_keys(),
            "image_processor/preprocessor_config.json": text(IMAGE_PROCESSOR),
        }
    return texts


if __name__ == "__main__":
    write_all(CHECKPOINTS, files)

"""Writes Tests/Goldens/manifests/qwen-image*: the published checkpoints of Qwen-Image without their weights.

As with Wan's (`wan_manifests.py`), each folder has the Diffusers layout: `model_index.json`, the configs, and in the
place of each component's weights `keys.txt`, sorted by key. The keys come from diffusers' and transformers' classes,
built without memory on the meta device.
"""

import common  # noqa: F401

import torch
from diffusers import AutoencoderKLQwenImage, QwenImageTransformer2DModel
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

from manifest_folders import keys, text, write_all
from qwen_image_published import CHECKPOINTS, IMAGE_PROCESSOR, SCHEDULER, VAE, text_encoder
from qwen_image_tiny import published_keys


def files(published):
    """The texts of one folder by path."""
    config = text_encoder()
    model = Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(**config))
    transformer = QwenImageTransformer2DModel.from_config(published["transformer"])
    processor = "processor" in published["model_index"]
    return {
        "model_index.json": text(published["model_index"]),
        "scheduler/scheduler_config.json": text(SCHEDULER),
        "text_encoder/config.json": text(config),
        "text_encoder/keys.txt": keys(published_keys(model), torch.bfloat16),
        "transformer/config.json": text(published["transformer"]),
        "transformer/keys.txt": keys(transformer.state_dict(), torch.bfloat16),
        "vae/config.json": text(VAE),
        "vae/keys.txt": keys(AutoencoderKLQwenImage.from_config(VAE).state_dict(), torch.bfloat16),
    } | ({"processor/preprocessor_config.json": text(IMAGE_PROCESSOR)} if processor else {})


if __name__ == "__main__":
    write_all(CHECKPOINTS, files)

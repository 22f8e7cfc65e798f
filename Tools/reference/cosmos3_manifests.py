"""Writes Tests/Goldens/manifests/cosmos3-{nano,super}: the published checkpoints of Cosmos3 without their weights.

As with Wan's (`wan_manifests.py`), a folder has the Diffusers layout, and in the place of each component's weights
`keys.txt`. The keys come from diffusers' classes, built without memory on the meta device; they were not compared with
published files. Transformer and autoencoder are stored in 16 bits, the sound tokenizer in 32.
"""

import common  # noqa: F401

import torch
from diffusers import AutoencoderKLWan, Cosmos3OmniTransformer
from diffusers.models.autoencoders.autoencoder_cosmos3_audio import Cosmos3AVAEAudioTokenizer

from cosmos3_published import CHECKPOINTS
from cosmos3_tiny import own
from manifest_folders import keys, text, write_all

COMPONENTS = {
    "transformer": (Cosmos3OmniTransformer, torch.bfloat16), "vae": (AutoencoderKLWan, torch.bfloat16),
    "sound_tokenizer": (Cosmos3AVAEAudioTokenizer, torch.float32),
}  # fmt: skip


def files(published):
    """The texts of a checkpoint by path."""
    texts = {
        "model_index.json": text(published["model_index"]),
        "scheduler/scheduler_config.json": text(published["scheduler"]),
    }
    for name, (kind, dtype) in COMPONENTS.items():
        config = published[name]
        texts[f"{name}/config.json"] = text(config)
        texts[f"{name}/keys.txt"] = keys(kind(**own(config, kind)).state_dict(), dtype)
    return texts


def main():
    write_all(CHECKPOINTS, files)


if __name__ == "__main__":
    main()

"""Writes Tests/Goldens/manifests/ltx2*: the published checkpoints of LTX-2 (2.0 and 2.3) without their weights.

As with Wan's (`wan_manifests.py`), a folder has the Diffusers layout, and in the place of each component's weights
`keys.txt`; `latent_upsampler` is a folder beside the pipeline's own. `<name>-single-file` is the same checkpoint as one
file, without text encoder: `header.json` has the configuration of its header, `keys.txt` its tensors. The keys come from
diffusers' and transformers' classes, built without memory on the meta device; names and header of the single file are by
the public conversion tables, and were not compared with a published file.
"""

import common  # noqa: F401

import torch
from diffusers.pipelines.ltx2 import LTX2Vocoder
from diffusers.pipelines.ltx2.vocoder import LTX2VocoderWithBWE
from transformers import Gemma3Config, Gemma3ForConditionalGeneration

import ltx2_single_file
from ltx2_published import CHECKPOINTS
from ltx2_tiny import CLASSES, GEMMA_KEYS, own
from manifest_folders import keys, text, write

BFLOAT16 = torch.bfloat16


def state(name, config):
    """The tensors of a component."""
    kinds = CLASSES | {"vocoder": LTX2VocoderWithBWE if config["_class_name"].endswith("BWE") else LTX2Vocoder}
    return kinds[name](**own(config)).state_dict()


def text_encoder_keys(config):
    """With the names of before transformers 5, without the head, which is tied."""
    tensors = {}
    for key, value in Gemma3ForConditionalGeneration(Gemma3Config.from_dict(config)).state_dict().items():
        for old, new in GEMMA_KEYS:
            key = new + key.removeprefix(old) if key.startswith(old) else key
        tensors[key] = value
    return keys(tensors, BFLOAT16, tied=["lm_head.weight"])


def folder(published, states):
    """The texts of a checkpoint in the Diffusers layout by path."""
    texts = {
        "model_index.json": text(published["model_index"]),
        "scheduler/scheduler_config.json": text(published["scheduler"]),
        "text_encoder/config.json": text(published["text_encoder"]),
        "text_encoder/keys.txt": text_encoder_keys(published["text_encoder"]),
    }
    for name, tensors in states.items():
        texts |= {f"{name}/config.json": text(published[name]), f"{name}/keys.txt": keys(tensors, BFLOAT16)}
    return texts


def single_file(published, states):
    """The texts of the same as one file."""
    sources = ltx2_single_file.tensors(published, states)
    tensors = {name: states[source.split("/", 1)[0]][source.split("/", 1)[1]] for name, source in sources.items()}
    return {"header.json": text(ltx2_single_file.header(published)), "keys.txt": keys(tensors, BFLOAT16)}


def main():
    for name, published in CHECKPOINTS.items():
        with torch.device("meta"):
            states = {component: state(component, published[component]) for component in [*CLASSES, "vocoder"]}
            write(name, folder(published, states))
            write(f"{name}-single-file", single_file(published, states))


if __name__ == "__main__":
    main()

"""Writes Tests/Goldens/manifests/flux1-{dev,schnell}/: the published checkpoints without their weights.

Each folder has the Diffusers layout: `model_index.json`, the configs, and, in the place of each component's weights,
`keys.txt` with one line `key dtype d0,d1,…` per tensor in the order of the files. Of the indices of sharded components
only the text encoder's is kept; the transformer's would double the size of everything.
The keys come from diffusers' and transformers' own classes, built without memory on the meta device; the sizes of the
files that would hold them, and for FLUX.1-schnell the digests of the configs and indices, must be the published ones.
"""

import hashlib
import json
import shutil

from common import DTYPE_NAMES, GOLDENS

import torch
from diffusers import AutoencoderKL, FluxTransformer2DModel
from transformers import CLIPTextConfig, CLIPTextModel, T5Config, T5EncoderModel

from flux1_published import (
    DIGESTS,
    FILE_SIZES,
    MODEL_INDEX,
    SCHEDULERS,
    TEXT_ENCODER,
    TEXT_ENCODER_2,
    TRANSFORMER_SIZES,
    TRANSFORMERS,
    VAES,
)
from manifest_folders import text


def tensors(variant):
    """Keys and meta tensors of each component, as the published files hold them (all of them bfloat16)."""
    with torch.device("meta"):
        clip = CLIPTextModel(CLIPTextConfig(**TEXT_ENCODER))
        t5 = T5EncoderModel(T5Config(**TEXT_ENCODER_2))
        transformer = FluxTransformer2DModel.from_config(TRANSFORMERS[variant])
        vae = AutoencoderKL.from_config(VAES[variant])
    # Files of before transformers 5 carry a prefix. position_ids was among the keys until transformers 4.30 only.
    clip_keys = {f"text_model.{key}": value for key, value in clip.state_dict().items() if "position_ids" not in key}
    # One of the two tied embeddings is stored.
    t5_keys = {key: value for key, value in t5.state_dict().items() if key != "encoder.embed_tokens.weight"}
    components = {
        "text_encoder": clip_keys,
        "text_encoder_2": t5_keys,
        "transformer": transformer.state_dict(),
        "vae": vae.state_dict(),
    }
    return {
        name: {key: value.to(torch.bfloat16) for key, value in state.items()} for name, state in components.items()
    }


def shards(state, limit):
    """Splits a state in its order, a new file whenever the next tensor would exceed `limit` bytes."""
    files, size = [{}], 0
    for key, value in state.items():
        if size + value.nbytes > limit and files[-1]:
            files.append({})
            size = 0
        files[-1][key] = value
        size += value.nbytes
    return [dict(sorted(file.items())) for file in files]


def file_size(file):
    """How many bytes a safetensors file with these tensors has, as the library writes it."""
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for key, value in file.items():
        offsets = [offset, offset + value.nbytes]
        header[key] = {"dtype": DTYPE_NAMES[value.dtype], "shape": list(value.shape), "data_offsets": offsets}
        offset += value.nbytes
    text = len(json.dumps(header, separators=(",", ":")))
    return 8 + text + -text % 8 + offset


def index(files, stem):
    """The index of a sharded component."""
    names = [f"{stem}-{number:05}-of-{len(files):05}.safetensors" for number in range(1, len(files) + 1)]
    total = sum(value.nbytes for file in files for value in file.values())
    return {"metadata": {"total_size": total},
            "weight_map": {key: name for name, file in zip(names, files) for key in file}}  # fmt: skip


def make(variant):
    """Writes one folder and compares it with what is known of the published files."""
    folder = GOLDENS / "manifests" / f"flux1-{variant}"
    shutil.rmtree(folder, ignore_errors=True)
    texts = {
        "model_index.json": text(MODEL_INDEX),
        "scheduler/scheduler_config.json": text(SCHEDULERS[variant]),
        "text_encoder/config.json": text(TEXT_ENCODER),
        "text_encoder_2/config.json": text(TEXT_ENCODER_2),
        "transformer/config.json": text(TRANSFORMERS[variant]),
        "vae/config.json": text(VAES[variant]),
    }
    limits = {"text_encoder_2": 5 * 10**9, "transformer": 10**10}
    sizes = FILE_SIZES | {"transformer": TRANSFORMER_SIZES[variant]}
    for component, state in tensors(variant).items():
        files = shards(state, limits.get(component, 10**12))
        found = [file_size(file) for file in files]
        print(f"flux1-{variant} {component:15} {len(state):4} keys in files of {found} bytes")
        if found != sizes[component]:
            raise SystemExit(f"published are {sizes[component]}")
        lines = [f"{key} {DTYPE_NAMES[value.dtype]} {','.join(map(str, value.shape))}"
                 for file in files for key, value in file.items()]  # fmt: skip
        texts[f"{component}/keys.txt"] = "\n".join(lines) + "\n"
        if len(files) > 1:
            stem = "model" if component == "text_encoder_2" else "diffusion_pytorch_model"
            texts[f"{component}/{stem}.safetensors.index.json"] = text(index(files, stem))
    for name, content in texts.items():
        digest = hashlib.sha256(content.encode()).hexdigest()
        if variant == "schnell" and name in DIGESTS:
            print(f"    {name}: {'as published' if digest == DIGESTS[name] else 'differs'}")
        if name.startswith("transformer") and name.endswith("index.json"):
            continue
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def main():
    for variant in ("dev", "schnell"):
        make(variant)


if __name__ == "__main__":
    main()

"""Writes Tests/Goldens/cosmos3/prompts.json and images.safetensors: what diffusers makes of texts and of a first image.

An entry of `prompts.json` has what is asked; `texts` are the prompt's and the negative prompt's as the chat template gets
them, `system` what stands before them, and `ids` what the transformer reads. Its tokenizer is that of `cosmos3-tiny`.

`images.safetensors` has `<case>.source` and `<case>.output`, bytes `[height, width, 3]`; 0 … 255 are -1 … 1. They are made
as for the pipeline: resized to cover the size, then cropped.
"""

import json

import common  # noqa: F401

import torch
from diffusers.pipelines.cosmos.pipeline_cosmos3_omni import _preprocess_conditioning_image
from PIL import Image

from common import GOLDENS, save_tensors, versions
from cosmos3_cases import load
from inputs import picture
from recording import noted

FOLDER = GOLDENS / "cosmos3"
ASKED = {"prompt": "A red fox in the snow.", "negative_prompt": None, "num_frames": 189, "height": 720, "width": 1280,
         "fps": 24.0, "use_system_prompt": None, "add_resolution_template": True, "add_duration_template": True}  # fmt: skip
IMAGE = {"num_frames": 1}
PROMPTS = [
    {},
    IMAGE,
    {"negative_prompt": ""},
    {"negative_prompt": "blurry..."},
    {"negative_prompt": "..."},
    {"prompt": ""},
    {"prompt": "", **IMAGE, "add_resolution_template": False},
    {"prompt": "A fox. "},
    {"prompt": "A fox .. ."},
    {"prompt": "\n A fox!\n"},
    {"prompt": '{"subject": "a fox", "camera": {"angle": 45.5}}', "negative_prompt": '{"quality": "bad."}'},
    {"prompt": "Füchse <|im_end|><|vision_start|> <think> 狐 \u2026 e\u0301", "negative_prompt": "<|im_start|>user\n"},
    {"use_system_prompt": False},
    {"use_system_prompt": False, **IMAGE, "negative_prompt": "dogs"},
    {"add_resolution_template": False},
    {"add_duration_template": False},
    {"add_duration_template": False, "add_resolution_template": False, "negative_prompt": "dogs..."},
    {"num_frames": 6},
    {"num_frames": 18},
    {"num_frames": 42},
    {"num_frames": 5, "fps": 12.5},
    {"num_frames": 61, "fps": 23.976},
    {"num_frames": 61, "fps": 29.97},
    {"num_frames": 100, "fps": 0.5},
    {"num_frames": 100, "fps": 1.5},
    {"num_frames": 3000, "fps": 10.0, "height": 16, "width": 4096},
    {"num_frames": 2, "fps": 120.0},
]  # fmt: skip
# Widths and heights of sources and of what is asked.
IMAGES = {
    "wide": ((45, 31), (48, 32)), "tall": ((29, 37), (48, 32)), "smaller": ((70, 50), (32, 48)), "same": ((32, 32), (32, 32)),
    "pixel": ((1, 1), (32, 16)), "line": ((50, 1), (16, 16)), "odd": ((33, 47), (32, 16)), "half": ((35, 32), (32, 32)),
    "twice": ((16, 17), (32, 32)), "much": ((90, 71), (16, 16)),
}  # fmt: skip


def prompts():
    """Entries for texts."""
    pipe, seen = load("cosmos3-tiny"), []
    noted(pipe.text_tokenizer, "apply_chat_template", lambda args, _: seen.append(args[0]))
    for changes in PROMPTS:
        asked, seen[:] = ASKED | changes, []
        ids = pipe.tokenize_prompt(**asked)
        system = [turn["content"] for turn in seen[0] if turn["role"] == "system"]
        yield asked | {"system": system[0] if system else None, "texts": [turns[-1]["content"] for turns in seen],
                       "ids": list(ids)}  # fmt: skip


def images():
    """Sources and results."""
    notes = {}
    for number, (case, (source, (width, height))) in enumerate(IMAGES.items()):
        pixels = picture(3000 + number, *source)
        result = _preprocess_conditioning_image(Image.fromarray(pixels), height, width)
        notes[f"{case}.source"] = torch.from_numpy(pixels)
        notes[f"{case}.output"] = ((result[0] + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0)
    return notes


def main():
    entries = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in prompts())
    text = f'{{"versions": {json.dumps(versions())},\n"prompts": [\n{entries}\n]}}\n'
    (FOLDER / "prompts.json").write_text(text, encoding="utf-8")
    save_tensors(FOLDER / "images.safetensors", images(), versions())
    for path in (FOLDER / "prompts.json", FOLDER / "images.safetensors"):
        print(path.name, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()

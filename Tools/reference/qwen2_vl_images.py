"""Writes Tests/Goldens/qwen2-vl/images.safetensors: what Qwen2-VL's image processor makes of images of many sizes.

`<case>.input` and `<case>.resized` are `[height, width, 3]` in bytes, before and after the processor's own resizing;
`<case>.pixel_values` and `<case>.image_grid_thw` are what it gives. The metadata `configs` has the processor's
`preprocessor_config.json` of each case. It is transformers' processor on Pillow, which its pipelines use where there is
no torchvision.
"""

import json

from common import GOLDENS, save_tensors, versions

import numpy as np
import torch
from PIL import Image
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from inputs import picture
from recording import noted

# Patches as the tiny checkpoints have them, so that images may be small, each for one frame.
SMALL = {"patch_size": 4, "temporal_patch_size": 1, "size": {"shortest_edge": 256, "longest_edge": 1300}}
# By case: width and height, and what is not as published. A cell is 8 x 8 pixels, of the published 28 x 28.
CASES = {
    "published": ((40, 40), {}),
    "odd": ((37, 23), SMALL),
    "same": ((24, 16), SMALL),
    "columns": ((37, 24), SMALL),
    "rows": ((24, 37), SMALL),
    "dot": ((1, 1), SMALL),
    "tiny": ((3, 2), SMALL),
    "line": ((1, 9), SMALL),
    "halves": ((20, 12), SMALL),
    "wide": ((95, 6), SMALL),
    "upright": ((5, 61), SMALL),
    "narrowest": ((200, 1), SMALL),
    "shrunk": ((97, 83), SMALL),
    "far-shrunk": ((101, 78), SMALL | {"size": {"shortest_edge": 64, "longest_edge": 128}}),
    "least": ((21, 19), SMALL | {"size": {"shortest_edge": 900, "longest_edge": 1300}}),
    "old-names": ((21, 17), {"patch_size": 4, "min_pixels": 300, "max_pixels": 450, "temporal_patch_size": 2}),
    "cells-of-one": ((30, 22), SMALL | {"patch_size": 6, "merge_size": 1}),
    "cells-of-three": ((19, 13), SMALL | {"patch_size": 2, "merge_size": 3, "temporal_patch_size": 3}),
    "lanczos": ((37, 23), SMALL | {"resample": 1}),
    "scale": ((19, 23), SMALL | {"rescale_factor": 1 / 127.5, "image_mean": [1.0, 0.9, 1.1], "image_std": [1, 2, 0.3]}),
    "not-normalised": ((19, 23), SMALL | {"do_normalize": False}),
    "not-rescaled": ((19, 23), SMALL | {"do_rescale": False}),
}  # fmt: skip


def write_case(notes, name, seed):
    """A case's tensors and its configuration."""
    (width, height), options = CASES[name]
    processor = Qwen2VLImageProcessorPil(**options)
    pixels, resized = picture(seed, width, height), []
    undo = noted(processor, "resize", lambda _, result: resized.append(result))
    result = processor(Image.fromarray(pixels), return_tensors="pt")
    undo()
    if resized[0].dtype != np.uint8:
        raise SystemExit(f"{name}: not resized in bytes")
    notes |= {
        f"{name}.input": torch.from_numpy(pixels),
        f"{name}.resized": torch.from_numpy(resized[0].transpose(1, 2, 0).copy()),
        f"{name}.pixel_values": result.pixel_values,
        f"{name}.image_grid_thw": result.image_grid_thw,
    }
    return {key: value for key, value in processor.to_dict().items() if value is not None}


def main():
    notes = {}
    configs = {name: write_case(notes, name, 100 + number) for number, name in enumerate(CASES)}
    path = GOLDENS / "qwen2-vl" / "images.safetensors"
    save_tensors(path, notes, {"configs": json.dumps(configs), "pillow": Image.__version__} | versions())
    print(path.name, path.stat().st_size, "bytes")
    for name in CASES:
        shapes = [list(notes[f"{name}.{end}"].shape) for end in ("input", "resized", "pixel_values")]
        print(f"    {name:16} {shapes}")


if __name__ == "__main__":
    main()

"""Writes what image to video takes from images: Tests/Goldens/wan/image.safetensors and checkpoints/wan-tiny-image.

The golden has small pictures with what Pillow's `resize` makes of them in several sizes (`resize.<case>`), what CLIP's
image processor makes of them (`processor.<case>`), and the states of a tiny random CLIP vision model with either
activation (`vision.<activation>.*`). The checkpoint folder holds the models, and the processor's file.

    python Tools/reference/wan_image.py
"""

from common import CHECKPOINTS, GOLDENS, redraw, save_tensors, versions, write_json

import numpy as np
import torch
from PIL import Image
from transformers import CLIPVisionConfig, CLIPVisionModel
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from inputs import picture

FILTERS = {"lanczos": Image.Resampling.LANCZOS, "bicubic": Image.Resampling.BICUBIC}
SIZES = [(37, 23), (74, 46), (20, 41), (16, 16), (37, 5), (3, 23), (1, 1), (111, 2), (35, 22), (31, 11), (31, 10)]


def resizing(notes):
    """One image in many sizes, and one that shrinks far."""
    for name, pixels in (("small", picture(1, 37, 23)), ("large", picture(2, 150, 121))):
        notes[f"resize.{name}"] = torch.from_numpy(pixels)
        for filter_name, number in FILTERS.items():
            for width, height in SIZES if name == "small" else [(17, 13)]:
                resized = Image.fromarray(pixels).resize((width, height), number)
                notes[f"resize.{name}.{filter_name}.{width}x{height}"] = torch.from_numpy(np.array(resized))


def processing(notes):
    """Both directions of a rectangle, enlarged and shrunk; crops with and without a margin."""
    cases = {
        "upright": (picture(3, 30, 47), {}),
        "lying": (picture(4, 61, 33), {}),
        "enlarged": (picture(5, 19, 11), {}),
        "square": (picture(6, 20, 20), {}),
        "fixed": (picture(7, 31, 22), {"size": {"height": 21, "width": 25}}),
        "margin": (picture(8, 31, 22), {"size": {"shortest_edge": 15}, "crop_size": {"height": 20, "width": 18}}),
        "plain": (picture(9, 31, 22), {"do_resize": False, "do_normalize": False}),
    }
    for name, (pixels, options) in cases.items():
        options = {"size": {"shortest_edge": 20}, "crop_size": {"height": 20, "width": 20}} | options
        processor = CLIPImageProcessorPil(**options)
        values = processor(Image.fromarray(pixels), return_tensors="pt").pixel_values
        notes[f"processor.{name}.input"], notes[f"processor.{name}"] = torch.from_numpy(pixels), values
        config = {key: value for key, value in processor.to_dict().items() if value is not None}
        write_json(CHECKPOINTS / "wan-tiny-image" / f"processor-{name}.json", config)


def vision(notes):
    """Patches that leave a margin, widths that are no power of two, and a batch of two."""
    for seed, activation in ((11, "gelu"), (12, "quick_gelu")):
        config = CLIPVisionConfig(
            hidden_size=24, intermediate_size=40, num_hidden_layers=3, num_attention_heads=3, image_size=20,
            patch_size=6, hidden_act=activation, projection_dim=16,
        )  # fmt: skip
        model = redraw(CLIPVisionModel(config), seed, gains={"class_embedding": 1.0})
        folder = CHECKPOINTS / "wan-tiny-image" / activation
        write_json(folder / "config.json", config.to_dict())
        # The published checkpoints have the prefix, which this version of the library no longer writes.
        prefix = "vision_model." if activation == "gelu" else ""
        state = {prefix + name: value for name, value in model.state_dict().items()}
        save_tensors(folder / "model.safetensors", state, {"format": "pt"})
        pixels = torch.stack([notes["processor.upright"][0], notes["processor.lying"][0]])
        result = model(pixels, output_hidden_states=True)
        notes[f"vision.{activation}.input"] = pixels
        notes[f"vision.{activation}.first"] = result.hidden_states[0]
        notes[f"vision.{activation}.output"] = result.hidden_states[-2]
        assert len(result.hidden_states) == 4


@torch.no_grad()
def main():
    notes = {}
    resizing(notes)
    processing(notes)
    vision(notes)
    path = GOLDENS / "wan" / "image.safetensors"
    save_tensors(path, notes, versions() | {"pillow": Image.__version__})
    print(path.name, path.stat().st_size, "bytes")
    for name, value in notes.items():
        print(f"    {name:40} {list(value.shape)} {float(value.float().abs().max()):.3f}")


if __name__ == "__main__":
    main()

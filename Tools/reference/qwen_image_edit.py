"""Writes Tests/Goldens/qwen-image-edit/<case>.safetensors: requests of Qwen-Image's pipelines of edits, stage by stage.

As `qwen_image_goldens.py`, in float64 from float32 noise. sizes.json has what the pipeline does to images of many sizes
with its own areas.
"""

import json

from common import write_json

from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit_plus

import qwen_image_edit_cases
import qwen_image_exact
from flux2_goldens import SIZES
from image_goldens import Goldens, asked_cases
from qwen_image_edit_cases import FOLDER, Recorder, areas, load


class Exact(qwen_image_exact.Exact):
    """The pipeline of one checkpoint in float64; the vision tower's angles are float32 as the others are."""

    recorder, load = Recorder, staticmethod(load)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        rotary = self.pipe.text_encoder.model.visual.rotary_pos_emb
        self.mode.fixed_angles(rotary, rotary.config.rope_parameters["rope_theta"], 2 * len(rotary.inv_freq))


def sizes(width, height):
    """What the pipeline and the published processor make of a reference of this size."""
    dimensions = pipeline_qwenimage_edit_plus.calculate_dimensions
    condition, vae = dimensions(384 * 384, width / height), dimensions(1024 * 1024, width / height)
    return {"width": width, "height": height, "text_encoder": condition, "autoencoder": vae}


def main():
    cases = asked_cases(__doc__, qwen_image_edit_cases.CASES)
    goldens = Goldens(
        qwen_image_edit_cases, Exact, metadata=lambda asked: {"areas": json.dumps(areas(asked["model"]))}
    )
    if goldens.write_all(cases, ["two", "zero-two-guided"], noises=["own_noise"]):
        write_json(FOLDER / "sizes.json", [sizes(*size) for size in SIZES])


if __name__ == "__main__":
    main()

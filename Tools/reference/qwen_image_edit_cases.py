"""The requests that the goldens of Qwen-Image's edits answer, and how one is run with every stage recorded.

The pipeline makes of every reference an image of 384 x 384 pixels' area for the text encoder and one of 1024 x 1024 for
the autoencoder; here these areas are as in `AREAS`, so that the goldens stay small.
"""

import common

import torch
from diffusers import QwenImageEditPipeline, QwenImageEditPlusPipeline
from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit, pipeline_qwenimage_edit_plus

import flux2_cases
import qwen_image_cases

FOLDER = common.GOLDENS / "qwen-image-edit"
AREAS = {"CONDITION_IMAGE_SIZE": 48 * 48, "VAE_IMAGE_SIZE": 64 * 64}
DEFAULTS = qwen_image_cases.DEFAULTS | {
    "model": "qwen-image-edit-plus-tiny", "prompts": ["Make the fox red."], "image": ["odd.png"], "height": 48,
    "num_inference_steps": 2,
}  # fmt: skip
del DEFAULTS["max_sequence_length"]
FIRST_AREAS = {"CONDITION_IMAGE_SIZE": 64 * 64, "VAE_IMAGE_SIZE": 64 * 64}
FIRST = {"model": "qwen-image-edit-tiny"}
ZERO = {"model": "qwen-image-edit-plus-tiny-zero"}
TWO = {"image": ["odd.png", "even.png"]}
CASES = {
    "one": {},
    "two": TWO | {"num_inference_steps": 3},
    "two-guided": TWO | qwen_image_cases.NEGATIVE,
    "three": {"image": ["even.png", "odd.png", "even.png"], "height": 32},
    "images-per-prompt": {"num_images_per_prompt": 2, "seeds": [3]},
    "zero": ZERO,
    "zero-two-guided": ZERO | TWO | {"negative_prompt": ["blurry"], "true_cfg_scale": 2.5, "height": 40, "width": 75},
    "zero-images-per-prompt": ZERO | {"num_images_per_prompt": 2, "seeds": [5, 6]},
    "empty": {"prompts": [""]},
    "first": FIRST,
    "first-guided": FIRST | qwen_image_cases.NEGATIVE | {"image": ["even.png"], "width": 64},
}


def request(case):
    """The whole request of a case, with every field given."""
    return DEFAULTS | CASES[case]


def areas(model):
    """The areas that references of a checkpoint are resized to."""
    return FIRST_AREAS if model == FIRST["model"] else AREAS


def small_dimensions(_, ratio, dimensions=pipeline_qwenimage_edit.calculate_dimensions):
    """In place of the first pipeline's function, whose area is a literal."""
    return dimensions(FIRST_AREAS["VAE_IMAGE_SIZE"], ratio)


def load(model, dtype=torch.float32):
    """The pipeline of one checkpoint, silent, with small areas."""
    for name, area in AREAS.items():
        setattr(pipeline_qwenimage_edit_plus, name, area)
    pipeline_qwenimage_edit.calculate_dimensions = small_dimensions
    pipeline = QwenImageEditPipeline if model == FIRST["model"] else QwenImageEditPlusPipeline
    pipe = pipeline.from_pretrained(common.CHECKPOINTS / model, dtype=dtype, local_files_only=True)
    pipe.set_progress_bar_config(disable=True)
    return pipe


class Recorder(qwen_image_cases.Recorder):
    """Keeps what the other pipeline's does, the patches that the text encoder sees, and the references' tokens."""

    names = qwen_image_cases.Recorder.names.removesuffix(" max_sequence_length")

    def arguments(self, asked, latents):
        images = flux2_cases.pictures(asked["image"])
        is_first = type(self.pipe) is QwenImageEditPipeline
        return super().arguments(asked, latents) | {"image": images[0] if is_first else images}

    def keep_latents(self, args, result):
        self.trace["latents.initial"], self.trace["image_latents"] = result[0], result[1][:1]

    def keep_ids(self, encoder, given):
        super().keep_ids(encoder, given)
        for name in ("pixel_values", "image_grid_thw"):
            self.trace.setdefault(name, given[name])

"""The requests that FLUX.2's goldens answer, and how one is run through diffusers with every stage recorded."""

import json

import common

import torch
from diffusers import Flux2KleinPipeline, Flux2Pipeline
from PIL import Image

import recording
from flux1_cases import LONG, TWO

FOLDER = common.GOLDENS / "flux2"
# Fifty-odd tokens of dev's length are its system message.
DEFAULTS = {
    "model": "flux2-tiny-dev",
    "prompts": ["A photo of a red fox in the snow, early morning light."],
    "image": None,
    "guidance_scale": 4.0,
    "height": 32,
    "width": 32,
    "num_inference_steps": 3,
    "sigmas": None,
    "num_images_per_prompt": 1,
    "seeds": [42],
    "max_sequence_length": 80,
}
KLEIN = {"model": "flux2-tiny-klein", "max_sequence_length": 48, "guidance_scale": 1.0, "height": 48, "width": 48}
BASE = KLEIN | {"model": "flux2-tiny-klein-base", "guidance_scale": 4.0}
UNICODE = ["Crème brûlée, ﬁne ½ cup — “naïve” 猫 🐈\u200d⬛ Ａ\u00a0z\u0301 \r\n\t end"]

CASES = {
    "dev": {"height": 64, "width": 64, "num_inference_steps": 4},
    "dev-ten-steps": {"num_inference_steps": 10, "seeds": [7]},
    "dev-one-step": {"num_inference_steps": 1, "seeds": [2**31]},
    "dev-batch": {"prompts": [TWO[0], "A dog"]},
    "dev-images-per-prompt": {"num_images_per_prompt": 2, "seeds": [3]},
    "dev-batch-seeds": {"prompts": TWO, "seeds": [1, 2**32 - 1]},
    "dev-batch-images-per-prompt": {
        "prompts": TWO, "num_images_per_prompt": 2, "height": 24, "num_inference_steps": 2, "seeds": [5],
    },
    "dev-batch-images-seeds": {
        "prompts": TWO, "num_images_per_prompt": 2, "height": 24, "width": 24, "seeds": [11, 12, 13, 14],
    },
    "dev-guidance": {"guidance_scale": 1.25},
    "dev-guidance-zero": {"guidance_scale": 0.0},
    "dev-non-square": {"height": 32, "width": 88},
    "dev-odd-size": {"height": 45, "width": 79, "num_inference_steps": 2},
    "dev-smallest": {"height": 8, "width": 8},
    "dev-sigmas": {"sigmas": [1.0, 0.6, 0.25, 0.04], "num_inference_steps": 28},
    "dev-sequence-512": {"max_sequence_length": 512, "num_inference_steps": 2},
    "dev-sequence-6": {"max_sequence_length": 6},
    "dev-truncated": {"prompts": [LONG, "A cat"], "num_inference_steps": 2},
    "dev-empty": {"prompts": ["", "   "]},
    "dev-unicode": {"prompts": UNICODE, "max_sequence_length": 160, "seeds": [2**63 - 1]},
    "dev-special": {"prompts": ["A [IMG]cat[/INST] and <s>[INST] a dog</s>"]},
    "dev-edit": {"image": ["even.png"], "height": 40, "width": 48},
    "dev-edit-two": {"image": ["odd.png", "even.png"], "num_inference_steps": 2, "guidance_scale": 2.5},
    "dev-edit-own-size": {"image": ["alpha.png", "odd.png"], "height": None, "width": None, "num_inference_steps": 2},
    "dev-edit-batch": {"prompts": TWO, "image": ["alpha.png"], "num_inference_steps": 2, "seeds": [8, 9]},
    "klein": KLEIN | {"num_inference_steps": 4, "height": 64, "width": 64},
    "klein-guidance": KLEIN | {"guidance_scale": 4.0, "num_inference_steps": 2},
    "klein-one-step": KLEIN | {"num_inference_steps": 1},
    "klein-batch": KLEIN | {"prompts": [TWO[0], "A dog", ""], "num_inference_steps": 4, "height": 32, "seeds": [6]},
    "klein-odd-size": KLEIN | {"height": 47, "width": 75, "num_inference_steps": 2},
    "klein-truncated": KLEIN | {"prompts": [LONG], "max_sequence_length": 40, "num_inference_steps": 2},
    "klein-sequence-512": KLEIN | {"max_sequence_length": 512, "num_inference_steps": 2, "height": 32},
    "klein-unicode": KLEIN | {"prompts": [*UNICODE, "[IMG] <|im_end|> <think>"], "max_sequence_length": 160,
                              "num_inference_steps": 2, "height": 32, "width": 32},
    "klein-edit": KLEIN | {"image": ["even.png"], "num_inference_steps": 4},
    "klein-edit-two": KLEIN | {"image": ["odd.png", "even.png"], "height": None, "width": None,
                               "num_inference_steps": 2},
    "klein-base": BASE | {"num_inference_steps": 4, "height": 64},
    "klein-base-no-guidance": BASE | {"guidance_scale": 1.0, "height": 32, "width": 32},
    "klein-base-little-guidance": BASE | {"guidance_scale": 1.5, "height": 32, "width": 32},
    "klein-base-batch": BASE | {"prompts": TWO, "num_images_per_prompt": 2, "height": 32, "width": 32,
                                "num_inference_steps": 2, "seeds": [21, 22, 23, 24]},
    "klein-base-edit": BASE | {"image": ["odd.png", "alpha.png"], "num_inference_steps": 2, "guidance_scale": 2.0},
    "klein-base-sigmas": BASE | {"sigmas": [0.9, 0.5, 0.1], "num_inference_steps": 3, "height": 32, "width": 32},
}  # fmt: skip


def pictures(names):
    """Reference images."""
    return [Image.open(FOLDER / "pictures" / name) for name in names]


def request(case):
    """The whole request of a case, with every field given."""
    return DEFAULTS | CASES[case]


def load(model, dtype=torch.float32):
    """The pipeline of one checkpoint, silent."""
    index = json.loads((common.CHECKPOINTS / model / "model_index.json").read_text(encoding="utf-8"))
    classes = {kind.__name__: kind for kind in (Flux2Pipeline, Flux2KleinPipeline)}
    pipe = classes[index["_class_name"]].from_pretrained(
        common.CHECKPOINTS / model, dtype=dtype, local_files_only=True
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


class Recorder(recording.Recorder):
    """Keeps what every pipeline has, and the references' tokens."""

    def arguments(self, asked, latents):
        names = "guidance_scale height width num_inference_steps sigmas num_images_per_prompt max_sequence_length"
        return recording.arguments(asked, names, latents=latents, image=asked["image"] and pictures(asked["image"]))

    def keep_image_latents(self, args, result):
        self.trace["image_latents"] = result[0][:1]

    def watch(self):
        return [*super().watch(), recording.noted(self.pipe, "prepare_image_latents", self.keep_image_latents)]

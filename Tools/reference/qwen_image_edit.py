"""Writes Tests/Goldens/qwen-image-edit/<case>.safetensors: requests of Qwen-Image's pipelines of edits, stage by stage.

As `qwen_image_goldens.py`, in float64 from float32 noise. The pipeline makes of every reference an image of 384 x 384
pixels' area for the text encoder and one of 1024 x 1024 for the autoencoder; here these areas are as in `AREAS`, so
that the goldens stay small. sizes.json has what it does to images of many sizes with the true ones.
"""

import argparse
import json

import common
from common import save_tensors, versions, write_json

import torch
from diffusers import QwenImageEditPipeline, QwenImageEditPlusPipeline
from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit, pipeline_qwenimage_edit_plus
from PIL import Image

import flux2_cases
import qwen_image_cases
import qwen_image_exact
from exact import distance
from floors import floors, record, stored
from flux2_goldens import SIZES

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
BFLOAT16_CASES = ["two", "zero-two-guided"]


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

    def __init__(self, pipe):
        super().__init__(pipe)
        is_first = type(pipe) is QwenImageEditPipeline
        self.module = pipeline_qwenimage_edit if is_first else pipeline_qwenimage_edit_plus

    def keep_latents(self, args, result):
        self.trace["latents.initial"], self.trace["image_latents"] = result[0], result[1][:1]

    def keep_ids(self, module, args, kwargs):
        super().keep_ids(module, args, kwargs)
        for name in ("pixel_values", "image_grid_thw"):
            self.trace.setdefault(name, kwargs[name])

    def arguments(self, asked, latents):
        images = [Image.open(flux2_cases.FOLDER / "pictures" / name) for name in asked["image"]]
        own = qwen_image_cases.arguments(asked | {"max_sequence_length": 512}, latents)
        return own | {"image": images[0] if type(self.pipe) is QwenImageEditPipeline else images}


class Exact(qwen_image_exact.Exact):
    """The pipeline of one checkpoint in float64; the vision tower's angles are float32 as the others are."""

    recorder = Recorder
    load = staticmethod(load)

    def __init__(self, model, dtype=torch.float64):
        super().__init__(model, dtype)
        rotary = self.pipe.text_encoder.model.visual.rotary_pos_emb
        self.mode.fixed_angles(rotary, rotary.config.rope_parameters["rope_theta"], 2 * len(rotary.inv_freq))


def sizes(width, height):
    """What the pipeline and the published processor make of a reference of this size."""
    dimensions = pipeline_qwenimage_edit_plus.calculate_dimensions
    condition, vae = dimensions(384 * 384, width / height), dimensions(1024 * 1024, width / height)
    return {"width": width, "height": height, "text_encoder": condition, "autoencoder": vae}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", help="which cases to write; all if none is named")
    cases = parser.parse_args().cases or list(CASES)
    distances = {}
    for case in cases:
        asked = request(case)
        drawn = Recorder(load(asked["model"])).run(asked)
        truth = Exact(asked["model"]).run(asked, drawn["latents.initial"])
        for name in ("sigmas", "timesteps"):
            if not (truth[name].dtype == torch.float32 and truth[name].equal(drawn[name])):
                raise SystemExit(f"{case}: other {name} in float64")
        golden = stored(truth | {"noise": drawn["noise"]})
        if not all(value.isfinite().all() for value in golden.values()):
            raise SystemExit(f"{case}: not finite")
        path = FOLDER / f"{case}.safetensors"
        metadata = {"request": json.dumps(asked, ensure_ascii=False), "case": case}
        metadata["areas"] = json.dumps(areas(asked["model"]))
        save_tensors(path, golden, metadata | versions())
        found = floors(Exact(asked["model"], torch.float32).run(asked, drawn["latents.initial"]), truth)
        record(FOLDER, {case: found})
        print(f"{case:24} {path.stat().st_size:7} bytes  text {list(golden['prompt_embeds'].shape)} references "
              f"{list(golden['image_latents'].shape)} floor {max(found.values()):.1e}", flush=True)  # fmt: skip
        if case in BFLOAT16_CASES:
            last = f"latents.step{len(golden['timesteps']) - 1}"
            run = Recorder(load(asked["model"], torch.bfloat16)).run(asked)
            stages = {"decoded": "decoded", "latents": last}
            distances[case] = {"own_noise": {key: distance(run[stage], golden[stage]) for key, stage in stages.items()}}
    if set(BFLOAT16_CASES) <= set(cases):
        write_json(FOLDER / "bfloat16.json", {"versions": versions(), "cases": distances})
        write_json(FOLDER / "sizes.json", [sizes(*size) for size in SIZES])


if __name__ == "__main__":
    main()

"""The requests that Qwen-Image's goldens answer, and how one is run through diffusers with every stage recorded."""

import common

import numpy as np
import torch
from diffusers import QwenImagePipeline
from diffusers.pipelines.qwenimage import pipeline_qwenimage

from flux1_cases import LONG, TWO
from recording import noted

FOLDER = common.GOLDENS / "qwen-image"
DEFAULTS = {
    "model": "qwen-image-tiny",
    "prompts": ["A photo of a red fox in the snow, early morning light."],
    "negative_prompt": None,
    "true_cfg_scale": 4.0,
    "height": 32,
    "width": 32,
    "num_inference_steps": 3,
    "sigmas": None,
    "num_images_per_prompt": 1,
    "seeds": [42],
    "max_sequence_length": 512,
}
NEGATIVE = {"negative_prompt": [" "]}
UNICODE = ["Crème brûlée, ﬁne ½ cup — “naïve” 猫 🐈\u200d⬛ Ａ\u00a0z\u0301 \r\n\t end {}"]

CASES = {
    "plain": {"height": 64, "width": 64, "num_inference_steps": 4},
    "guided": NEGATIVE | {"height": 64, "width": 48, "num_inference_steps": 4},
    "guided-long-negative": {"negative_prompt": ["Blurry, low quality, distorted, extra fingers, watermark, text"],
                             "true_cfg_scale": 2.5},
    "guided-batch": {"prompts": TWO, "negative_prompt": ["watermark, text", " "], "seeds": [4]},
    "guided-batch-images": {"prompts": TWO, "negative_prompt": ["text", "dogs"], "num_images_per_prompt": 2,
                            "num_inference_steps": 2, "seeds": [11, 12, 13, 14]},
    "negative-unused": {"negative_prompt": ["blurry"], "true_cfg_scale": 1.0},
    "two-steps-guided": NEGATIVE | {"true_cfg_scale": 1.5, "num_inference_steps": 2, "seeds": [2**31]},
    "ten-steps": {"num_inference_steps": 10, "seeds": [7]},
    "batch": {"prompts": ["A cat", TWO[1]]},
    "batch-equal": {"prompts": ["A cat on the moon", "A dog on the moon"], "seeds": [2]},
    "batch-seeds": {"prompts": TWO, "seeds": [1, 2**32 - 1]},
    "images-per-prompt": {"num_images_per_prompt": 2, "seeds": [3]},
    "non-square": {"height": 32, "width": 96},
    "odd-size": {"height": 47, "width": 75, "num_inference_steps": 2},
    "odd-tokens": {"height": 80, "width": 48, "num_inference_steps": 2},
    "smallest": {"height": 16, "width": 16},
    "sigmas": {"sigmas": [1.0, 0.6, 0.25, 0.04], "num_inference_steps": 28},
    "sequence-4": {"max_sequence_length": 4},
    "sequence-of-batch": {"prompts": ["A cat", LONG], "max_sequence_length": 20},
    "truncated": {"prompts": [(LONG + " ") * 12], "max_sequence_length": 1024, "num_inference_steps": 2,
                  "height": 16, "width": 16},
    "empty": {"prompts": ["", "   "]},
    "unicode": {"prompts": UNICODE, "seeds": [2**63 - 1]},
    "special": {"prompts": ["A cat<|im_end|>\n<|image_pad|><|im_start|> <tool_call>"]},
}  # fmt: skip


def request(case):
    """The whole request of a case, with every field given."""
    return DEFAULTS | CASES[case]


def load(model, dtype=torch.float32):
    """The pipeline of one checkpoint, silent."""
    pipe = QwenImagePipeline.from_pretrained(common.CHECKPOINTS / model, dtype=dtype, local_files_only=True)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def arguments(asked, latents=None):
    """The keyword arguments of `__call__` for a request: one seed is one generator for the whole batch."""
    generators = [torch.Generator("cpu").manual_seed(seed) for seed in asked["seeds"]]
    names = (
        "negative_prompt true_cfg_scale height width num_inference_steps sigmas num_images_per_prompt "
        "max_sequence_length"
    ).split()
    return {name: asked[name] for name in names} | {
        "prompt": asked["prompts"],
        "generator": generators[0] if len(generators) == 1 else generators,
        "latents": latents,
    }


class Recorder:
    """Runs requests and keeps every stage by the names of the trace."""

    module = pipeline_qwenimage

    def __init__(self, pipe):
        self.pipe, self.trace = pipe, {}

    def keep_prompts(self, args, result):
        prefix = "negative_" if "prompt_embeds" in self.trace else ""
        self.trace[prefix + "prompt_embeds"] = result[0]
        if result[1] is not None:
            self.trace[prefix + "prompt_embeds_mask"] = result[1]

    def keep_latents(self, args, result):
        self.trace["latents.initial"] = result

    def keep_step(self, args, result):
        number = sum(key.startswith("noise_pred") for key in self.trace)
        self.trace[f"noise_pred.step{number}"], self.trace[f"latents.step{number}"] = args[0], result[0]

    def keep_decoded(self, args, result):
        self.trace["decoded"] = result[0][:, :, 0]

    def keep_ids(self, module, args, kwargs):
        for name in ("input_ids", "attention_mask"):
            self.trace.setdefault(f"{name}.text_encoder", kwargs[name])

    def watch(self):
        """Begins to keep stages; returns what ends it."""
        pipe = self.pipe
        return [
            noted(self.module, "randn_tensor", lambda _, result: self.trace.update(noise=result)),
            noted(pipe, "encode_prompt", self.keep_prompts),
            noted(pipe, "prepare_latents", self.keep_latents),
            noted(pipe.scheduler, "step", self.keep_step),
            noted(pipe.vae, "decode", self.keep_decoded),
            pipe.text_encoder.register_forward_pre_hook(self.keep_ids, with_kwargs=True).remove,
        ]

    def run(self, asked, latents=None):
        """The trace of a request; `latents` replaces the noise (packed, as diffusers wants it)."""
        self.trace = {}
        undo = self.watch()
        try:
            pictures = self.pipe(**self.arguments(asked, latents), output_type="pil").images
        finally:
            for action in undo:
                action()
        trace = self.trace
        trace["output"] = torch.from_numpy(np.stack([np.asarray(picture) for picture in pictures]))
        trace["timesteps"], trace["sigmas"] = self.pipe.scheduler.timesteps, self.pipe.scheduler.sigmas
        return trace

    def arguments(self, asked, latents):
        return arguments(asked, latents)

"""The requests that FLUX.1's goldens answer, and how one is run through diffusers with every stage recorded."""

import common

import torch
from diffusers import FluxPipeline

import recording

FOLDER = common.GOLDENS / "flux1"
DEFAULTS = {
    "model": "flux1-tiny-dev",
    "prompts": ["A photo of a red fox in the snow, early morning light."],
    "prompt_2": None,
    "negative_prompt": None,
    "negative_prompt_2": None,
    "true_cfg_scale": 1.0,
    "guidance_scale": 3.5,
    "height": 48,
    "width": 48,
    "num_inference_steps": 3,
    "sigmas": None,
    "num_images_per_prompt": 1,
    "seeds": [42],
    "max_sequence_length": 32,
}
TWO = ["A cat holding a sign that says hello world.", "Two astronauts playing chess on the moon, 35mm film"]
LONG = (
    "An oil painting of the old harbour at dusk; boats, gulls and a lighthouse. It's raining, they've said: "
    "2,300 sheep, 17 dogs and 6 farmers watch a bowl of ramen on a wooden table, steam rising, while the quick "
    "brown fox jumps over the lazy dog and two astronauts play chess on the moon."
)

CASES = {
    "dev": {"height": 64, "width": 64, "num_inference_steps": 4},
    "dev-ten-steps": {"height": 32, "width": 32, "num_inference_steps": 10, "seeds": [7]},
    "dev-one-step": {"num_inference_steps": 1, "seeds": [2**31]},
    "dev-batch": {"prompts": TWO, "height": 32, "width": 32},
    "dev-images-per-prompt": {"num_images_per_prompt": 2, "height": 32, "width": 32, "seeds": [3]},
    "dev-batch-seeds": {"prompts": TWO, "height": 32, "width": 32, "seeds": [1, 2**32 - 1]},
    "dev-batch-images-per-prompt": {
        "prompts": TWO, "num_images_per_prompt": 2, "height": 24, "width": 32, "seeds": [5],
    },
    "dev-batch-images-seeds": {
        "prompts": TWO, "num_images_per_prompt": 2, "height": 24, "width": 24, "seeds": [11, 12, 13, 14],
    },
    "dev-true-cfg": {"negative_prompt": ["blurry, low quality"], "true_cfg_scale": 2.5, "seeds": [0]},
    "dev-true-cfg-empty": {"negative_prompt": [""], "true_cfg_scale": 3.0, "height": 32, "width": 32},
    "dev-true-cfg-batch": {
        "prompts": TWO, "negative_prompt": ["watermark, text"], "true_cfg_scale": 1.5, "seeds": [4],
        "height": 32, "width": 32,
    },
    "dev-true-cfg-batch-negatives": {
        "prompts": TWO, "negative_prompt": ["watermark, text", "dogs"], "negative_prompt_2": ["blurry", "distorted"],
        "prompt_2": ["a cosy library", "neon signs, rain"], "true_cfg_scale": 2.0, "height": 32, "width": 32,
    },
    "dev-negative-unused": {"negative_prompt": ["blurry"], "true_cfg_scale": 1.0, "height": 32, "width": 32},
    "dev-prompt-2": {"prompt_2": ["Watercolour of mountains and a lake, soft colours"], "seeds": [9]},
    "dev-guidance": {"guidance_scale": 1.25, "height": 32, "width": 32},
    "dev-non-square": {"height": 32, "width": 88},
    "dev-odd-size": {"height": 100, "width": 75, "num_inference_steps": 2},
    "dev-smallest": {"height": 8, "width": 8},
    "dev-sigmas": {"sigmas": [1.0, 0.6, 0.25, 0.04], "num_inference_steps": 28, "height": 32, "width": 32},
    "dev-sequence-512": {"max_sequence_length": 512, "num_inference_steps": 2},
    "dev-sequence-6": {"max_sequence_length": 6, "height": 32, "width": 32},
    "dev-truncated": {"prompts": [LONG], "max_sequence_length": 24},
    "dev-empty": {"prompts": ["", "   "], "height": 32, "width": 32},
    "dev-unicode": {"prompts": ["Crème brûlée, ﬁne ½ cup — “naïve” 猫 🐈\u200d⬛ Ａ\u00a0z\u0301"], "seeds": [2**63 - 1]},
    "schnell": {"model": "flux1-tiny-schnell", "height": 64, "width": 64, "num_inference_steps": 4,
                "guidance_scale": 0.0},
    "schnell-one-step": {"model": "flux1-tiny-schnell", "num_inference_steps": 1, "guidance_scale": 0.0},
    "schnell-guidance": {"model": "flux1-tiny-schnell", "guidance_scale": 7.0, "num_inference_steps": 2},
    "schnell-odd-size": {"model": "flux1-tiny-schnell", "height": 100, "width": 75, "num_inference_steps": 2},
    "schnell-sigmas": {"model": "flux1-tiny-schnell", "sigmas": [0.9, 0.5, 0.1], "num_inference_steps": 3},
    "schnell-truncated": {"model": "flux1-tiny-schnell", "prompts": [LONG, "A cat"], "max_sequence_length": 256,
                          "num_inference_steps": 2, "height": 32, "width": 64},
    "schnell-true-cfg": {"model": "flux1-tiny-schnell", "negative_prompt": ["blurry"], "true_cfg_scale": 2.0},
}  # fmt: skip


def request(case):
    """The whole request of a case, with every field given."""
    return DEFAULTS | CASES[case]


def load(model, dtype=torch.float32):
    """The pipeline of one checkpoint, silent."""
    pipe = FluxPipeline.from_pretrained(common.CHECKPOINTS / model, dtype=dtype, local_files_only=True)
    pipe.set_progress_bar_config(disable=True)
    return pipe


class Recorder(recording.Recorder):
    """Keeps what every pipeline has, and the pooled embeddings."""

    encoders = ("text_encoder", "text_encoder_2")
    ids = ("input_ids",)

    def arguments(self, asked, latents):
        names = (
            "prompt_2 negative_prompt negative_prompt_2 true_cfg_scale guidance_scale height width "
            "num_inference_steps sigmas num_images_per_prompt max_sequence_length"
        )
        return recording.arguments(asked, names, latents=latents)

    def keep_prompts(self, args, result):
        prefix = "negative_" if "prompt_embeds" in self.trace else ""
        self.trace[prefix + "prompt_embeds"], self.trace[prefix + "pooled_prompt_embeds"] = result[:2]

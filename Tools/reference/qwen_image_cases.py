"""The requests that Qwen-Image's goldens answer, and how one is run through diffusers with every stage recorded."""

import common

import torch
from diffusers import QwenImagePipeline

import recording
from flux1_cases import LONG, TWO

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


class Recorder(recording.Recorder):
    """Keeps what every pipeline has, and the mask of texts that are padded."""

    names = (
        "negative_prompt true_cfg_scale height width num_inference_steps sigmas num_images_per_prompt "
        "max_sequence_length"
    )

    def arguments(self, asked, latents):
        return recording.arguments(asked, self.names, latents=latents)

    def keep_prompts(self, args, result):
        prefix = "negative_" if "prompt_embeds" in self.trace else ""
        self.trace[prefix + "prompt_embeds"] = result[0]
        if result[1] is not None:
            self.trace[prefix + "prompt_embeds_mask"] = result[1]

    def keep_decoded(self, args, result):
        self.trace["decoded"] = result[0][:, :, 0]

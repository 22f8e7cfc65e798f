"""The requests that Wan's goldens answer, and how one is run through diffusers with every stage recorded."""

import json

import common

import numpy as np
import torch
from diffusers import AutoencoderKLWan, WanImageToVideoPipeline, WanPipeline
from diffusers.schedulers import FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler
from PIL import Image
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

import recording
from flux1_cases import LONG, TWO
from wan_published import has

DEFAULTS = {
    "model": "wan2.1-tiny-t2v",
    "scheduler": None,
    "prompts": ["A photo of a red fox in the snow, early morning light."],
    "negative_prompt": [""],
    "guidance_scale": 5.0,
    "guidance_scale_2": None,
    "height": 16,
    "width": 32,
    "num_frames": 5,
    "num_inference_steps": 3,
    "num_images_per_prompt": 1,
    "seeds": [42],
    "max_sequence_length": 32,
    "image": None,
    "last_image": None,
}
FIRST, LAST = {"image": "first.png"}, {"last_image": "last.png"}
NO_GUIDANCE = {"guidance_scale": 1.0}
BAD = {"negative_prompt": ["Blurry, low quality, watermark"]}
EULER = {"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1000, "shift": 3.0}
T2V_A14B = {"model": "wan2.2-tiny-t2v-a14b", "num_inference_steps": 4}
# The text of a model with an image encoder has 512 tokens in any case.
I2V = {"model": "wan2.1-tiny-i2v", "max_sequence_length": 512} | FIRST
FLF2V = {"model": "wan2.1-tiny-flf2v", "max_sequence_length": 512} | FIRST | LAST
I2V_A14B = {"model": "wan2.2-tiny-i2v-a14b", "num_inference_steps": 4} | FIRST
TI2V = {"model": "wan2.2-tiny-ti2v-5b", "height": 32}


def shifted(flow_shift):
    """UniPC with another shift, as the checkpoints for 720P have it."""
    return {"scheduler": {
        "_class_name": "UniPCMultistepScheduler", "prediction_type": "flow_prediction", "use_flow_sigmas": True,
        "num_train_timesteps": 1000, "flow_shift": flow_shift,
    }}  # fmt: skip


CASES = {
    "t2v": {"width": 48, "num_inference_steps": 4} | BAD,
    "t2v-no-guidance": NO_GUIDANCE | {"width": 16, "seeds": [7]},
    "t2v-little-guidance": {"guidance_scale": 1.25, "width": 16, "seeds": [2**31]} | BAD,
    "t2v-one-frame": {"height": 96, "width": 64, "num_frames": 1, "num_inference_steps": 2},
    "t2v-lying": {"height": 48, "width": 80, "num_frames": 1, "num_inference_steps": 2, "seeds": [8]} | NO_GUIDANCE,
    "t2v-smallest": {"width": 16, "num_frames": 1, "num_inference_steps": 1},
    "t2v-nine-frames": {"height": 32, "width": 16, "num_frames": 9},
    "t2v-seventeen-frames": {"width": 16, "num_frames": 17, "num_inference_steps": 2},
    "t2v-rounded-up": {"width": 16, "num_frames": 8, "num_inference_steps": 2},
    "t2v-rounded-down": {"width": 16, "num_frames": 7, "num_inference_steps": 2},
    "t2v-rounded-to-one": {"width": 16, "num_frames": 3, "num_inference_steps": 2},
    "t2v-one-step": {"width": 16, "num_inference_steps": 1, "seeds": [2**63 - 1]},
    "t2v-ten-steps": {"width": 16, "num_inference_steps": 10},
    "t2v-batch": {"prompts": TWO, "width": 16, "seeds": [3]} | BAD,
    "t2v-batch-seeds": {
        "prompts": TWO, "negative_prompt": ["watermark, text", "dogs"], "width": 16, "seeds": [1, 2**32 - 1],
    },
    "t2v-videos-per-prompt": {"num_images_per_prompt": 2, "width": 16, "seeds": [3]},
    "t2v-batch-videos-seeds": {
        "prompts": TWO, "num_images_per_prompt": 2, "width": 16, "num_frames": 1, "seeds": [11, 12, 13, 14],
    },
    "t2v-sequence-512": {"max_sequence_length": 512, "width": 16, "num_frames": 1, "num_inference_steps": 2},
    "t2v-truncated": {"prompts": [LONG], "max_sequence_length": 24, "width": 16, "num_frames": 1},
    "t2v-empty": {"prompts": ["", "   "], "width": 16, "num_frames": 1},
    "t2v-cleaned": {
        "prompts": ["  The cat&amp;amp;#39;s \t sign\u2026 says\u00a0\u201chello\u201d \n\n cafÃ© &lt;night&gt; âœ” "],
        "negative_prompt": ["\ufb01ne &amp;   text\u3000"], "max_sequence_length": 64, "width": 16, "num_frames": 1,
    },
    "t2v-shift-5": {"width": 16} | shifted(5.0),
    "t2v-euler": {"width": 16, "num_inference_steps": 4, "scheduler": EULER} | BAD,
    "t2v-a14b": T2V_A14B | {"guidance_scale": 4.0, "guidance_scale_2": 3.0} | BAD,
    "t2v-a14b-one-scale": T2V_A14B | {"guidance_scale": 4.0, "width": 16},
    "t2v-a14b-second-unguided": T2V_A14B | {"guidance_scale": 4.0, "guidance_scale_2": 1.0, "width": 16},
    "t2v-a14b-first-unguided": T2V_A14B | NO_GUIDANCE | {"guidance_scale_2": 4.0, "width": 16},
    "t2v-a14b-batch": T2V_A14B | {"prompts": TWO, "guidance_scale_2": 2.0, "width": 16, "num_frames": 1},
    "t2v-a14b-one-step": T2V_A14B | {"num_inference_steps": 1, "width": 16, "num_frames": 1},
    "t2v-a14b-euler": T2V_A14B | {"scheduler": EULER, "guidance_scale_2": 3.0, "width": 16, "num_frames": 1},
    "i2v": I2V | BAD,
    "i2v-720p": I2V | NO_GUIDANCE | {"width": 16, "seeds": [9]} | shifted(5.0),
    "i2v-batch-seeds": I2V | NO_GUIDANCE | {"prompts": TWO, "width": 16, "seeds": [5, 6]},
    "i2v-nine-frames": I2V | NO_GUIDANCE | {"width": 16, "num_frames": 9, "num_inference_steps": 2},
    "i2v-one-frame": I2V | NO_GUIDANCE | {"height": 32, "width": 16, "num_frames": 1, "num_inference_steps": 2},
    "flf2v": FLF2V | {"width": 16} | BAD,
    "flf2v-batch": FLF2V | NO_GUIDANCE | {"prompts": TWO, "width": 16, "seeds": [10]},
    "i2v-a14b": I2V_A14B | {"guidance_scale": 3.5, "guidance_scale_2": 2.5} | BAD,
    "i2v-a14b-last": I2V_A14B | LAST | {"guidance_scale": 3.5, "num_frames": 9, "width": 16},
    "i2v-a14b-no-guidance": I2V_A14B | NO_GUIDANCE | {"width": 16},
    "i2v-a14b-videos-per-prompt": I2V_A14B | {"num_images_per_prompt": 2, "width": 16, "seeds": [21, 22]},
    "i2v-a14b-batch": I2V_A14B | NO_GUIDANCE | LAST | {"prompts": TWO, "width": 16},
    "ti2v": TI2V | BAD,
    "ti2v-nine-frames": TI2V | NO_GUIDANCE | {"num_frames": 9, "num_inference_steps": 2},
    "ti2v-floored-size": TI2V | NO_GUIDANCE | {"height": 48, "width": 80, "num_frames": 1},
    "ti2v-batch": TI2V | {"prompts": TWO, "num_frames": 1, "seeds": [15, 16]},
    "ti2v-image": TI2V | FIRST | BAD,
    "ti2v-image-no-guidance": TI2V | FIRST | NO_GUIDANCE | {"num_inference_steps": 2, "seeds": [17]},
    "ti2v-image-floored-size": TI2V | FIRST | NO_GUIDANCE | {"height": 48, "width": 48, "num_frames": 1},
    "ti2v-image-batch": TI2V | FIRST | NO_GUIDANCE | {"prompts": TWO, "num_inference_steps": 2, "seeds": [18]},
}  # fmt: skip

# What diffusers does not run.
REFUSALS = {
    "height 24": {"height": 24},
    "width 40": {"width": 40},
    "height 8": {"height": 8},
    "guidance_scale_2 of one transformer": {"guidance_scale_2": 3.0},
    "two negative prompts for one prompt": {"negative_prompt": ["text", "dogs"]},
    "two seeds for one video": {"seeds": [1, 2]},
    "max_sequence_length 0": {"max_sequence_length": 0},
    "no image": I2V | {"image": None},
    "no first image": I2V_A14B | {"image": None} | LAST,
    "two images of a model of one": I2V | LAST,
    "one image of a model of two": FLF2V | {"last_image": None},
    "image encoder and two videos": I2V | {"num_images_per_prompt": 2},
    "last image in one frame": FLF2V | {"num_frames": 1},
}


def request(changes):
    """The whole request, with every field given."""
    return DEFAULTS | changes


def command(asked):
    """The request as arguments of `visualgen`, from the model on; paths are below Tests/Goldens.

    What diffusers takes for a missing negative prompt is the empty one, which has to be said here.
    """
    model, options = f"checkpoints/{asked['model']}", []
    for name, field in (("prompt", "prompts"), ("negative-prompt", "negative_prompt"), ("seed", "seeds")):
        options += [f"--{name}={value}" for value in asked[field]]
    names = "height width num_frames num_inference_steps guidance_scale max_sequence_length num_images_per_prompt"
    options += [f"--{name.replace('_', '-')}={asked[name]}" for name in names.split()]
    options += [f"--{name.replace('_', '-')}=wan/pictures/{asked[name]}" for name in ("image", "last_image")
                if asked[name] is not None]  # fmt: skip
    if asked["guidance_scale_2"] is not None:
        options += ["--extra", f"guidance_scale_2={asked['guidance_scale_2']}"]
    return ["--model", model, *options]


def load(asked, dtype=torch.float32, vae_dtype=torch.float32):
    """The pipeline of a request, silent: with an image, TI2V's checkpoint loads as the other class."""
    folder = common.CHECKPOINTS / asked["model"]
    index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    takes_image = index["_class_name"] == "WanImageToVideoPipeline" or asked["image"] is not None
    vae = AutoencoderKLWan.from_pretrained(folder / "vae", dtype=vae_dtype, local_files_only=True)
    kind, parts = WanPipeline, {"vae": vae}
    if takes_image:
        # Of a whole CLIPProcessor the tiny checkpoint has no tokenizer, and the pipeline no use for one.
        kind, parts = WanImageToVideoPipeline, parts | {"image_processor": None}
        if not has(index, "image_encoder"):
            parts["image_encoder"] = None
    pipe = kind.from_pretrained(folder, dtype=dtype, local_files_only=True, **parts)
    if takes_image and has(index, "image_encoder"):
        pipe.image_processor = CLIPImageProcessorPil.from_pretrained(folder / "image_processor")
    if asked["scheduler"] is not None:
        config = dict(asked["scheduler"])
        classes = {kind.__name__: kind for kind in (FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler)}
        pipe.scheduler = classes[config.pop("_class_name")].from_config(config)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def picture(name):
    """An input image, as RGB."""
    return name and Image.open(common.GOLDENS / "wan" / "pictures" / name).convert("RGB")


class Recorder(recording.Recorder):
    """Keeps what every pipeline has, the images that a video begins and ends with, and what they become."""

    ids = ("input_ids",)

    def arguments(self, asked, latents):
        """One negative prompt is given as a plain string, because diffusers repeats only that for all prompts."""
        names = "guidance_scale guidance_scale_2 height width num_frames num_inference_steps max_sequence_length"
        negative = asked["negative_prompt"]
        takes_image = isinstance(self.pipe, WanImageToVideoPipeline)
        images = {name: picture(asked[name]) for name in ("image", "last_image")} if takes_image else {}
        return recording.arguments(
            asked, names, latents=latents, num_videos_per_prompt=asked["num_images_per_prompt"],
            negative_prompt=negative[0] if len(negative) == 1 else negative, **images,
        )  # fmt: skip

    def keep_prompts(self, args, result):
        self.trace["prompt_embeds"], negative = result
        if negative is not None:
            self.trace["negative_prompt_embeds"] = negative

    def keep_latents(self, args, result):
        super().keep_latents(args, result)
        if isinstance(result, tuple):
            self.trace["condition"] = result[1]

    def keep_picture(self, args, result):
        self.trace["last_image" if "image" in self.trace else "image"] = result

    def keep_image_embeds(self, args, result):
        self.trace["image_embeds"] = result

    def keep_pixels(self, module, args, kwargs):
        self.trace["pixel_values"] = kwargs["pixel_values"]

    def watch(self):
        pipe = self.pipe
        undo = [*super().watch(), recording.noted(pipe.video_processor, "preprocess", self.keep_picture)]
        if isinstance(pipe, WanImageToVideoPipeline):
            undo.append(recording.noted(pipe, "encode_image", self.keep_image_embeds))
        if getattr(pipe, "image_encoder", None) is not None:
            undo.append(pipe.image_encoder.register_forward_pre_hook(self.keep_pixels, with_kwargs=True).remove)
        return undo

    def outputs(self, result):
        return [np.stack([np.asarray(frame) for frame in frames]) for frames in result.frames]

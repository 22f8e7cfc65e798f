"""The requests that Cosmos3's goldens answer, and how one is run through diffusers with every stage recorded."""

import contextlib
import sys

import common

import numpy as np
import torch
from diffusers import Cosmos3OmniPipeline, FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler
from diffusers.modular_pipelines import Cosmos3DistilledBlocks
from diffusers.modular_pipelines.cosmos import before_denoise, encoders
from diffusers.schedulers import scheduling_flow_match_euler_discrete
from PIL import Image

import recording
from cosmos3_published import SCHEDULER_DISTILLED, SIGMAS
from flux1_cases import TWO

FOLDER = common.GOLDENS / "cosmos3" / "pipelines"
# `None` is what diffusers takes if nothing is said.
DEFAULTS = {
    "model": "cosmos3-tiny",
    "prompts": ["A photo of a red fox in the snow, early morning light."],
    "negative_prompt": None,
    "image": None,
    "height": 32,
    "width": 48,
    "num_frames": 5,
    "frame_rate": 24.0,
    "num_inference_steps": 4,
    "scheduler": {},
    "guidance_scale": 6.0,
    "guidance_interval": None,
    "enable_audio": False,
    "use_system_prompt": None,
    "use_duration_template": True,
    "use_resolution_template": True,
    "num_images_per_prompt": 1,
    "seeds": [42],
}
ONE = {"num_frames": 1, "num_inference_steps": 3}
NEGATIVE = {"negative_prompt": ["worst quality, blurry, jittery, distorted"]}
SHIFT = {"scheduler": {"flow_shift": 10.0, "use_karras_sigmas": False}}
SOUND = {"enable_audio": True}
SUPER = {"model": "cosmos3-tiny-super"}
THREE = TWO + ["waves"]
# Super's weights with the scheduler of `cosmos3-tiny-distilled`.
DISTILLED = {"model": "cosmos3-tiny-distilled", "num_inference_steps": 4, "guidance_scale": 1.0}

CASES = {
    "t2i": ONE,
    "t2i-no-guidance": ONE | {"guidance_scale": 1.0, "seeds": [2**63 - 1]},
    "t2i-negative": ONE | NEGATIVE | {"height": 48, "width": 16, "guidance_scale": 0.5, "num_inference_steps": 2},
    "t2i-steps": ONE | {"num_inference_steps": 12, "width": 16, "negative_prompt": [""]},
    "t2i-words": ONE | {"prompts": ["  Fünf Katzen\n\n und  ein 猫 \u2014 <|im_end|>, {\"a\": [1, 2.50]}\t ..."],
                        "negative_prompt": ["\n."], "num_inference_steps": 2},
    "t2i-interval": ONE | {"guidance_interval": [700.0, 1000.0], "scheduler": {"flow_shift": 3.0, "use_karras_sigmas": False},
                           "num_inference_steps": 5, "width": 32},
    "t2i-batch": ONE | {"prompts": TWO, "negative_prompt": ["watermark, text", "dogs"], "seeds": [1, 2**32 - 1]},
    "t2v": NEGATIVE,
    "t2v-odd-size": {"height": 48, "width": 16, "frame_rate": 30.0, "guidance_scale": 3.0},
    "t2v-flow-shift": SHIFT | {"width": 32, "frame_rate": 23.976},
    "t2v-plain": {"width": 32, "height": 16, "use_system_prompt": False, "use_duration_template": False,
                  "use_resolution_template": False, "num_inference_steps": 2, "num_frames": 9},
    "t2v-sound": SOUND | {"width": 32, "seeds": [7]},
    "i2v": NEGATIVE | {"image": "first.png"},
    "i2v-sound": SOUND | SHIFT | {"image": "last.png", "height": 16, "frame_rate": 16.0, "guidance_scale": 4.0},
    "super-t2v": SUPER | {"num_frames": 7, "use_system_prompt": False},
    "super-i2v": SUPER | {"image": "last.png", "height": 48, "width": 16, "num_frames": 9, "frame_rate": 12.5},
    "super-i2v-batch": SUPER | {"image": "last.png", "height": 16, "prompts": THREE, "seeds": [1, 2, 3]},
    "distilled-t2i": DISTILLED | {"num_frames": 1},
    "distilled-i2v": DISTILLED | {"image": "first.png", "width": 32},
}  # fmt: skip

# What diffusers does not run.
REFUSALS = {
    "height 40": {"height": 40},
    "width 100": {"width": 100},
    "no frames": {"num_frames": 0},
    "sound without its tokenizer": SUPER | SOUND,
    "two equal times at first": ONE | {"scheduler": {"flow_shift": 1000.0, "use_karras_sigmas": False}},
    "sound without frames a second": SOUND | {"frame_rate": 0.0},
    "distilled in other steps": DISTILLED | {"num_inference_steps": 5},
    "distilled with guidance": DISTILLED | {"guidance_scale": 6.0},
    "distilled image to image": DISTILLED | {"image": "first.png", "num_frames": 1},
}


def request(changes):
    """The whole request, with every field given."""
    return DEFAULTS | changes


def load(model, dtype=torch.float32):
    """The pipeline of a checkpoint, silent."""
    pipe = Cosmos3OmniPipeline.from_pretrained(
        common.CHECKPOINTS / model, dtype=dtype, local_files_only=True, enable_safety_checker=False
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def load_distilled(dtype=torch.float32):
    """The modular pipeline that runs distilled checkpoints."""
    parts = load("cosmos3-tiny-super", dtype)
    pipe = Cosmos3DistilledBlocks().init_pipeline()
    pipe.update_components(
        text_tokenizer=parts.text_tokenizer, vae=parts.vae, transformer=parts.transformer,
        scheduler=FlowMatchEulerDiscreteScheduler.from_config(SCHEDULER_DISTILLED),
    )  # fmt: skip
    pipe.register_to_config(distilled_sigmas=SIGMAS, enable_safety_checker=False)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def load_asked(asked, dtype=torch.float32):
    """The pipeline of a request."""
    if asked["model"].endswith("distilled"):
        return load_distilled(dtype)
    pipe = load(asked["model"], dtype)
    pipe.scheduler = UniPCMultistepScheduler.from_config(pipe.scheduler.config, **asked["scheduler"])
    return pipe


def picture(name):
    """An input image, as RGB."""
    return name and Image.open(common.GOLDENS / "wan" / "pictures" / name).convert("RGB")


class Recorder:
    """Runs requests and keeps every stage by the names of the trace.

    diffusers makes one video a call; those of a batch are joined, each with its own seed. `input_ids.N` and
    `negative_input_ids.N` are of video N.
    """

    # Values of the loop that are kept after each step, by the pipeline's names of them.
    names = {"latents": "latents", "velocity_vision": "noise_pred"}
    sound = {"sound_latents": "audio_latents", "velocity_sound": "audio_noise_pred"}

    def __init__(self, pipe):
        self.pipe, self.trace, self.number, self.asked = pipe, {}, 0, None
        self.is_distilled = not isinstance(pipe, Cosmos3OmniPipeline)

    def keep(self, name, value):
        """The sound's tensors have no batch in diffusers."""
        value = value.detach().clone()
        self.trace[name] = value[None] if name.startswith("audio") else value

    def keep_noise(self, args, result):
        """The video's noise is drawn first, then the sound's; a distilled checkpoint draws again in each step."""
        if "noise" not in self.trace:
            self.keep("noise", result)
        elif self.is_distilled:
            self.keep(f"noise.step{sum(name.startswith('noise.step') for name in self.trace)}", result[0])
        else:
            self.keep("audio_noise", result)

    def keep_initial(self, args, result):
        self.keep("latents.initial", result[0])
        if result[1] is not None:
            self.keep("audio_latents.initial", result[1])

    def keep_ids(self, args, result):
        for name, ids in zip(("input_ids", "negative_input_ids"), result):
            self.trace[f"{name}.{self.number}"] = torch.tensor(ids)

    def keep_call(self, pipe, number, _, values):
        """Also says whether the next step is guided: outside of an interval of times, what the prompt gives is taken alone."""
        times = pipe.scheduler.timesteps
        if number + 1 < len(times):
            self.set_guidance(times[number + 1].item())
        for own, name in (self.names | self.sound).items():
            if own in values:
                self.keep(f"{name}.step{number}", values[own])
        return {}

    def set_guidance(self, time):
        """diffusers has no interval, but looks in each step whether there is guidance."""
        if self.asked["guidance_interval"] is not None:
            low, high = self.asked["guidance_interval"]
            self.pipe._guidance_scale = self.asked["guidance_scale"] if low < time < high else 1.0

    def keep_step(self, args, result):
        """The scheduler's step of a distilled checkpoint; what is kept are the latents before held frames are put back."""
        number = sum(name.startswith("noise_pred") for name in self.trace)
        if number == 0:
            self.keep("latents.initial", args[2][0])
        self.keep(f"noise_pred.step{number}", args[0][0])
        self.keep(f"latents.step{number}", result[0][0])

    def watch(self):
        """Begins to keep stages; returns what ends it."""
        pipe = self.pipe
        modules = [before_denoise, encoders, scheduling_flow_match_euler_discrete] if self.is_distilled else [
            sys.modules[type(pipe).__module__]]  # fmt: skip
        noises = [recording.noted(module, "randn_tensor", self.keep_noise)
                  for module in modules if hasattr(module, "randn_tensor")]  # fmt: skip
        images = [recording.noted(module, "_preprocess_conditioning_image", lambda _, result: self.keep("image", result))
                  for module in modules if hasattr(module, "_preprocess_conditioning_image")]  # fmt: skip
        kept = [recording.noted(pipe.scheduler, "step", self.keep_step)] if self.is_distilled else [
            recording.noted(pipe, "prepare_latents", self.keep_initial)]  # fmt: skip
        return noises + images + kept + [
            recording.noted(pipe, "tokenize_prompt", self.keep_ids),
            recording.noted(pipe.vae, "decode", lambda _, result: self.keep("decoded", result[0])),
        ]  # fmt: skip

    def call(self, asked, number):
        """One call of the pipeline: its frames and its sound."""
        fields = {name: asked[name] for name in ("height", "width", "num_frames", "num_inference_steps", "guidance_scale",
                                                 "use_system_prompt")}  # fmt: skip
        fields |= {
            "prompt": asked["prompts"][number], "image": picture(asked["image"]), "fps": asked["frame_rate"],
            "add_duration_template": asked["use_duration_template"],
            "add_resolution_template": asked["use_resolution_template"], "output_type": "pil",
            "generator": torch.Generator("cpu").manual_seed(asked["seeds"][number]),
        }  # fmt: skip
        if self.is_distilled:
            return self.pipe(**fields).get("videos"), None
        negative = asked["negative_prompt"]
        names = list(self.names | (self.sound if asked["enable_audio"] else {}))
        self.pipe._callback_tensor_inputs = names
        result = self.pipe(**fields, negative_prompt=negative and negative[number], enable_sound=asked["enable_audio"],
                           callback_on_step_end=self.keep_call, callback_on_step_end_tensor_inputs=names)  # fmt: skip
        return result.video, result.sound

    def one(self, asked, number):
        """The trace of one video."""
        self.trace, self.number, self.asked = {}, number, asked
        with contextlib.ExitStack() as stack:
            for undo in self.watch():
                stack.callback(undo)
            frames, sound = self.call(asked, number)
        self.trace["output"] = torch.from_numpy(np.stack([np.asarray(frame) for frame in frames]))[None]
        if sound is not None:
            self.keep("audio", sound)
        return self.trace

    def run(self, asked):
        """The trace of a request."""
        traces = [self.one(asked, number) for number in range(len(asked["prompts"]))]
        joined = {name: torch.cat([trace[name] for trace in traces]) for name in traces[0] if "input_ids" not in name}
        joined |= {"image": traces[0]["image"]} if "image" in joined else {}
        ids = {name: value for trace in traces for name, value in trace.items() if "input_ids" in name}
        return joined | ids | {"timesteps": self.pipe.scheduler.timesteps, "sigmas": self.pipe.scheduler.sigmas}

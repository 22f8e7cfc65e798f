"""The requests that LTX-2's goldens answer, and how one is run through diffusers with every stage recorded."""

import contextlib
import inspect
import sys

import common

import numpy as np
import torch
from diffusers import (
    FlowMatchEulerDiscreteScheduler,
    LTX2ConditionPipeline,
    LTX2ImageToVideoPipeline,
    LTX2LatentUpsamplePipeline,
    LTX2Pipeline,
)
from diffusers.pipelines.ltx2 import LTX2LatentUpsamplerModel
from diffusers.pipelines.ltx2.pipeline_ltx2_condition import LTX2VideoCondition
from PIL import Image

import recording
from flux1_cases import LONG, TWO

FOLDER = common.GOLDENS / "ltx2" / "pipelines"
# Every guidance but the plain one is off, which diffusers' own defaults are not.
DEFAULTS = {
    "model": "ltx2-tiny",
    "prompts": ["A photo of a red fox in the snow, early morning light."],
    "negative_prompt": [""],
    "image": None,
    "height": 64,
    "width": 64,
    "num_frames": 9,
    "frame_rate": 24.0,
    "num_inference_steps": 3,
    "sigmas": None,
    "scheduler": {},
    "guidance_scale": 4.0,
    "stg_scale": 0.0,
    "modality_scale": 1.0,
    "guidance_rescale": 0.0,
    "audio_guidance_scale": 4.0,
    "audio_stg_scale": 0.0,
    "audio_modality_scale": 1.0,
    "audio_guidance_rescale": 0.0,
    "spatio_temporal_guidance_blocks": None,
    "use_cross_timestep": True,
    "num_images_per_prompt": 1,
    "seeds": [42],
    "max_sequence_length": 32,
    "upsampler": None,
    "stage_2_sigmas": None,
}
OFF = {"guidance_scale": 1.0, "audio_guidance_scale": 1.0}
ONE = {"num_frames": 1, "num_inference_steps": 2}
NEGATIVE = {"negative_prompt": ["worst quality, blurry, jittery, distorted"]}
# 2.3 takes sides of one latent; 2.0 reflects at the borders and needs two.
V2_3 = {"model": "ltx2.3-tiny", "height": 32, "width": 64, "frame_rate": 60.0}
STG = {"stg_scale": 1.0, "audio_stg_scale": 1.5, "spatio_temporal_guidance_blocks": [1]}
MODALITY = {"modality_scale": 3.0, "audio_modality_scale": 2.0}
RESCALE = {"guidance_rescale": 0.7, "audio_guidance_rescale": 0.5}
# The defaults of diffusers' call.
EVERYTHING = {
    "guidance_scale": 3.0, "stg_scale": 1.0, "modality_scale": 3.0, "guidance_rescale": 0.7, "audio_guidance_scale": 7.0,
    "audio_stg_scale": 1.0, "audio_modality_scale": 3.0, "audio_guidance_rescale": 0.7,
    "spatio_temporal_guidance_blocks": [1],
}  # fmt: skip
IMAGE = {"image": "first.png"}
# The sigmas of the distilled model, taken as they are.
PLAIN = {"use_dynamic_shifting": False, "shift_terminal": None}
DISTILLED = OFF | {"sigmas": [1.0, 0.9, 0.725, 0.421875], "num_inference_steps": 4, "scheduler": PLAIN}
STAGES = {"upsampler": "ltx2.3-tiny-upsampler", "stage_2_sigmas": [0.909375, 0.725, 0.421875], "height": 64}

CASES = {
    "t2v": {"width": 96, "num_frames": 1, "num_inference_steps": 4},
    "t2v-no-guidance": OFF | ONE | {"width": 96, "seeds": [7]},
    "t2v-negative": NEGATIVE | ONE | {"audio_guidance_scale": 7.0},
    "t2v-odd-size": ONE | {"height": 96, "width": 96, "guidance_scale": 3.0},
    "t2v-seed": OFF | ONE | {"seeds": [2**63 - 1]},
    "t2v-modality": OFF | MODALITY | ONE | {"frame_rate": 4.0},
    "t2v-truncated": ONE | {"prompts": [LONG], "max_sequence_length": 16},
    "t2v-sequence-48": ONE | {"prompts": ["  Fünf Katzen\n\n und  ein 猫 \u2014 <bos>, <eos> <table> [multimodal] \t "],
                              "max_sequence_length": 48, "negative_prompt": ["\n"]},
    "t2v-batch": ONE | OFF | {"prompts": TWO, "seeds": [3]},
    "t2v-sigmas": ONE | {"sigmas": [1.0, 0.7, 0.2], "num_inference_steps": 3},
    "t2v-distilled": ONE | DISTILLED,
    "i2v": IMAGE | NEGATIVE | {"num_inference_steps": 2, "frame_rate": 50.0},
    "2.3": V2_3 | EVERYTHING | NEGATIVE,
    "2.3-no-guidance": V2_3 | OFF | {"width": 32, "num_frames": 17, "num_inference_steps": 2, "frame_rate": 120.0},
    "2.3-stg": V2_3 | OFF | STG | {"width": 32, "spatio_temporal_guidance_blocks": [0, 2]},
    "2.3-audio-stg": V2_3 | OFF | ONE | {"audio_stg_scale": 1.0, "spatio_temporal_guidance_blocks": [1], "frame_rate": 5.0},
    "2.3-modality": V2_3 | OFF | MODALITY | {"num_frames": 1, "frame_rate": 5.0},
    "2.3-rescale": V2_3 | RESCALE | ONE | {"frame_rate": 5.0, "guidance_scale": 3.0, "audio_guidance_scale": 1.0},
    "2.3-batch-seeds": V2_3 | EVERYTHING | ONE | {
        "prompts": TWO, "negative_prompt": ["watermark, text", "dogs"], "frame_rate": 8.0, "seeds": [1, 2**32 - 1],
    },
    "2.3-videos-per-prompt": V2_3 | STG | ONE | {"num_images_per_prompt": 2, "frame_rate": 8.0, "seeds": [5]},
    "2.3-i2v-own-time": V2_3 | IMAGE | OFF | {"width": 32, "num_inference_steps": 2, "use_cross_timestep": False},
    "2.3-i2v-batch": V2_3 | IMAGE | EVERYTHING | {"prompts": TWO, "width": 32, "num_inference_steps": 2, "seeds": [8]},
    "2.3-i2v-strength": V2_3 | IMAGE | EVERYTHING | {"width": 32, "num_inference_steps": 2, "frame_rate": 120.0,
                                                     "max_sequence_length": 16, "seeds": [4], "image_cond_strength": 0.6},
    "2.3-two-stages": V2_3 | EVERYTHING | STAGES | ONE | {"width": 128, "frame_rate": 6.0},
    "2.3-i2v-two-stages": V2_3 | IMAGE | OFF | STAGES | {"num_inference_steps": 2, "seeds": [9]},
}  # fmt: skip


# What diffusers does not run.
REFUSALS = {
    "height 48": {"height": 48},
    "width 100": {"width": 100},
    "height 32 where the decoder reflects": {"height": 32} | ONE,
    "STG without blocks": {"stg_scale": 1.0},
    "two negative prompts for one prompt": {"negative_prompt": ["text", "dogs"]},
    "two seeds for one video": {"seeds": [1, 2]},
    "max_sequence_length 24 with 16 registers": {"max_sequence_length": 24},
    "a single step": {"num_inference_steps": 1},
}


def request(changes):
    """The whole request, with every field given."""
    return DEFAULTS | changes


def load(asked, dtype=torch.float32):
    """The pipeline of a request, silent."""
    kind = LTX2Pipeline if asked["image"] is None else LTX2ImageToVideoPipeline
    if "image_cond_strength" in asked:  # that of images always has 1
        kind = LTX2ConditionPipeline
    pipe = kind.from_pretrained(common.CHECKPOINTS / asked["model"], dtype=dtype, local_files_only=True)
    pipe.scheduler = FlowMatchEulerDiscreteScheduler.from_config(pipe.scheduler.config, **asked["scheduler"])
    pipe.set_progress_bar_config(disable=True)
    return pipe


def load_upsampler(asked, pipe):
    """The pipeline between two stages."""
    folder = common.CHECKPOINTS / asked["upsampler"] / "latent_upsampler"
    model = LTX2LatentUpsamplerModel.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    return LTX2LatentUpsamplePipeline(vae=pipe.vae, latent_upsampler=model.to(pipe.transformer.dtype))


def picture(name):
    """An input image, as RGB."""
    return name and Image.open(common.GOLDENS / "wan" / "pictures" / name).convert("RGB")


@contextlib.contextmanager
def noise_of_latents(pipe, asked):
    """The pipeline of conditions draws noise as tokens; here it draws what the others draw, which become tokens then."""
    module = sys.modules[type(pipe).__module__]
    draw, sizes = module.randn_tensor, [
        [(asked["num_frames"] - 1) // pipe.vae_temporal_compression_ratio + 1,
         *(asked[side] // pipe.vae_spatial_compression_ratio for side in ("height", "width"))],
    ]  # fmt: skip

    def tokens(shape, **others):
        batch, count, channels = shape
        if sizes:  # the video's noise is drawn first
            return pipe._pack_latents(draw((batch, channels, *sizes.pop()), **others))
        own = pipe.audio_vae.config.latent_channels
        return pipe._pack_audio_latents(draw((batch, own, count, channels // own), **others))

    module.randn_tensor = tokens
    try:
        yield
    finally:
        module.randn_tensor = draw


class Recorder:
    """Runs requests and keeps every stage by the names of the trace; those of a second stage begin with `stage_2.`."""

    # Values of the loop that are kept after each step, by the pipelines' names of them.
    names = {"latents": "latents", "audio_latents": "audio_latents", "noise_pred_video": "noise_pred",
             "noise_pred_audio": "audio_noise_pred"}  # fmt: skip

    def __init__(self, pipe):
        self.pipe, self.trace, self.prefix = pipe, {}, ""
        pipe._callback_tensor_inputs = list(self.names)

    def keep(self, name, value):
        self.trace[self.prefix + name] = value.detach().clone()

    def keep_noise(self, args, result):
        """The video's noise is drawn first."""
        self.keep("audio_noise" if f"{self.prefix}noise" in self.trace else "noise", result)

    def keep_step(self, pipe, number, _, values):
        for own, name in self.names.items():
            value = values[own]
            self.keep(f"{name}.step{number}", pipe._pack_latents(value) if value.ndim == 5 else value)
        return {}

    def keep_embeds(self, module, args, output):
        """Of a batch that guides away, the first half is negative."""
        halves = len(output[0]) // len(self.pipe_prompts)
        for name, value in zip(("prompt_embeds", "audio_prompt_embeds"), output):
            *negative, positive = value.chunk(halves)
            self.keep(name, positive)
            for part in negative:
                self.keep(f"negative_{name}", part)

    def keep_ids(self, module, args, kwargs):
        for name in ("input_ids", "attention_mask"):
            self.trace.setdefault(f"{name}.text_encoder", kwargs[name])

    def watch(self):
        """Begins to keep stages; returns what ends it."""
        pipe = self.pipe
        return [
            recording.noted(sys.modules[type(pipe).__module__], "randn_tensor", self.keep_noise),
            recording.noted(pipe, "prepare_latents", lambda _, result: self.keep(
                "latents.initial", result[0] if isinstance(result, tuple) else result)),
            recording.noted(pipe, "prepare_audio_latents", lambda _, result: self.keep("audio_latents.initial", result)),
            recording.noted(pipe.vae, "decode", lambda _, result: self.keep("decoded", result[0])),
            recording.noted(pipe.audio_vae, "decode", lambda _, result: self.keep("audio_decoded", result[0])),
            recording.noted(pipe.video_processor, "preprocess", lambda _, result: self.keep("image", result)),
            *([recording.noted(pipe, "preprocess_conditions", lambda _, result: self.keep("image", result[0][0].squeeze(2)))]
              if hasattr(pipe, "preprocess_conditions") else []),
            pipe.connectors.register_forward_hook(self.keep_embeds).remove,
            pipe.text_encoder.register_forward_pre_hook(self.keep_ids, with_kwargs=True).remove,
        ]  # fmt: skip

    def call(self, asked, generator, **others):
        """One call of the pipeline."""
        known = set(inspect.signature(type(self.pipe).__call__).parameters)
        fields = {name: value for name, value in asked.items() if name in known}
        negative = asked["negative_prompt"]
        if len(negative) == 1:
            negative = negative * len(asked["prompts"])
        fields |= {"prompt": asked["prompts"], "negative_prompt": negative, "generator": generator}
        fields |= {"num_videos_per_prompt": asked["num_images_per_prompt"]}
        if "image_cond_strength" in asked:
            image = self.pipe.video_processor.resize(picture(asked["image"]), asked["height"], asked["width"])
            strength = asked["image_cond_strength"]
            fields |= {"conditions": [LTX2VideoCondition(frames=image, index=0, strength=strength, crf=0)]}
        elif asked["image"] is not None:
            fields |= {"image": [picture(asked["image"])] * self.videos(asked), "image_crf": 0}
        self.pipe_prompts = [None] * self.videos(asked)
        return self.pipe(**fields | others, callback_on_step_end=self.keep_step,
                         callback_on_step_end_tensor_inputs=list(self.names))  # fmt: skip

    def videos(self, asked):
        return len(asked["prompts"]) * asked["num_images_per_prompt"]

    def keep_schedule(self):
        self.keep("timesteps", self.pipe.scheduler.timesteps)
        self.keep("sigmas", self.pipe.scheduler.sigmas)

    def two_stages(self, asked, generator):
        """Half the size, the upsampler, and few steps without guidance from a little noise; one generator goes on."""
        half = {"height": asked["height"] // 2, "width": asked["width"] // 2}
        latents, audio = self.call(asked | half, generator, output_type="latent", return_dict=False)
        self.keep_schedule()
        self.keep("video_latents", latents)
        self.keep("audio_latents", audio)
        latents = load_upsampler(asked, self.pipe)(latents=latents, output_type="latent", return_dict=False)[0]
        self.keep("upsampled", latents)
        own = self.pipe.scheduler
        self.pipe.scheduler = type(own).from_config(own.config, **PLAIN)
        self.prefix = "stage_2."
        sigmas = asked["stage_2_sigmas"]
        changes = OFF | {"sigmas": sigmas, "num_inference_steps": len(sigmas)}
        off = ("stg_scale", "modality_scale", "guidance_rescale")
        changes |= {name: value for name, value in DEFAULTS.items() if name.endswith(off)}
        return self.call(asked | changes, generator, output_type="pil", latents=latents, audio_latents=audio,
                         noise_scale=sigmas[0])  # fmt: skip

    def run(self, asked):
        """The trace of a request."""
        generators = [torch.Generator("cpu").manual_seed(seed) for seed in asked["seeds"]]
        generator = generators[0] if len(generators) == 1 else generators
        with contextlib.ExitStack() as stack:
            for undo in self.watch():
                stack.callback(undo)
            if "image_cond_strength" in asked:
                stack.enter_context(noise_of_latents(self.pipe, asked))
            if asked["upsampler"] is None:
                result = self.call(asked, generator, output_type="pil")
            else:
                result = self.two_stages(asked, generator)
            self.keep_schedule()
        trace = {name.removeprefix("stage_2.") if name.endswith("decoded") else name: value
                 for name, value in self.trace.items()}  # fmt: skip
        if asked["upsampler"] is not None:
            for name in list(trace):  # the text is the same, but without what guides away
                if name.endswith("prompt_embeds") and name.startswith("stage_2."):
                    del trace[name]
        frames = [np.stack([np.asarray(frame) for frame in video]) for video in result.frames]
        return trace | {"output": torch.from_numpy(np.stack(frames)), "audio": result.audio}

"""Loads Qwen-Image's pipelines so that what they compute does not depend on the processor, as `flux1_exact.py` does.

Fixed to float32 are here the sigmas and timesteps, the timestep with its sinusoids, the rotary tables, and the text
encoder's rotary angles; frequencies, sines and cosines of all of them are correctly rounded.
"""

import common  # noqa: F401

import torch

from exact import Exactly
from qwen_image_cases import Recorder, load


def rotary_table(index, widths, theta):
    """The complex numbers of `QwenEmbedRope`, in complex64."""
    parts = []
    for width in widths:
        exponents = torch.arange(0, width, 2).to(torch.float32).div(width)
        frequencies = 1.0 / (theta ** exponents.double()).float()
        angles = torch.outer(index, frequencies).double()
        parts.append(torch.complex(angles.cos().float(), angles.sin().float()))
    return torch.cat(parts, dim=1)


def fix(mode, transformer):
    """Leaves a transformer what it fixes to float32."""
    rope = transformer.pos_embed
    places = torch.arange(4096)
    rope.pos_freqs = rotary_table(places, rope.axes_dim, rope.theta)
    rope.neg_freqs = rotary_table(places.flip(0) * -1 - 1, rope.axes_dim, rope.theta)
    mode.rounded_timestep(transformer)
    time_proj = transformer.time_text_embed.time_proj
    sinusoids = time_proj.forward
    time_proj.forward = lambda timestep: sinusoids(mode.rounded(timestep))
    mode.fixed(time_proj, "forward")


class Exact:
    """The pipeline of one checkpoint, or with another transformer; use it inside `with exact.mode`."""

    recorder = Recorder
    load = staticmethod(load)

    def __init__(self, model, dtype=torch.float64, transformer=None):
        self.mode = Exactly()
        self.pipe = pipe = self.load(model).to(dtype=dtype)
        if transformer is not None:
            pipe.transformer = transformer
        fix(self.mode, pipe.transformer)
        self.mode.fixed(pipe.scheduler, "set_timesteps")
        text = pipe.text_encoder.model.language_model
        width = text.config.hidden_size // text.config.num_attention_heads
        self.mode.fixed_angles(text.rotary_emb, text.config.rope_parameters["rope_theta"], width)

    def run(self, request, latents):
        """The trace of a request from packed float32 noise."""
        with self.mode:
            return self.recorder(self.pipe).run(request, latents.to(self.pipe.transformer.dtype))

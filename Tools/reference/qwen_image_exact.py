"""Loads Qwen-Image's pipelines so that what they compute does not depend on the processor, as `flux1_exact.py` does.

Fixed to float32 are here the sigmas and timesteps, the timestep with its sinusoids, the rotary tables, and the text
encoder's rotary angles; frequencies, sines and cosines of all of them are correctly rounded.
"""

import common  # noqa: F401

import torch

import exact
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


class Exact(exact.Exact):
    """The pipeline of one checkpoint, and its text encoder's angles."""

    recorder, load, fix = Recorder, staticmethod(load), staticmethod(fix)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        text = self.pipe.text_encoder.model.language_model
        width = text.config.hidden_size // text.config.num_attention_heads
        self.mode.fixed_angles(text.rotary_emb, text.config.rope_parameters["rope_theta"], width)

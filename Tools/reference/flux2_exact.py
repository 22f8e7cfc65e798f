"""Loads FLUX.2's pipelines so that what they compute does not depend on the processor, as `flux1_exact.py` does.

Fixed to float32 are here the sigmas and timesteps, the timestep and the guidance with their sinusoids, the rotary
tables, and the text encoder's rotary angles with their frequencies, whose powers are correctly rounded too.
"""

import common  # noqa: F401

import torch

from exact import Exactly
from flux2_cases import Recorder, load


def language_model(pipe):
    """The layers of the text encoder."""
    model = pipe.text_encoder.model
    return getattr(model, "language_model", model)


def fix(mode, transformer):
    """Leaves a transformer what it fixes to float32."""
    mode.fixed(transformer.pos_embed, "forward")
    mode.fixed(transformer.time_guidance_embed.time_proj, "forward")
    mode.rounded_timestep(transformer)


class Exact:
    """The pipeline of one checkpoint, or with another transformer; use it inside `with exact.mode`."""

    def __init__(self, model, dtype=torch.float64, transformer=None):
        self.mode = Exactly()
        self.pipe = pipe = load(model).to(dtype=dtype)
        if transformer is not None:
            pipe.transformer = transformer
        fix(self.mode, pipe.transformer)
        self.mode.fixed(pipe.scheduler, "set_timesteps")
        text = language_model(pipe)
        self.mode.fixed_angles(text.rotary_emb, text.config.rope_parameters["rope_theta"], text.config.head_dim)

    def run(self, request, noise):
        """The trace of a request from float32 noise."""
        with self.mode:
            return Recorder(self.pipe).run(request, noise.to(self.pipe.transformer.dtype))

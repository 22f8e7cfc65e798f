"""Loads FLUX.1's pipeline so that what it computes does not depend on the processor: in float64, or in float32 to see
how far that is from float64.

In float64, weights, states, latents and images are float64. What diffusers itself fixes to float32 whatever the
weights are stays float32, for it is part of what the model is: the scheduler's sigmas and timesteps, the timestep and
the guidance with their sinusoids, and the rotary tables. Where its classes ask for float32 to gain precision (the
rotation, T5's norms, the scheduler's steps), float64 is kept.

The sinusoids are of angles up to 3500 in float32, so that one unit in the last place of `torch.exp` moves them by up to
1.8e-4; libraries round it differently. Here every exp, sin and cos of them is correctly rounded.
"""

import common  # noqa: F401

import torch

from exact import Exactly
from flux1_cases import Recorder, load


def fix(mode, transformer):
    """Leaves a transformer what it fixes to float32."""
    mode.fixed(transformer.pos_embed, "forward")
    mode.fixed(transformer.time_text_embed.time_proj, "forward")
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

    def run(self, request, latents):
        """The trace of a request from packed float32 noise."""
        with self.mode:
            return Recorder(self.pipe).run(request, latents.to(self.pipe.transformer.dtype))

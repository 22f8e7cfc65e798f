"""Loads FLUX.1's pipeline so that what it computes does not depend on the processor: in float64, or in float32 to see
how far that is from float64.

In float64, weights, states, latents and images are float64. What diffusers itself fixes to float32 whatever the
weights are stays float32, for it is part of what the model is: the scheduler's sigmas and timesteps, the timestep and
the guidance with their sinusoids, and the rotary tables. Where its classes ask for float32 to gain precision (the
rotation, T5's norms, the scheduler's steps), float64 is kept.

The sinusoids are of angles up to 3500 in float32, so that one unit in the last place of `torch.exp` moves them by up to
1.8e-4; libraries round it differently. Here every exp, sin and cos of them is correctly rounded.
"""

import exact
from flux1_cases import Recorder, load


def fix(mode, transformer):
    """Leaves a transformer what it fixes to float32."""
    mode.fixed(transformer.pos_embed, "forward")
    mode.fixed(transformer.time_text_embed.time_proj, "forward")
    mode.rounded_timestep(transformer)


class Exact(exact.Exact):
    """The pipeline of one checkpoint."""

    recorder, load, fix = Recorder, staticmethod(load), staticmethod(fix)

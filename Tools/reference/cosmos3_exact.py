"""Cosmos3's transformer and pipelines in float64 where diffusers does not itself fix float32.

Fixed are the schedule and the solver's weights, the timesteps with their sinusoids, the positions and the rotary tables;
sines and cosines of them are correctly rounded. Means and deviations of the latents are not rounded.
"""

import contextlib

import common  # noqa: F401

import torch
from diffusers import Cosmos3OmniPipeline
from diffusers.schedulers import scheduling_flow_match_euler_discrete as euler

from exact import Exactly


def fix(mode, transformer):
    """Leaves a transformer what it fixes to float32."""
    mode.fixed(transformer.time_proj, "forward")
    rotary, config = transformer.rotary_emb, transformer.config
    exponents = torch.arange(0, config.head_dim, 2, dtype=torch.float) / config.head_dim
    rotary.inv_freq = 1.0 / (config.rope_theta ** exponents.double()).float()
    mode.fixed(rotary, "forward")


def exact(pipe, dtype):
    """A pipeline in a type, and the mode to run it in."""
    mode = Exactly()
    pipe = pipe.to(dtype=dtype)
    fix(mode, pipe.transformer)
    mode.fixed(pipe.scheduler, "set_timesteps")
    config = pipe.vae.config
    if isinstance(pipe, Cosmos3OmniPipeline):  # the modular one makes them when it needs them
        pipe._vae_latents_mean = torch.tensor(config.latents_mean, dtype=dtype)
        pipe._vae_latents_inv_std = 1.0 / torch.tensor(config.latents_std, dtype=dtype)
    return pipe, mode


@contextlib.contextmanager
def wide_noise(dtype):
    """The noise of a distilled checkpoint's steps is drawn in float32 and goes on in a type."""
    draw = euler.randn_tensor
    euler.randn_tensor = lambda *args, **kwargs: draw(*args, **kwargs | {"dtype": torch.float32}).to(dtype)
    try:
        yield
    finally:
        euler.randn_tensor = draw

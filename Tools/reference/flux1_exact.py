"""Loads FLUX.1's pipeline so that what it computes does not depend on the processor: in float64, or in float32 to see
how far that is from float64.

In float64, weights, states, latents and images are float64. What diffusers itself fixes to float32 whatever the
weights are stays float32, for it is part of what the model is: the scheduler's sigmas and timesteps, the timestep and
the guidance with their sinusoids, and the rotary tables. Where its classes ask for float32 to gain precision (the
rotation, T5's norms, the scheduler's steps), float64 is kept.

The sinusoids are of angles up to 3500 in float32, so that one unit in the last place of `torch.exp` moves them by up to
1.8e-4; libraries round it differently. Here every exp, sin and cos of them is correctly rounded.
"""

import functools

import common  # noqa: F401

import torch
from torch.overrides import TorchFunctionMode

from flux1_cases import Recorder, load

CONVERSIONS = {torch.Tensor.to, torch.Tensor.float, torch.Tensor.type}
FUNCTIONS = {torch.exp, torch.sin, torch.cos}


class Exactly(TorchFunctionMode):
    """Keeps float64 tensors from becoming float32, but in the methods named as `fixed`, whose functions it rounds."""

    def __init__(self):
        super().__init__()
        self.depth = 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if self.depth:
            if function in FUNCTIONS and args[0].dtype == torch.float32:
                return function(args[0].double()).float()
        elif function in CONVERSIONS and args[0].dtype == torch.float64:
            result = function(*args, **kwargs)
            return args[0] if isinstance(result, torch.Tensor) and result.dtype == torch.float32 else result
        return function(*args, **kwargs)

    def fixed(self, owner, name):
        """Leaves a method of `owner` its float32."""
        method = getattr(owner, name)

        @functools.wraps(method)  # the pipeline looks at the parameters of `set_timesteps`
        def wrapper(*args, **kwargs):
            self.depth += 1
            try:
                return method(*args, **kwargs)
            finally:
                self.depth -= 1

        setattr(owner, name, wrapper)

    def rounded(self, tensor):
        """A tensor in float32."""
        self.depth += 1
        try:
            return tensor.float()
        finally:
            self.depth -= 1


class Exact:
    """The pipeline of one checkpoint; use it inside `with exact.mode`."""

    def __init__(self, model, dtype=torch.float64):
        self.mode = Exactly()
        self.pipe = pipe = load(model).to(dtype=dtype)
        embeddings = pipe.transformer.time_text_embed
        for owner, name in ((pipe.transformer.pos_embed, "forward"), (embeddings.time_proj, "forward"),
                            (pipe.scheduler, "set_timesteps")):  # fmt: skip
            self.mode.fixed(owner, name)
        # The pipeline divides the timestep by 1000 in the latents' type and the transformer multiplies it again.
        pipe.transformer.register_forward_pre_hook(
            lambda _, args, kwargs: (args, kwargs | {"timestep": self.mode.rounded(kwargs["timestep"])}),
            with_kwargs=True,
        )

    def run(self, request, latents):
        """The trace of a request from packed float32 noise."""
        with self.mode:
            return Recorder(self.pipe).run(request, latents.to(self.pipe.transformer.dtype))


def closeness(value, reference):
    """The largest difference relative to max(1, |reference|), which is how the tests measure."""
    value, reference = value.double(), reference.double()
    return ((value - reference).abs() / reference.abs().clamp(min=1)).max().item()

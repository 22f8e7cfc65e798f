"""What makes a pipeline compute in float64 where diffusers does not itself fix float32, and how far runs are apart."""

import functools

import common  # noqa: F401

import torch
from torch.overrides import TorchFunctionMode

CONVERSIONS = {torch.Tensor.to, torch.Tensor.float, torch.Tensor.type}
FUNCTIONS = {torch.exp, torch.sin, torch.cos, torch.Tensor.exp, torch.Tensor.sin, torch.Tensor.cos}


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

    def rounded_timestep(self, transformer):
        """Gives a transformer its timestep in float32, which pipelines divide by 1000 in the latents' type."""
        transformer.register_forward_pre_hook(
            lambda _, args, kwargs: (args, kwargs | {"timestep": self.rounded(kwargs["timestep"])}), with_kwargs=True
        )

    def fixed_angles(self, rotary, theta, width):
        """Leaves a language model's rotary embedding its float32, with frequencies that are correctly rounded."""
        exponents = torch.arange(0, width, 2, dtype=torch.float) / width
        frequencies = 1.0 / (theta ** exponents.double()).float()
        rotary.inv_freq = rotary.original_inv_freq = frequencies
        self.fixed(rotary, "forward")


class Exact:
    """A family's pipeline of one checkpoint, or with another transformer; use it inside `with exact.mode`.

    A family has a `load`, a `recorder`, and a `fix` that leaves a transformer what it fixes to float32.
    """

    def __init__(self, model, dtype=torch.float64, transformer=None):
        self.mode = Exactly()
        self.pipe = pipe = self.load(model).to(dtype=dtype)
        if transformer is not None:
            pipe.transformer = transformer
        self.fix(self.mode, pipe.transformer)
        self.mode.fixed(pipe.scheduler, "set_timesteps")

    def run(self, request, latents):
        """The trace of a request from float32 noise, in the form that diffusers wants."""
        with self.mode:
            return self.recorder(self.pipe).run(request, latents.to(self.pipe.transformer.dtype))


def closeness(value, reference):
    """The largest difference relative to max(1, |reference|), which is how the tests measure."""
    value, reference = value.double(), reference.double()
    return ((value - reference).abs() / reference.abs().clamp(min=1)).max().item()


def distance(value, reference):
    """How far a run is from its reference: largest difference, and Frobenius norm relative to it."""
    value, reference = value.double(), reference.double()
    difference = value - reference
    return {
        "max_abs": float(f"{difference.abs().max().item():.6g}"),
        "relative_frobenius": float(f"{(difference.norm() / reference.norm()).item():.6g}"),
    }

"""LTX-2's components and pipelines in float64 where diffusers does not itself fix float32.

Fixed are the schedule, the timesteps with their sinusoids, the positions and the rotary tables, and the text encoder's
angles; exponentials, sines and cosines of them are correctly rounded.
"""

import contextlib
import functools
import sys

import common  # noqa: F401

import torch

from exact import Exactly
from ltx2_cases import Recorder, load


def widened(module):
    """Gives what follows a module its float32 tables in float64."""
    module.register_forward_hook(lambda _, __, output: tuple(table.double() for table in output))


def fix(mode, model):
    """Leaves a transformer or connectors what they fix to float32."""
    for name, module in model.named_modules():
        leaf = name.rsplit(".", 1)[-1]
        if leaf == "time_proj" or leaf.endswith("rope"):
            mode.fixed(module, "forward")
            if leaf.endswith("rope") and next(model.parameters()).dtype == torch.float64:
                widened(module)


def exactly(model, dtype):
    """A component in a type, and the mode to run it in."""
    mode = Exactly()
    model = model.to(dtype)
    fix(mode, model)
    return model, mode


def fix_text(mode, pipe):
    """Leaves the text encoder its float32 angles, with frequencies that are correctly rounded."""
    model = pipe.text_encoder.model.language_model
    rotary, width = model.rotary_emb, model.config.head_dim
    exponents = torch.arange(0, width, 2, dtype=torch.float) / width
    for kind, parameters in model.config.rope_parameters.items():
        frequencies = 1.0 / (parameters["rope_theta"] ** exponents.double()).float()
        setattr(rotary, f"{kind}_inv_freq", frequencies / parameters.get("factor", 1.0))
    mode.fixed(rotary, "forward")


def fix_schedule(mode, pipe):
    """Leaves the scheduler its float32, also where the pipeline copies it."""
    kind = type(pipe.scheduler)

    class Fixed(kind):
        @functools.wraps(kind.set_timesteps)
        def set_timesteps(self, *args, **kwargs):
            mode.depth += 1
            try:
                return super().set_timesteps(*args, **kwargs)
            finally:
                mode.depth -= 1

    pipe.scheduler.__class__ = Fixed


@contextlib.contextmanager
def wide_noise(pipe):
    """Noise is drawn in float32 and goes on in the type of the pipeline."""
    module = sys.modules[type(pipe).__module__]
    draw = module.randn_tensor
    module.randn_tensor = lambda *args, **kwargs: draw(*args, **kwargs | {"dtype": torch.float32}).to(pipe.transformer.dtype)
    try:
        yield
    finally:
        module.randn_tensor = draw


class Exact:
    """The pipeline of a request in float64; its scheduler, rotary tables and sinusoids are float32."""

    def __init__(self, asked, dtype=torch.float64):
        self.mode, self.asked = Exactly(), asked
        self.pipe = load(asked).to(dtype=dtype)
        fix(self.mode, self.pipe.transformer)
        fix(self.mode, self.pipe.connectors)
        fix_text(self.mode, self.pipe)
        fix_schedule(self.mode, self.pipe)

    def run(self):
        """The trace of the request."""
        with wide_noise(self.pipe), self.mode:
            return Recorder(self.pipe).run(self.asked)

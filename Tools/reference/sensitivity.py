"""What the scripts share that see how much a golden depends on what it should depend on."""

import contextlib

import common  # noqa: F401

REPLACEMENT = "A bowl of ramen"
THRESHOLD = 0.01


def change(trace, golden):
    """How far two images are apart; other sizes are other images."""
    if trace["decoded"].shape != golden["decoded"].shape:
        return 1.0
    return (trace["decoded"] - golden["decoded"]).abs().max().item()


@contextlib.contextmanager
def enlarged(module):
    """A layer whose weights are scaled by 1.25."""
    saved = {key: value.clone() for key, value in module.state_dict().items()}
    for value in module.state_dict().values():
        value.mul_(1.25)
    yield
    module.load_state_dict(saved)


@contextlib.contextmanager
def other_timestep(transformer, step, calls_per_step):
    """A transformer that is told a timestep 5 % too small at one step."""
    calls = 0

    def shift(module, args, kwargs):
        nonlocal calls
        if calls // calls_per_step == step:
            kwargs["timestep"] = kwargs["timestep"] * 0.95
        calls += 1
        return args, kwargs

    hook = transformer.register_forward_pre_hook(shift, with_kwargs=True)
    yield
    hook.remove()

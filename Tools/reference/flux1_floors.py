"""How far diffusers' own float32 is from its float64, by processor: Tests/Goldens/flux1/floors.json."""

import json
import re

from common import GOLDENS, write_json

import torch

from flux1_exact import closeness

PATH = GOLDENS / "flux1" / "floors.json"


def kind(name):
    """What a tensor's floor is recorded under: its name without its number."""
    return re.sub(r"\.step\d+$", "", name)


def stored(truth):
    """The tensors of a float64 run as goldens hold them."""
    return {name: value.float() if value.dtype == torch.float64 else value for name, value in truth.items()}


def floors(found, truth):
    """The largest distance of a float32 run from a float64 one, for each kind of tensor computed in float64."""
    result = {}
    for name, value in truth.items():
        if value.dtype == torch.float64 and name in found:
            result[kind(name)] = max(result.get(kind(name), 0.0), closeness(found[name], value))
    return {name: float(f"{value:.2g}") for name, value in sorted(result.items()) if value > 0}


def record(floors, processor=None):
    """Replaces the floors of some goldens on this processor."""
    everything = json.loads(PATH.read_text()) if PATH.exists() else {}
    mine = everything.setdefault(processor or torch.backends.cpu.get_cpu_capability(), {})
    mine |= floors
    write_json(PATH, {name: dict(sorted(everything[name].items())) for name in sorted(everything)})

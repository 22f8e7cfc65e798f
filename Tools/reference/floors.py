"""How far diffusers' own float32 is from its float64, by processor: `floors.json` beside the goldens of a family. And
how far its own bfloat16 is: `bfloat16.json`, by processor too.
"""

import json
import re

from common import versions, write_json

import torch

from exact import closeness


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


def record(folder, floors, processor=None):
    """Replaces the floors of some goldens of a folder on this processor."""
    path = folder / "floors.json"
    everything = json.loads(path.read_text()) if path.exists() else {}
    mine = everything.setdefault(processor or torch.backends.cpu.get_cpu_capability(), {})
    mine |= floors
    write_json(path, {name: dict(sorted(everything[name].items())) for name in sorted(everything)})


def record_bfloat16(folder, cases):
    """Replaces the distances of bfloat16 runs on this processor."""
    path = folder / "bfloat16.json"
    everything = json.loads(path.read_text()) if path.exists() else {}
    everything[torch.backends.cpu.get_cpu_capability()] = {"versions": versions(), "cases": cases}
    write_json(path, {name: everything[name] for name in sorted(everything)})

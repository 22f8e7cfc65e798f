"""Writes Tests/Goldens/schedulers/flow_match_euler.json: schedules, steps and edge cases of flow-match Euler.

Every number is a float32 that came out of diffusers, written with nine digits, which is enough to read it back exactly.
Inputs are float64 where Python computes with float64 (mu, sigmas and timesteps as lists); JSON keeps them exactly too.
"""

import json

from common import GOLDENS, versions

import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler

from flux1_published import SCHEDULERS

FLUX = {key: value for key, value in SCHEDULERS["dev"].items() if not key.startswith("_")}
QWEN = {
    "base_image_seq_len": 256, "base_shift": 0.5, "max_image_seq_len": 8192, "max_shift": 0.9, "shift": 1.0,
    "shift_terminal": 0.02, "use_dynamic_shifting": True,
}  # fmt: skip
LTX = {
    "base_image_seq_len": 1024, "base_shift": 0.95, "max_image_seq_len": 4096, "max_shift": 2.05, "shift": 1.0,
    "shift_terminal": 0.1, "use_dynamic_shifting": True,
}  # fmt: skip


def linspace(steps):
    """The sigmas that the pipelines pass."""
    return np.linspace(1.0, 1 / steps, steps).tolist()


CONFIGS = {
    "defaults": {},
    "flux1-dev": FLUX,
    "flux1-schnell": {key: value for key, value in SCHEDULERS["schnell"].items() if not key.startswith("_")},
    "qwen-image": QWEN,
    "ltx-2": LTX,
    "shift 3": {"shift": 3.0},
    "shift 0.5": {"shift": 0.5},
    "shift 12, 500 train steps": {"shift": 12.0, "num_train_timesteps": 500},
    "linear dynamic": {"use_dynamic_shifting": True, "time_shift_type": "linear"},
    "linear dynamic, terminal": {"use_dynamic_shifting": True, "time_shift_type": "linear", "shift_terminal": 0.05},
    "terminal": {"shift": 2.0, "shift_terminal": 0.1},
    "terminal 0": {"shift": 2.0, "shift_terminal": 0.0},
    "inverted": {"invert_sigmas": True},
    "inverted, shift 3": {"invert_sigmas": True, "shift": 3.0},
    "inverted dynamic": FLUX | {"invert_sigmas": True},
    "karras": {"use_karras_sigmas": True},
    "karras, shift 3": {"use_karras_sigmas": True, "shift": 3.0},
    "karras dynamic": FLUX | {"use_karras_sigmas": True},
    "karras, terminal, inverted": {"use_karras_sigmas": True, "shift_terminal": 0.1, "invert_sigmas": True},
    "exponential": {"use_exponential_sigmas": True},
    "exponential dynamic": FLUX | {"use_exponential_sigmas": True},
    "exponential, shift 3": {"use_exponential_sigmas": True, "shift": 3.0},
    "beta": {"use_beta_sigmas": True},
    "beta dynamic": FLUX | {"use_beta_sigmas": True},
    "beta, terminal": {"use_beta_sigmas": True, "shift_terminal": 0.2, "shift": 1.5},
    "stochastic": {"stochastic_sampling": True, "shift": 3.0},
}

CALLS = [
    {"num_inference_steps": 1},
    {"num_inference_steps": 2},
    {"num_inference_steps": 7},
    {"num_inference_steps": 28},
    {"sigmas": linspace(4)},
    {"sigmas": [1.0]},
    {"sigmas": [0.9, 0.5, 0.5, 0.1], "num_inference_steps": 4},
    {"timesteps": [1000.0, 750.0, 500.0, 250.0]},
    {"timesteps": [999, 400, 3], "num_inference_steps": 3},
    {"sigmas": [1.0, 0.6, 0.3], "timesteps": [990.0, 640.0, 310.0]},
    {"sigmas": [1.0, 0.6, 0.3], "timesteps": [990.0, 640.0, 310.0], "num_inference_steps": 3},
]
MUS = [0.5, 1.15, 0.6317708333333333, 2.05]
STEPPED = ["flux1-dev", "flux1-schnell", "terminal", "inverted", "karras", "stochastic"]


class Float(float):
    """A float32 that prints with nine digits."""

    def __repr__(self):
        return f"{float(self):.9g}"


def floats(tensor):
    """A tensor as nested lists; infinities and NaN become null."""
    values = tensor.to(torch.float32).tolist()

    def convert(value):
        if isinstance(value, list):
            return [convert(entry) for entry in value]
        return Float(value) if np.isfinite(value) else None

    return convert(values)


def compact(value):
    """JSON on one line, in which a Float keeps its nine digits."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)}: {compact(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(compact, value)) + "]"
    return repr(value) if isinstance(value, Float) else json.dumps(value, ensure_ascii=False)


def attempt(action):
    """The result of an action, or how it failed."""
    try:
        return action()
    except Exception as error:  # what a refusal looks like is the point
        return {"error": type(error).__name__, "message": " ".join(str(error).split())}


def schedule(config, call):
    """Sigmas and timesteps after one set_timesteps."""

    def action():
        scheduler = FlowMatchEulerDiscreteScheduler(**config)
        scheduler.set_timesteps(**call)
        return {"sigmas": floats(scheduler.sigmas), "timesteps": floats(scheduler.timesteps)}

    return attempt(action)


def draw(seed, *shape):
    """A normal tensor that is the same on every machine."""
    return torch.from_numpy(np.random.Generator(np.random.PCG64(seed)).standard_normal(shape).astype(np.float32))


def steps(name, call, dtype=torch.float32, begin=0, per_token=False):
    """A run of `step` over all timesteps, on a sample of two tokens of three channels."""
    scheduler = FlowMatchEulerDiscreteScheduler(**CONFIGS[name])
    scheduler.set_timesteps(**call)
    if begin is not None:
        scheduler.set_begin_index(begin)
    generator = torch.Generator("cpu").manual_seed(17)
    count = len(scheduler.timesteps)
    sample = draw(1, 1, 2, 3).to(dtype)
    outputs = [draw(2 + number, 1, 2, 3).to(dtype) for number in range(count)]
    result = {"config": name, "call": call, "dtype": str(dtype).removeprefix("torch."), "sample": floats(sample),
              "model_outputs": [floats(output) for output in outputs]}  # fmt: skip
    if begin is not None:
        result["begin_index"] = begin
    if CONFIGS[name].get("stochastic_sampling"):
        result["generator_seed"] = 17
    samples, per_token_timesteps = [], []
    for number in range(begin or 0, count):
        timestep = scheduler.timesteps[number]
        options = {}
        if per_token:
            # The second token is further along than the first, and held at 0 from the third step on.
            later = scheduler.timesteps[number + 1] if number < 2 else torch.tensor(0.0)
            options["per_token_timesteps"] = torch.stack([timestep, later])[None]
            per_token_timesteps.append(floats(options["per_token_timesteps"]))
        sample = scheduler.step(outputs[number], timestep, sample, generator=generator, return_dict=False, **options)[0]
        samples.append(floats(sample))
    if per_token:
        result["per_token_timesteps"] = per_token_timesteps
    return result | {"samples": samples, "result_dtype": str(sample.dtype).removeprefix("torch.")}


def edges():
    """What diffusers refuses, trips over, or answers with numbers of no use (null is NaN or infinite)."""
    both = {"use_karras_sigmas": True, "use_beta_sigmas": True}
    configs = [both, {"use_exponential_sigmas": True, "use_beta_sigmas": True}, {"time_shift_type": "quadratic"}]
    for config in configs:
        yield {"config": config} | attempt(lambda config=config: FlowMatchEulerDiscreteScheduler(**config) and {})
    calls = [
        ({}, {}),
        (FLUX, {"num_inference_steps": 4}),
        ({}, {"sigmas": [1.0, 0.5], "num_inference_steps": 3}),
        ({}, {"timesteps": [900.0, 500.0], "num_inference_steps": 3}),
        ({}, {"sigmas": [1.0, 0.5], "timesteps": [900.0]}),
        ({}, {"num_inference_steps": 0}),
        ({}, {"sigmas": []}),
        ({}, {"sigmas": [1.0, 0.0]}),
        ({"shift_terminal": 0.1}, {"sigmas": [1.0]}),
        ({"shift_terminal": 0.1}, {"num_inference_steps": 1}),
        ({"shift_terminal": 1.0}, {"num_inference_steps": 3}),
        ({"use_exponential_sigmas": True}, {"sigmas": [1.0, 0.0]}),
        (FLUX, {"sigmas": [1.0, 0.0], "mu": 0.5}),
        ({}, {"num_inference_steps": 2, "mu": 0.5}),
        ({"num_train_timesteps": 0}, {"num_inference_steps": 2}),
    ]
    for config, call in calls:
        yield {"config": config, "call": call} | schedule(config, call)
    for timestep in (1, torch.tensor(500), torch.tensor(123.0)):
        scheduler = FlowMatchEulerDiscreteScheduler()
        scheduler.set_timesteps(2)
        result = attempt(lambda: scheduler.step(torch.zeros(1), timestep, torch.zeros(1)) and {})  # noqa: B023
        shown = timestep if isinstance(timestep, int) else f"{timestep.item()} as {timestep.dtype}"
        yield {"config": {}, "call": {"num_inference_steps": 2}, "step_timestep": shown} | result


def main():
    schedules = []
    for name, config in CONFIGS.items():
        dynamic = config.get("use_dynamic_shifting", False)
        for number, call in enumerate(CALLS):
            mus = MUS if number == 4 else MUS[:1] if number % 2 else MUS[2:3]
            for mu in mus if dynamic else [None]:
                asked = call if mu is None else call | {"mu": mu}
                schedules.append({"config": name, "call": asked} | schedule(config, asked))
    with_mu = {"sigmas": linspace(4), "mu": 0.6317708333333333}
    runs = [steps(name, with_mu if CONFIGS[name].get("use_dynamic_shifting") else {"sigmas": linspace(4)})
            for name in STEPPED]  # fmt: skip
    runs.append(steps("flux1-dev", with_mu, dtype=torch.bfloat16))
    runs.append(steps("flux1-dev", with_mu, begin=2))
    runs.append(steps("shift 3", {"num_inference_steps": 4}, begin=None))
    runs.append(steps("shift 3", {"sigmas": [0.9, 0.5, 0.5, 0.1]}, begin=None))
    runs.append(steps("flux1-dev", with_mu, per_token=True))
    runs.append(steps("stochastic", {"sigmas": linspace(4)}, per_token=True))
    initial = []
    for name, config in CONFIGS.items():
        scheduler = FlowMatchEulerDiscreteScheduler(**config)
        bounds = {"sigma_min": Float(scheduler.sigma_min), "sigma_max": Float(scheduler.sigma_max)}
        initial.append({"config": name} | bounds)

    sections = {"schedules": schedules, "steps": runs, "edges": list(edges()), "initial": initial}
    lines = ["{", f'"versions": {compact(versions())},']
    lines.append('"configs": {\n' + ",\n".join(f"{json.dumps(n)}: {compact(c)}" for n, c in CONFIGS.items()) + "\n},")
    blocks = [f'"{name}": [\n' + ",\n".join(map(compact, entries)) + "\n]" for name, entries in sections.items()]
    path = GOLDENS / "schedulers" / "flow_match_euler.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n" + ",\n".join(blocks) + "\n}\n", encoding="utf-8")
    json.loads(path.read_text(encoding="utf-8"))
    print(path.name, path.stat().st_size, "bytes;", ", ".join(f"{len(v)} {k}" for k, v in sections.items()))


if __name__ == "__main__":
    main()

"""Writes Tests/Goldens/schedulers/unipc.json: schedules, steps and edge cases of UniPC.

Numbers are written as in `schedulers.py`. Every run begins with the same sample and takes the same model outputs, which
stand once at the head of the file. A run's `timesteps` are the ones it was stepped with.
"""

import json

from common import GOLDENS, versions

import numpy as np
import torch
from diffusers import UniPCMultistepScheduler

from schedulers import attempt, compact, draw, floats

WAN = {
    "beta_end": 0.02, "beta_schedule": "linear", "beta_start": 0.0001, "disable_corrector": [],
    "dynamic_thresholding_ratio": 0.995, "final_sigmas_type": "zero", "flow_shift": 3.0, "lower_order_final": True,
    "num_train_timesteps": 1000, "predict_x0": True, "prediction_type": "flow_prediction",
    "rescale_betas_zero_snr": False, "sample_max_value": 1.0, "solver_order": 2, "solver_p": None,
    "solver_type": "bh2", "steps_offset": 0, "thresholding": False, "timestep_spacing": "linspace",
    "trained_betas": None, "use_beta_sigmas": False, "use_exponential_sigmas": False, "use_flow_sigmas": True,
    "use_karras_sigmas": False,
}  # fmt: skip
FLOW = {"prediction_type": "flow_prediction", "use_flow_sigmas": True}
DYNAMIC = FLOW | {"use_dynamic_shifting": True}
KARRAS = FLOW | {"use_karras_sigmas": True}
COSMOS = KARRAS | {"sigma_max": 200.0, "sigma_min": 0.147, "use_dynamic_shifting": False}
LAST = {"final_sigmas_type": "sigma_min"}
SMALL = {"sigma_max": 0.9, "sigma_min": 0.1}

CONFIGS = {
    "wan": WAN,
    "wan 720p": WAN | {"flow_shift": 5.0},
    "wan, order 1": WAN | {"solver_order": 1},
    "wan, order 3": WAN | {"solver_order": 3},
    "wan, no corrector at first": WAN | {"disable_corrector": [0, 1]},
    "wan, last sigma": WAN | LAST,
    "wan, bh1": WAN | LAST | {"solver_type": "bh1"},
    "wan, bh1, order 3": WAN | LAST | {"solver_type": "bh1", "solver_order": 3},
    "wan, heun": WAN | {"solver_type": "heun"},
    "wan, full order to the end": WAN | LAST | {"lower_order_final": False},
    "flow, shift 1": FLOW,
    "flow, shift 0.5": FLOW | {"flow_shift": 0.5},
    "flow, shift 12": FLOW | {"flow_shift": 12.0},
    "flow, 500 train steps": FLOW | {"num_train_timesteps": 500, "flow_shift": 7.0},
    "flow, terminal": FLOW | {"shift_terminal": 0.1},
    "flow, terminal 0": FLOW | {"shift_terminal": 0.0, "flow_shift": 2.0},
    "dynamic": DYNAMIC,
    "dynamic linear": DYNAMIC | {"time_shift_type": "linear"},
    "dynamic, terminal": DYNAMIC | {"shift_terminal": 0.05, "flow_shift": 3.0},
    "flow of epsilon": WAN | {"prediction_type": "epsilon"},
    "flow of sample": WAN | {"prediction_type": "sample"},
    "flow of v": WAN | {"prediction_type": "v_prediction"},
    "cosmos": COSMOS,
    "cosmos, order 3, last sigma": COSMOS | LAST | {"solver_order": 3},
    "karras flow": KARRAS | {"sigma_max": 80.0},
    "karras flow, trained range": KARRAS,
    "karras": {"use_karras_sigmas": True},
    "karras, last sigma": LAST | {"use_karras_sigmas": True, "solver_order": 3},
    "exponential": {"use_exponential_sigmas": True},
    "exponential flow": FLOW | SMALL | {"use_exponential_sigmas": True},
    "exponential, range": SMALL | {"use_exponential_sigmas": True},
    "beta": {"use_beta_sigmas": True},
    "beta flow": FLOW | SMALL | {"use_beta_sigmas": True},
    "beta, last sigma": LAST | {"use_beta_sigmas": True},
    "defaults": {},
    "order 3": {"solver_order": 3},
    "bh1": {"solver_type": "bh1"} | LAST,
    "bh1, order 3": {"solver_type": "bh1", "solver_order": 3} | LAST,
    "noise, order 1": {"predict_x0": False, "solver_order": 1} | LAST,
    "noise": {"predict_x0": False} | LAST,
    "noise, order 3": {"predict_x0": False, "solver_order": 3} | LAST,
    "noise, bh1": {"predict_x0": False, "solver_type": "bh1"} | LAST,
    "noise of sample": {"predict_x0": False, "prediction_type": "sample"} | LAST,
    "noise of v": {"predict_x0": False, "prediction_type": "v_prediction"} | LAST,
    "sample": {"prediction_type": "sample"},
    "v": {"prediction_type": "v_prediction", "beta_schedule": "scaled_linear", "beta_end": 0.012, "beta_start": 0.00085},
    "cosine": {"beta_schedule": "squaredcos_cap_v2"},
    "cosine, 300 train steps": {"beta_schedule": "squaredcos_cap_v2", "num_train_timesteps": 300},
    "leading": {"timestep_spacing": "leading", "steps_offset": 1},
    "leading, offset beyond": {"timestep_spacing": "leading", "steps_offset": 700, "num_train_timesteps": 1200},
    "trailing": {"timestep_spacing": "trailing"},
    "trailing, 777 train steps": {"timestep_spacing": "trailing", "num_train_timesteps": 777},
    "zero terminal": {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing", "prediction_type": "v_prediction"},
    "full order to the end": LAST | {"lower_order_final": False},
}
STEPS = [1, 2, 3, 7, 20, 50]
SIGMAS = [[1.0, 0.75, 0.5, 0.25], [0.9, 0.5, 0.5, 0.1], [0.8]]
MUS = [0.5, 1.15, 2.05]
COUNT = 9
SAMPLE = draw(1, 1, 2, 3)
OUTPUTS = [draw(2 + number, 1, 2, 3) for number in range(COUNT)]


def prepared(config, call):
    """A scheduler after `set_timesteps`; sigmas go in as the array that its arithmetic needs."""
    scheduler = UniPCMultistepScheduler(**config)
    options = dict(call)
    if "sigmas" in options:
        options["sigmas"] = np.array(options["sigmas"])
    scheduler.set_timesteps(**options)
    return scheduler


def schedule(config, call):
    """Sigmas and timesteps after one set_timesteps."""

    def action():
        scheduler = prepared(config, call)
        return {"sigmas": floats(scheduler.sigmas), "timesteps": scheduler.timesteps.tolist()}

    return attempt(action)


def steps(name, call, begin=0, config=None, skip=0):
    """A run of `step` over the timesteps, `skip` of which are left out at the start."""
    scheduler = prepared(CONFIGS[name] if config is None else config, call)
    if begin is not None:
        scheduler.set_begin_index(begin)
    sample, samples = SAMPLE, []
    timesteps = scheduler.timesteps[skip:]
    result = {"config": name, "call": call, "timesteps": timesteps.tolist()}
    if begin is not None:
        result["begin_index"] = begin
    try:
        for number, timestep in enumerate(timesteps):
            sample = scheduler.step(OUTPUTS[number], timestep, sample, return_dict=False)[0]
            samples.append(floats(sample))
            if number == 0:
                result["first_index"] = scheduler.step_index - 1
    except Exception as error:  # how it fails is the point
        result |= {"error": type(error).__name__}
    return result | {"samples": samples}


def edges():
    """What diffusers refuses, or answers with numbers of no use (null is NaN or infinite)."""
    configs = [
        {"use_karras_sigmas": True, "use_beta_sigmas": True},
        {"shift_terminal": 0.1},
        {"beta_schedule": "quadratic"},
        {"solver_type": "rk4"},
    ]
    for config in configs:
        yield {"config": config} | attempt(lambda config=config: UniPCMultistepScheduler(**config) and {})
    calls = [
        (DYNAMIC, {"num_inference_steps": 4}),
        ({}, {"sigmas": [1.0, 0.5]}),
        ({"timestep_spacing": "log"}, {"num_inference_steps": 4}),
        ({"final_sigmas_type": "one"}, {"num_inference_steps": 4}),
        (FLOW, {"num_inference_steps": 0}),
        (FLOW | {"shift_terminal": 0.1}, {"sigmas": [1.0]}),
    ]
    for config, call in calls:
        yield {"config": config, "call": call} | schedule(config, call)
    runs = [
        ("bh1 to zero", WAN | {"solver_type": "bh1"}),
        ("bh1 to zero, order 1", WAN | {"solver_type": "bh1", "solver_order": 1}),
        ("full order to zero", WAN | {"lower_order_final": False}),
        ("full order to zero, order 1", WAN | {"lower_order_final": False, "solver_order": 1}),
        ("full order 3 to the last sigma", WAN | LAST | {"lower_order_final": False, "solver_order": 3}),
        ("full order 3 to the trained sigma", LAST | {"lower_order_final": False, "solver_order": 3}),
        ("noise to zero", {"predict_x0": False}),
        ("noise to zero, bh1", {"predict_x0": False, "solver_type": "bh1"}),
        ("noise to zero, order 1", {"predict_x0": False, "solver_order": 1}),
        ("flow prediction as noise", FLOW | {"predict_x0": False}),
        ("flow prediction without flow", {"prediction_type": "flow_prediction"}),
        ("order 4", WAN | {"solver_order": 4}),
        ("karras flow, sample", KARRAS | {"prediction_type": "sample"}),
    ]
    for name, config in runs:
        yield {"run": name} | steps(name, {"num_inference_steps": 6}, config=config)


def main():
    schedules = []
    for name, config in CONFIGS.items():
        calls = [{"num_inference_steps": count} for count in STEPS]
        if name in ("wan", "flow, shift 12"):
            calls += [{"num_inference_steps": 200}]
        if config.get("use_flow_sigmas"):
            calls += [{"sigmas": sigmas} for sigmas in SIGMAS[: 2 if "exponential" in name or "beta" in name else 3]]
        for number, call in enumerate(calls):
            if config.get("use_dynamic_shifting"):
                call = call | {"mu": MUS[number % 3]}
            schedules.append({"config": name, "call": call} | schedule(config, call))
    runs = []
    for name, config in CONFIGS.items():
        if name == "leading, offset beyond":
            continue  # two equal noise levels in a row, and NaN from there on
        mu = {"mu": 1.15} if config.get("use_dynamic_shifting") else {}
        for count in (1, 2, 3, 8) if name in ("wan", "wan, order 3", "defaults") else (6,):
            runs.append(steps(name, {"num_inference_steps": count} | mu))
    runs.append(steps("wan", {"num_inference_steps": 6}, begin=None))
    runs.append(steps("wan", {"num_inference_steps": 6}, begin=None, skip=2))
    runs.append(steps("wan", {"num_inference_steps": 6}, begin=2, skip=2))
    runs.append(steps("wan", {"sigmas": [0.9, 0.7, 0.3, 0.1]}))
    repeated = {"sigmas": [0.9999, 0.9998, 0.7, 0.5, 0.2]}
    runs.append(steps("wan", repeated))
    runs.append(steps("wan", repeated, begin=None))

    sections = {"schedules": schedules, "steps": runs, "edges": list(edges())}
    lines = ["{", f'"versions": {compact(versions())},']
    lines.append('"configs": {\n' + ",\n".join(f"{json.dumps(n)}: {compact(c)}" for n, c in CONFIGS.items()) + "\n},")
    lines.append(f'"sample": {compact(floats(SAMPLE))},')
    lines.append(f'"model_outputs": {compact([floats(output) for output in OUTPUTS])},')
    blocks = [f'"{name}": [\n' + ",\n".join(map(compact, entries)) + "\n]" for name, entries in sections.items()]
    path = GOLDENS / "schedulers" / "unipc.json"
    path.write_text("\n".join(lines) + "\n" + ",\n".join(blocks) + "\n}\n", encoding="utf-8")
    json.loads(path.read_text(encoding="utf-8"))
    print(path.name, path.stat().st_size, "bytes;", ", ".join(f"{len(v)} {k}" for k, v in sections.items()))


if __name__ == "__main__":
    main()

"""Writes Tests/Goldens/cosmos3/pipelines: diffusers' own runs of Cosmos3, stage by stage.

`<case>.safetensors` holds one request, computed in float64 from float32 noise and stored in float32. `floors.json` says
how far diffusers' float32 is from it, `bfloat16.json` how far diffusers' bfloat16, both by processor. `refusals.json` holds
requests and the first line of the errors.
"""

import argparse

import common  # noqa: F401

import torch

from common import save_golden, versions, write_json
from cosmos3_cases import CASES, FOLDER, REFUSALS, Recorder, load_asked, request
from cosmos3_exact import exact, wide_noise
from exact import distance
from floors import floors, record, record_bfloat16, stored

BFLOAT16_CASES = ["t2i", "t2v", "i2v", "t2v-sound", "i2v-sound", "super-t2v", "super-i2v", "super-i2v-batch", "distilled-i2v"]
# Of their frames goldens hold every fifth row alone.
ROWS_CASES = ["super-i2v-batch"]
# What does not depend on the type.
GIVEN = ("timesteps", "sigmas", "noise.step", "input_ids", "negative_input_ids", "image")


def run(asked, dtype):
    """The trace of a request in a type."""
    pipe, mode = exact(load_asked(asked), dtype)
    with wide_noise(dtype), mode:
        return Recorder(pipe).run(asked)


def held(case, trace):
    """What the golden of a case holds of a trace."""
    if case not in ROWS_CASES:
        return trace
    rows = trace["decoded"][..., ::5, :].contiguous()
    return {name: value for name, value in trace.items() if name != "decoded"} | {"decoded.rows": rows}


def write_case(case):
    """Runs a case and writes its golden and its floors; returns it."""
    asked = request(CASES[case])
    drawn, truth = Recorder(load_asked(asked)).run(asked), run(asked, torch.float64)
    for name, value in truth.items():
        if (name.startswith(GIVEN) or name.endswith("noise")) and not value.to(drawn[name].dtype).equal(drawn[name]):
            raise SystemExit(f"{case}: other {name} in float64")
    golden, path = held(case, stored(truth)), FOLDER / f"{case}.safetensors"
    save_golden(path, asked, golden)
    found = floors(run(asked, torch.float32), truth)
    record(FOLDER, {case: found})
    last = f"latents.step{len(golden['timesteps']) - 1}"
    sound = f" sound {list(golden['audio'].shape)} {golden['audio'].std():.2f}" if "audio" in golden else ""
    print(f"{case:20} {path.stat().st_size:7} bytes {list(golden['output'].shape)} deviation {truth['decoded'].std():.2f} "
          f"latents {golden[last].std():.2f}{sound} floor {max(found.values()):.1e} "
          f"plain {max(floors(drawn, truth).values()):.1e}", flush=True)  # fmt: skip
    return golden


def bfloat16_distances(case, golden):
    """diffusers' own bfloat16 run, which begins with the same noise, against the golden."""
    asked = request(CASES[case])
    trace = held(case, Recorder(load_asked(asked, torch.bfloat16)).run(asked))
    last = f"latents.step{len(golden['timesteps']) - 1}"
    decoded = "decoded.rows" if case in ROWS_CASES else "decoded"
    keys = {"decoded": decoded, "latents": last, "audio_latents": f"audio_{last}", "audio": "audio"}
    return {"all": {stage: distance(trace[key], golden[key]) for stage, key in keys.items() if key in golden}}


def refusals():
    """How diffusers fails where it does."""
    for name, changes in REFUSALS.items():
        asked = request(changes)
        try:
            Recorder(load_asked(asked)).run(asked)
        except Exception as error:  # what a refusal looks like is the point
            yield {"name": name, "request": asked, "error": type(error).__name__, "message": str(error).split("\n")[0]}
        else:
            raise SystemExit(f"{name}: not refused")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", help="which cases to write; all if none is named")
    cases = parser.parse_args().cases or list(CASES)
    goldens = {case: write_case(case) for case in cases}
    print(sum((FOLDER / f"{case}.safetensors").stat().st_size for case in cases), "bytes in all")
    if set(BFLOAT16_CASES) <= set(cases):
        distances = {case: bfloat16_distances(case, goldens[case]) for case in BFLOAT16_CASES}
        record_bfloat16(FOLDER, distances)
        write_json(FOLDER / "refusals.json", {"versions": versions(), "refusals": list(refusals())})
        for case, values in distances.items():
            print(case, {stage: value["relative_frobenius"] for stage, value in values["all"].items()})


if __name__ == "__main__":
    main()

"""Writes Tests/Goldens/flux1/<case>.safetensors: float64 runs of diffusers, stage by stage, from float32 noise.

Also flux1/bfloat16.json, and what flux1/floors.json says of this processor.
"""

import argparse
import json

from common import GOLDENS, save_tensors, versions, write_json

import torch

from exact import distance
from floors import floors, record, stored
from flux1_cases import CASES, Recorder, load, request
from flux1_exact import Exact

FOLDER = GOLDENS / "flux1"
BFLOAT16_CASES = ["dev", "schnell", "dev-true-cfg"]


def bfloat16_distances(case, golden):
    """diffusers' own bfloat16 run against the golden, with its own noise and with the float32 noise rounded."""
    asked = request(case)
    recorder = Recorder(load(asked["model"], torch.bfloat16))
    runs = {"own_noise": recorder.run(asked), "same_noise": recorder.run(asked, golden["latents.initial"])}
    last = f"latents.step{len(golden['timesteps']) - 1}"
    return {
        name: {"decoded": distance(run["decoded"], golden["decoded"]), "latents": distance(run[last], golden[last])}
        for name, run in runs.items()
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", help="which cases to write; all if none is named")
    cases = parser.parse_args().cases or list(CASES)
    models = sorted({request(case)["model"] for case in cases})
    recorders = {model: Recorder(load(model)) for model in models}
    doubles, singles = ({model: Exact(model, dtype) for model in models} for dtype in (torch.float64, torch.float32))
    distances = {}
    for case in cases:
        asked = request(case)
        drawn = recorders[asked["model"]].run(asked)
        truth = doubles[asked["model"]].run(asked, drawn["latents.initial"])
        for name in ("sigmas", "timesteps"):
            if not (truth[name].dtype == torch.float32 and truth[name].equal(drawn[name])):
                raise SystemExit(f"{case}: other {name} in float64")
        golden = stored(truth | {"noise": drawn["noise"]})
        if not all(value.isfinite().all() for value in golden.values()):
            raise SystemExit(f"{case}: not finite")
        path = FOLDER / f"{case}.safetensors"
        metadata = {"request": json.dumps(asked, ensure_ascii=False), "case": case} | versions()
        save_tensors(path, golden, metadata)
        record(FOLDER, {case: floors(singles[asked["model"]].run(asked, drawn["latents.initial"]), truth)})
        print(f"{case:32} {path.stat().st_size:7} bytes  decoded {golden['decoded'].abs().max():.3f} at most")
        if case in BFLOAT16_CASES:
            distances[case] = bfloat16_distances(case, golden)
    if set(BFLOAT16_CASES) <= set(cases):
        write_json(FOLDER / "bfloat16.json", {"versions": versions(), "cases": distances})


if __name__ == "__main__":
    main()

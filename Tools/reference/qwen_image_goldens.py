"""Writes Tests/Goldens/qwen-image/<case>.safetensors: float64 runs of diffusers, stage by stage, from float32 noise.

Also qwen-image/bfloat16.json, and what qwen-image/floors.json says of this processor.
"""

import argparse
import json

from common import save_tensors, versions, write_json

import torch

from exact import distance
from floors import floors, record, stored
from qwen_image_cases import CASES, FOLDER, Recorder, load, request
from qwen_image_exact import Exact

BFLOAT16_CASES = ["plain", "guided", "batch"]


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
        found = floors(singles[asked["model"]].run(asked, drawn["latents.initial"]), truth)
        record(FOLDER, {case: found})
        clamped = (golden["decoded"].abs() == 1).float().mean()
        print(f"{case:28} {path.stat().st_size:7} bytes  text {list(golden['prompt_embeds'].shape)} clamped "
              f"{clamped:.2f} deviation {golden['decoded'].std():.2f} floor {max(found.values()):.1e}")  # fmt: skip
        if case in BFLOAT16_CASES:
            distances[case] = bfloat16_distances(case, golden)
    if set(BFLOAT16_CASES) <= set(cases):
        write_json(FOLDER / "bfloat16.json", {"versions": versions(), "cases": distances})


if __name__ == "__main__":
    main()

"""Writes Tests/Goldens/ltx2/pipelines: diffusers' own runs of LTX-2, stage by stage.

`<case>.safetensors` holds one request, computed in float64 from float32 noise and stored in float32; of the decoded video
there is every fifth row, and the bytes of `output` are all of it. `floors.json` says
how far diffusers' float32 is from it, `bfloat16.json` how far diffusers' bfloat16, both by processor. `refusals.json` holds
requests and the first line of the errors; of a single step diffusers makes NaN, which is no error.
"""

import argparse

import common  # noqa: F401

import torch

from common import save_golden, versions, write_json
from exact import distance
from floors import floors, record, record_bfloat16, stored
from ltx2_cases import CASES, FOLDER, REFUSALS, Recorder, load, request
from ltx2_exact import Exact

BFLOAT16_CASES = ["t2v", "i2v", "2.3", "2.3-i2v-batch", "2.3-two-stages"]
SCHEDULE = ("timesteps", "sigmas")


def kept(trace):
    """What a golden holds of a trace: of the decoded video every fifth row, so that each row of a patch has its turn."""
    rows = trace["decoded"][..., ::5, :].contiguous()
    return {name: value for name, value in trace.items() if name != "decoded"} | {"decoded.rows": rows}


def write_case(case):
    """Runs a case and writes its golden and its floors; returns it."""
    asked = request(CASES[case])
    drawn, truth = kept(Recorder(load(asked)).run(asked)), kept(Exact(asked).run())
    for name, value in truth.items():
        if name.endswith(SCHEDULE) and not (value.dtype == torch.float32 and value.equal(drawn[name])):
            raise SystemExit(f"{case}: other {name} in float64")
        if name.endswith("noise") and not value.float().equal(drawn[name]):
            raise SystemExit(f"{case}: other {name} in float64")
    golden, path = stored(truth), FOLDER / f"{case}.safetensors"
    save_golden(path, asked, golden)
    noisy = ("noise", *SCHEDULE)
    single = kept(Exact(asked, torch.float32).run())
    found = floors({name: value for name, value in single.items() if not name.endswith(noisy)}, truth)
    record(FOLDER, {case: found})
    decoded, audio = golden["decoded.rows"], golden["audio"]
    last = f"latents.step{len(golden['timesteps']) - 1}"
    print(f"{case:24} {path.stat().st_size:7} bytes {list(golden['output'].shape)} {list(audio.shape)} deviation "
          f"{decoded.std():.2f} {audio.std():.2f} latents {golden[last].std():.2f} {golden['audio_' + last].std():.2f} "
          f"floor {max(found.values()):.1e} plain {max(floors(drawn, truth).values()):.1e}", flush=True)  # fmt: skip
    return golden


def bfloat16_distances(case, golden):
    """diffusers' own bfloat16 run, which begins with the same noise, against the golden."""
    asked = request(CASES[case])
    run = kept(Recorder(load(asked, torch.bfloat16)).run(asked))
    last = f"latents.step{len(golden['timesteps']) - 1}"
    keys = {"decoded": "decoded.rows", "latents": last, "audio_latents": f"audio_{last}", "audio_decoded": "audio_decoded",
            "audio": "audio"}  # fmt: skip
    return {"all": {stage: distance(run[key], golden[key]) for stage, key in keys.items()}}


def refusals():
    """How diffusers fails where it does."""
    for name, changes in REFUSALS.items():
        asked = request(changes)
        try:
            trace = Recorder(load(asked)).run(asked)
        except Exception as error:  # what a refusal looks like is the point
            yield {"name": name, "request": asked, "error": type(error).__name__, "message": str(error).split("\n")[0]}
        else:
            if trace["decoded"].isfinite().all():
                raise SystemExit(f"{name}: not refused")
            yield {"name": name, "request": asked, "error": None, "message": "NaN"}


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

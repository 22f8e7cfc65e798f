"""Writes Tests/Goldens/wan/pipelines: diffusers' own float32 runs of Wan, stage by stage, and what it refuses.

`<case>.safetensors` holds one request; `refusals.json` holds requests and the first line of the errors;
`bfloat16.json` says how far runs in bfloat16 are from the float32 ones, with the autoencoder in bfloat16 too (`all`)
and with the autoencoder in float32 (`float32_vae`), which begin with the same noise; the images that videos begin and
end with are in Tests/Goldens/wan/pictures.
"""

import argparse
import json

from common import GOLDENS, save_golden, versions, write_json

import torch
from PIL import Image

from exact import distance
from floors import record_bfloat16
from inputs import picture
from wan_cases import CASES, REFUSALS, Recorder, command, load, request

FOLDER = GOLDENS / "wan" / "pipelines"
BFLOAT16_CASES = ["t2v", "t2v-a14b", "i2v", "i2v-a14b-last", "flf2v", "ti2v", "ti2v-image"]
# Width and height; neither side, nor their ratio, is a size of any case.
IMAGES = {"first": (21, 45, 31), "last": (22, 29, 37)}


def write_images():
    """The input images, as PNG."""
    folder = GOLDENS / "wan" / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    for name, (seed, width, height) in IMAGES.items():
        Image.fromarray(picture(seed, width, height)).save(folder / f"{name}.png", optimize=True)


def write_case(case):
    """Runs a case and writes its golden."""
    asked = request(CASES[case])
    golden = Recorder(load(asked)).run(asked)
    path = FOLDER / f"{case}.safetensors"
    save_golden(path, asked, golden, command=json.dumps(command(asked), ensure_ascii=False))
    decoded = golden["decoded"]
    clamped = (decoded.abs() == 1).float().mean()
    print(f"{case:28} {path.stat().st_size:7} bytes {list(golden['output'].shape)} clamped {clamped:.2f} "
          f"deviation {decoded.std():.2f} latents {golden['latents.step0'].std():.2f}")  # fmt: skip
    return path.stat().st_size


def bfloat16_distances(case):
    """diffusers' own bfloat16 runs against its float32 run."""
    asked = request(CASES[case])
    golden = Recorder(load(asked)).run(asked)
    last = f"latents.step{len(golden['timesteps']) - 1}"
    for name, vae_dtype in (("all", torch.bfloat16), ("float32_vae", torch.float32)):
        run = Recorder(load(asked, torch.bfloat16, vae_dtype)).run(asked)
        yield name, {stage: distance(run[key], golden[key]) for stage, key in (("decoded", "decoded"), ("latents", last))}


def refusals():
    """How diffusers fails where it does."""
    for name, changes in REFUSALS.items():
        asked = request(changes)
        try:
            Recorder(load(asked)).run(asked)
        except Exception as error:  # what a refusal looks like is the point
            yield {"name": name, "request": asked, "error": type(error).__name__, "message": str(error).split("\n")[0]}
        else:
            raise SystemExit(f"{name}: not refused")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", help="which cases to write; all, and the refusals, if none is named")
    cases = parser.parse_args().cases
    write_images()
    total = sum(write_case(case) for case in cases or CASES)
    print(f"{total} bytes in all")
    if not cases:
        distances = {case: dict(bfloat16_distances(case)) for case in BFLOAT16_CASES}
        record_bfloat16(FOLDER, distances)
        entries = list(refusals())
        write_json(FOLDER / "refusals.json", {"versions": versions(), "refusals": entries})
        for entry in entries:
            print(f"{entry['name']}: {entry['error']}: {entry['message'][:140]}")


if __name__ == "__main__":
    main()

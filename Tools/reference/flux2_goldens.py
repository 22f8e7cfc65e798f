"""Writes Tests/Goldens/flux2/<case>.safetensors: float64 runs of diffusers, stage by stage, from float32 noise.

Also flux2/pictures, flux2/bfloat16.json, flux2/reference_sizes.json, and what flux2/floors.json says of this processor.
"""

import argparse
import json

from common import save_tensors, versions, write_json

import numpy as np
import torch
from diffusers.pipelines.flux2.image_processor import Flux2ImageProcessor
from PIL import Image

from exact import distance
from floors import floors, record, stored
from flux2_cases import CASES, FOLDER, Recorder, load, request
from flux2_exact import Exact
from inputs import picture

BFLOAT16_CASES = ["dev", "dev-edit-two", "klein", "klein-base"]
# Width and height: multiples of both checkpoints' 8 and 16, of neither, and with an alpha channel.
PICTURES = {"even": (31, 80, 64), "odd": (32, 93, 67), "alpha": (33, 70, 70)}
SIZES = [
    (64, 64), (63, 64), (64, 63), (65, 79), (512, 64), (513, 64), (64, 512), (64, 520), (1024, 1024), (1025, 1024),
    (1024, 1040), (1023, 1025), (2048, 2048), (1920, 1080), (1080, 1920), (4000, 3000), (3000, 1000), (800, 600),
    (8192, 1024), (1024, 8193), (1500, 700), (6000, 751), (1367, 768), (777, 1351),
]  # fmt: skip


def write_pictures():
    """The reference images, as PNG."""
    folder = FOLDER / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    for name, (seed, width, height) in PICTURES.items():
        pixels = picture(seed, width, height)
        if name == "alpha":
            pixels = np.concatenate([pixels, picture(seed + 10, width, height)[..., :1]], axis=-1)
        Image.fromarray(pixels).save(folder / f"{name}.png", optimize=True)


def prepared_size(width, height):
    """What the pipelines make of a reference of this size, with a factor of 8 of the autoencoder."""
    processor = Flux2ImageProcessor(vae_scale_factor=16)
    image = Image.new("RGB", (width, height))
    try:
        processor.check_image_input(image)
    except ValueError:
        return {"width": width, "height": height, "refused": True}
    resized = processor._resize_if_exceeds_area(image, 1024 * 1024)
    cropped = [side // 16 * 16 for side in resized.size]
    return {"width": width, "height": height, "resized": list(resized.size), "cropped": cropped}


def bfloat16_distances(case, golden):
    """diffusers' own bfloat16 run against the golden, with its own noise and with the float32 noise rounded."""
    asked = request(case)
    recorder = Recorder(load(asked["model"], torch.bfloat16))
    runs = {"own_noise": recorder.run(asked), "same_noise": recorder.run(asked, golden["noise"])}
    last = f"latents.step{len(golden['timesteps']) - 1}"
    return {
        name: {"decoded": distance(run["decoded"], golden["decoded"]), "latents": distance(run[last], golden[last])}
        for name, run in runs.items()
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", help="which cases to write; all if none is named")
    cases = parser.parse_args().cases or list(CASES)
    write_pictures()
    models = sorted({request(case)["model"] for case in cases})
    recorders = {model: Recorder(load(model)) for model in models}
    doubles, singles = ({model: Exact(model, dtype) for model in models} for dtype in (torch.float64, torch.float32))
    distances = {}
    for case in cases:
        asked = request(case)
        drawn = recorders[asked["model"]].run(asked)
        truth = doubles[asked["model"]].run(asked, drawn["noise"])
        for name in ("sigmas", "timesteps"):
            if not (truth[name].dtype == torch.float32 and truth[name].equal(drawn[name])):
                raise SystemExit(f"{case}: other {name} in float64")
        golden = stored(truth | {"noise": drawn["noise"]})
        if not all(value.isfinite().all() for value in golden.values()):
            raise SystemExit(f"{case}: not finite")
        path = FOLDER / f"{case}.safetensors"
        metadata = {"request": json.dumps(asked, ensure_ascii=False), "case": case} | versions()
        save_tensors(path, golden, metadata)
        found = floors(singles[asked["model"]].run(asked, drawn["noise"]), truth)
        record(FOLDER, {case: found})
        print(f"{case:28} {path.stat().st_size:7} bytes  decoded {golden['decoded'].abs().max():.3f} at most, floor "
              f"{max(found.values()):.1e}")  # fmt: skip
        if case in BFLOAT16_CASES:
            distances[case] = bfloat16_distances(case, golden)
    if set(BFLOAT16_CASES) <= set(cases):
        write_json(FOLDER / "bfloat16.json", {"versions": versions(), "cases": distances})
        write_json(FOLDER / "reference_sizes.json", [prepared_size(*size) for size in SIZES])


if __name__ == "__main__":
    main()

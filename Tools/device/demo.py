"""Lets VisualGen make what the prompts of Tests/Goldens/demo ask of the built-in models, and judges it by the pixels.

    python demo.py OUTPUT --device cuda --count 100

OUTPUT keeps the images and the frames. Judging needs scipy: where it is missing, take OUTPUT to a machine that has it
and run `python demo.py OUTPUT --judge`. Item ``i`` starts from the noise of seed ``i``. Ends with status 1 if fewer
than the share of --least are right.
"""

import json
import sys
import time
from pathlib import Path

import shared

shared.use("demo")

import numpy as np
from PIL import Image

PROMPTS = {"demo-image": "prompts.json", "demo-video": "video-prompts.json"}
BATCH = {"demo-image": 50, "demo-video": 25}


def entries(model, count):
    return json.loads((shared.GOLDENS / "demo" / PROMPTS[model]).read_text())[:count]


def make(model, arguments):
    """Images as OUTPUT/MODEL/START/I.png, frames as OUTPUT/MODEL/START/I/00000.png; returns seconds of each call."""
    chosen, calls = entries(model, arguments.count), []
    words = [f"--num-inference-steps={arguments.steps}"] if arguments.steps else []
    for start in range(0, len(chosen), BATCH[model]):
        folder, some = arguments.output / model / str(start), chosen[start : start + BATCH[model]]
        where = arguments.program, arguments.device, arguments.dtype
        elapsed, metrics = make_some(model, some, start, folder, where, words)
        calls.append({"seconds": elapsed, "metrics": metrics})
    return calls


def make_some(model, some, start, folder, where, words, seconds=600):
    """One process for some prompts, of which the first has the seed `start`: files of 0, 1, ... in a folder.

    `where` is the program, the device and the type. Returns seconds and metrics.
    """
    folder.mkdir(parents=True, exist_ok=True)
    options = ["--model", model, *words]
    for seed, entry in enumerate(some, start):
        options += [f"--prompt={entry['prompt']}", f"--seed={seed}"]
    output = "%d.png" if model == "demo-image" else "%d/"
    elapsed, metrics, _ = shared.generate(*where, options, folder, output, seconds)
    return elapsed, metrics


def judge(model, arguments):
    """How many are as asked, and what is wrong with the others."""
    chosen, failures = entries(model, arguments.count), []
    for index, entry in enumerate(chosen):
        start = index - index % BATCH[model]
        right = compare(model, frames(arguments.output / model / str(start) / str(index - start)), entry["scene"])
        if not all(right.values()):
            failures.append({"prompt": entry["prompt"], "wrong": [name for name in right if not right[name]]})
    return {"count": len(chosen), "right": 1 - len(failures) / len(chosen), "failures": failures}


def compare(model, images, scene):
    """Which of the attributes asked for [frames, height, width, 3] bytes have."""
    import check
    import video_check

    if model == "demo-image":
        return check.judge(images[0], scene)[0]
    right, _ = video_check.judge(images, scene)
    return {name: right[name] for name in video_check.ASKED}


def frames(place):
    """The image PLACE.png or the video in the folder PLACE, [frames, height, width, 3]."""
    files = sorted(place.glob("*.png")) if place.is_dir() else [place.with_suffix(".png")]
    return np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])


def main():
    parser = shared.parser(__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--program", type=Path, default=shared.PROGRAM)
    parser.add_argument("--models", nargs="+", default=list(PROMPTS), choices=PROMPTS)
    parser.add_argument("--count", type=int, default=100, help="prompts of each model, of those there are")
    parser.add_argument("--steps", type=int, help="instead of the model's own number")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--judge", action="store_true", help="only judge what is in OUTPUT")
    parser.add_argument("--least", type=float, default=0.85, help="the share that must be right")
    arguments = parser.parse_args()
    figures = {}
    for model in arguments.models:
        start = time.perf_counter()
        figures[model] = {} if arguments.judge else {"calls": make(model, arguments)}
        made = time.perf_counter() - start
        try:
            figures[model] |= judge(model, arguments)
        except ModuleNotFoundError as missing:
            print(f"{model} on {arguments.device}: made in {made:.0f} s, not judged, as {missing.name} is missing")
            continue
        right, count = figures[model]["right"], figures[model]["count"]
        print(f"{model} on {arguments.device}, {arguments.dtype}: {right:.1%} of {count} as asked ({made:.0f} s)")
        for failure in figures[model]["failures"]:
            print(f"    {failure['prompt']}: {', '.join(failure['wrong'])}")
    shared.write(arguments.json, figures)
    sys.exit(any(model.get("right", 1) < arguments.least for model in figures.values()))


if __name__ == "__main__":
    shared.start(main)

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
    for start in range(0, len(chosen), BATCH[model]):
        folder = arguments.output / model / str(start)
        folder.mkdir(parents=True, exist_ok=True)
        options = ["--model", model]
        for index, entry in enumerate(chosen[start : start + BATCH[model]], start=start):
            options += [f"--prompt={entry['prompt']}", f"--seed={index}"]
        if arguments.steps:
            options.append(f"--num-inference-steps={arguments.steps}")
        output = "%d.png" if model == "demo-image" else "%d/"
        where = arguments.device, arguments.dtype
        elapsed, metrics, _ = shared.generate(arguments.program, *where, options, folder, output)
        calls.append({"seconds": elapsed, "metrics": metrics})
    return calls


def judge(model, arguments):
    """How many are as asked, and what is wrong with the others."""
    import check
    import video_check

    chosen, failures = entries(model, arguments.count), []
    for index, entry in enumerate(chosen):
        start = index - index % BATCH[model]
        place = arguments.output / model / str(start) / str(index - start)
        if model == "demo-image":
            right, _ = check.judge(pixels(place.with_suffix(".png")), entry["scene"])
        else:
            frames = np.stack([pixels(path) for path in sorted(place.glob("*.png"))])
            right, _ = video_check.judge(frames, entry["scene"])
            right = {name: right[name] for name in video_check.ASKED}
        if not all(right.values()):
            failures.append({"prompt": entry["prompt"], "wrong": [name for name in right if not right[name]]})
    return {"count": len(chosen), "right": 1 - len(failures) / len(chosen), "failures": failures}


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


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

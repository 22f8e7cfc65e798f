"""One process of `visualgen generate` with a checkpoint: seconds until ready, to the first result, of a step; memory.

    python time_visualgen.py flux /tmp/flux --device cuda --json ours.json
    python time_visualgen.py flux /tmp/flux --device cuda --profile FOLDER     # traces for kernels.py

What lies outside the stages of a request (text, steps, decoding, encoding the file) counts as getting ready: the start
and the end of the process, and loading.
"""

import statistics
import tempfile
from pathlib import Path

import shared
import subjects


def measure(program, family, checkpoint, asked, device, dtype, seconds=600):
    """The figures of one process; the first step, which warms up, is not among the timed ones."""
    options = ["--model", checkpoint.resolve(), *subjects.options(asked)]
    with tempfile.TemporaryDirectory() as folder:
        output = subjects.SUBJECTS[family]["output"]
        elapsed, metrics, _ = shared.generate(program, device, dtype, options, Path(folder), output, seconds)
    steps = metrics["denoise"][1:] or metrics["denoise"]
    outside = elapsed - metrics["text"] - sum(metrics["denoise"]) - metrics["decode"] - metrics["encode"]
    return {
        "engine": "visualgen", "ready": outside, "first": elapsed, "step": statistics.median(steps), "steps": steps,
        "text": metrics["text"], "first_decode": metrics["decode"], "memory": metrics.get("device_memory"),
        "metrics": metrics, "request": asked,
    }  # fmt: skip


def profile(program, family, checkpoint, asked, device, dtype, folder, seconds=600):
    """Kineto's traces of a generation of one step and of three, as the engine writes them."""
    folder.mkdir(parents=True, exist_ok=True)
    for steps in (1, 3):
        options = ["--model", checkpoint.resolve(), *subjects.options(asked | {"num_inference_steps": steps})]
        with tempfile.TemporaryDirectory() as place:
            output = subjects.SUBJECTS[family]["output"]
            shared.generate(program, device, dtype, options, Path(place), output, seconds, profile=True)
            (folder / f"steps-{steps}.json").write_bytes((Path(place) / "profile.json").read_bytes())


def main():
    parser = shared.parser(__doc__)
    parser.add_argument("family", choices=subjects.SUBJECTS)
    parser.add_argument("checkpoint", type=Path)
    subjects.add_request(parser)
    parser.add_argument("--program", type=Path, default=shared.PROGRAM)
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--profile", type=Path, help="a folder for traces, instead of timing")
    arguments = parser.parse_args()
    asked = subjects.request(arguments.family, arguments)
    what = (arguments.program, arguments.family, arguments.checkpoint, asked, arguments.device, arguments.dtype)
    if arguments.profile:
        profile(*what, arguments.profile)
        return
    figures = measure(*what)
    shared.write(arguments.json, figures)
    print({key: value for key, value in figures.items() if key not in ("request", "steps", "metrics")})


if __name__ == "__main__":
    shared.start(main)

"""Checks and times VisualGen on a device, in turn with diffusers, and prints the tables.

    python suite.py --work /tmp/work --output results                          # everything
    python suite.py --work /tmp/work --output results --stages goldens demo    # some of it; results add up
    python suite.py --work /tmp/work --output results --stages flux --limit 500
    python suite.py --device cpu --scale tiny --work /tmp/work --output results     # try it without a GPU

Nothing is built or fetched. Each stage has --seconds, the whole run --limit; what does not fit, takes too long or fails
is named, and the rest goes on. results.json and results.md in the output folder are written after each part.
"""

import json
import shutil
import sys
import time
from pathlib import Path

import shared
import subjects
import tables

HERE = Path(__file__).resolve().parent
STAGES = ["goldens", "demo", "flux", "flux-compiled", "flux-profile", "flux-numbers",
          "wan", "wan-compiled", "wan-profile", "wan-numbers"]  # fmt: skip


class Suite:
    """One run: its time, its results, and what went wrong."""

    def __init__(self, arguments):
        self.arguments, self.start = arguments, time.perf_counter()
        self.stage_start, self.stage = self.start, ""
        self.path = arguments.output / "results.json"
        self.results = json.loads(self.path.read_text()) if self.path.exists() else {}
        self.failures = []

    def left(self):
        """Seconds that the stage and the whole still have."""
        now = time.perf_counter()
        whole = self.arguments.limit - (now - self.start)
        return min(whole, self.arguments.seconds - (now - self.stage_start))

    def run(self, what, body):
        """Does one part, if there is time; a failure is noted."""
        if self.left() < 10:
            self.note(what, "no time left")
            return None
        start = time.perf_counter()
        try:
            result = body()
        except Exception as failure:  # a part must not end the suite
            self.note(what, str(failure) or repr(failure))
            return None
        print(f"[{time.perf_counter() - self.start:4.0f} s] {what}: {time.perf_counter() - start:.1f} s", flush=True)
        return result

    def note(self, what, reason):
        self.failures.append(f"{what}: {reason}")
        print(f"[{time.perf_counter() - self.start:4.0f} s] {what}: {reason}", flush=True)

    def keep(self, key, value):
        """Adds to the results; the files always hold what there is."""
        if value is not None:
            self.results.setdefault(self.stage.split("-")[0], {})[key] = value
        shared.write(self.path, self.results)
        (self.arguments.output / "results.md").write_text(tables.report(self.results) + "\n")

    def script(self, name, *words, key=None, text=False):
        """Runs a script of this folder and returns its figures; `text` shows what it prints."""
        file = self.arguments.output / f"{self.stage or 'card'}-{key or Path(name).stem}.json"
        command = [sys.executable, HERE / name, *words, "--device", self.arguments.device, "--json", file]
        file.unlink(missing_ok=True)
        try:
            _, printed = shared.run(command, self.left(), environment={"PYTHONUNBUFFERED": "1"})
        except shared.Failure as failure:
            if not file.exists():
                raise
            printed = failure.output  # of a check that was not passed
            self.note(f"{self.stage} {key or name}", "not passed")
        if text:
            print(printed.strip(), flush=True)
        return json.loads(file.read_text()) if file.exists() else {}

    def checkpoint(self, family):
        """The folder of a family's checkpoint, which is made if it is not there."""
        folder = self.arguments.work / family
        if not (folder / "model_index.json").exists():
            if self.arguments.one:
                for other in set(subjects.SUBJECTS) - {family}:
                    shutil.rmtree(self.arguments.work / other, ignore_errors=True)
            made = self.run(f"{family}: checkpoint", lambda: self.script(
                "checkpoint.py", family, folder, "--scale", self.arguments.scale, key="checkpoint"))  # fmt: skip
            self.keep("checkpoint", made)
        return folder if (folder / "model_index.json").exists() else None

    def words(self, family):
        """The request as options of the scripts."""
        steps = getattr(self.arguments, f"{family}_steps")
        return ["--scale", self.arguments.scale, *(["--num-inference-steps", str(steps)] if steps else [])]


def card(suite):
    suite.stage = ""
    rates = suite.run("card", lambda: suite.script("rates.py", text=True))
    suite.stage = "card"
    suite.keep("rates", rates)


def goldens(suite):
    words = ["--program", suite.arguments.program, "--jobs", str(suite.arguments.jobs), "--threads", "1"]
    figures = suite.run("goldens", lambda: suite.script("goldens.py", *words, text=True)) or {}
    for kind, part in figures.items():
        suite.keep(kind, {name: value for name, value in part.items() if name != "cases"})


def demo(suite):
    arguments = suite.arguments
    words = [arguments.output / "demo", "--program", arguments.program, "--count", str(arguments.demo)]
    figures = suite.run("demo", lambda: suite.script("demo.py", *words, text=True))
    if figures:
        suite.keep("right", {model: [entry.get("right"), entry.get("count")] for model, entry in figures.items()})


def timing(suite, family):
    """Ours and diffusers' in turn, a process each; diffusers loads with `to` and with `device_map` in turn."""
    folder = suite.checkpoint(family)
    if folder is None:
        return
    scale = suite.words(family)
    ours = [family, folder, *scale, "--program", suite.arguments.program]
    for number in range(1, suite.arguments.rounds + 1):
        for engine in ("visualgen", "eager"):
            if engine == "visualgen":
                command = ("time_visualgen.py", *ours)
            else:
                command = ("time_diffusers.py", family, folder, *scale, *(["--mapped"] if number % 2 == 0 else []))
            key = f"{engine} {number}"
            figures = suite.run(f"{family}: {key}", lambda: suite.script(*command, key=key.replace(" ", "-")))
            suite.keep(key, figures and lean(figures, family, folder))


def compiled(suite, family):
    folder = suite.checkpoint(family)
    if folder is None:
        return
    command = ("time_diffusers.py", family, folder, *suite.words(family), "--compile", suite.arguments.compile)
    figures = suite.run(f"{family}: compiled", lambda: suite.script(*command, key="compiled"))
    suite.keep("compiled", figures and lean(figures, family, folder))


def lean(figures, family, folder):
    """The figures that the tables need, with the operations of a step."""
    kept = {name: value for name, value in figures.items() if name not in ("runs", "metrics", "request")}
    return kept | {"operations": subjects.operations(family, folder, figures["request"])}


def profiles(suite, family):
    import kernels

    folder = suite.checkpoint(family)
    if folder is None:
        return
    categories = kernels.CATEGORIES if suite.arguments.device != "cpu" else {"cpu_op"}
    for engine, script, more in (
        ("visualgen", "time_visualgen.py", ["--program", suite.arguments.program]), ("eager", "time_diffusers.py", []),
    ):  # fmt: skip
        place = suite.arguments.work / f"{family}-profile-{engine}"
        words = [family, folder, "--scale", suite.arguments.scale, *more, "--profile", place]
        if suite.run(f"{family}: profile of {engine}", lambda: suite.script(script, *words)) is None:
            continue
        read = suite.run(f"{family}: reading it", lambda: kernels.of_a_step(place, categories))
        if read and not read[0]:
            suite.note(f"{family}: profile of {engine}", "no kernels in the trace")
        elif read:
            seconds, calls = read
            suite.keep(f"profile {engine}", {
                "total": sum(seconds.values()), "kernels": len(seconds), "rows": list(kernels.rows(seconds, calls)),
            })  # fmt: skip


def numbers(suite, family):
    folder = suite.checkpoint(family)
    if folder is not None:
        words = [family, folder, "--scale", suite.arguments.scale, "--program", suite.arguments.program]
        figures = suite.run(f"{family}: numbers", lambda: suite.script("distances.py", *words, text=True))
        suite.keep("numbers", figures)


def main():
    parser = shared.parser(__doc__)
    parser.add_argument("--program", type=Path, default=shared.PROGRAM)
    parser.add_argument("--work", type=Path, required=True, help="for checkpoints and traces: 55 GB")
    parser.add_argument("--output", type=Path, required=True, help="for results and images")
    parser.add_argument("--stages", nargs="+", default=STAGES, choices=STAGES)
    parser.add_argument("--scale", default="whole", choices=["whole", "tiny"])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--flux-steps", type=int, help="28 if absent")
    parser.add_argument("--wan-steps", type=int, help="8 if absent")
    parser.add_argument("--compile", default="whole", choices=["whole", "blocks"], help="diffusers' transformer")
    parser.add_argument("--demo", type=int, default=100, help="prompts of each built-in model, of those there are")
    parser.add_argument("--jobs", type=int, default=6, help="processes of the goldens at once")
    parser.add_argument("--one", action="store_true", help="keep one checkpoint at a time")
    parser.add_argument("--seconds", type=float, default=540, help="of a stage")
    parser.add_argument("--limit", type=float, default=560, help="seconds of everything")
    arguments = parser.parse_args()
    arguments.program = arguments.program.resolve()
    for folder in (arguments.work, arguments.output):
        folder.mkdir(parents=True, exist_ok=True)
    suite = Suite(arguments)
    kinds = {"compiled": compiled, "profile": profiles, "numbers": numbers}
    card(suite)
    for stage in arguments.stages:
        suite.stage, suite.stage_start = stage, time.perf_counter()
        family, _, kind = stage.partition("-")
        if stage in ("goldens", "demo"):
            {"goldens": goldens, "demo": demo}[stage](suite)
        else:
            kinds.get(kind, timing)(suite, family)
    print("\n" + tables.report(suite.results))
    if suite.failures:
        print("\nNot done, or not passed:\n" + "\n".join(f"- {line}" for line in suite.failures))
    shared.write(arguments.json, suite.results)
    sys.exit(1 if suite.failures else 0)


if __name__ == "__main__":
    shared.start(main)

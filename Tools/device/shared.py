"""What the scripts of this folder share: where things lie, processes with a time-out, and distances."""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

for name, value in (("TQDM_DISABLE", "1"), ("TRANSFORMERS_VERBOSITY", "error"), ("DIFFUSERS_VERBOSITY", "error"),
                    ("HF_HUB_OFFLINE", "1")):  # fmt: skip
    os.environ.setdefault(name, value)  # before the libraries are imported

ROOT = Path(__file__).resolve().parents[2]
GOLDENS = ROOT / "Tests/Goldens"
PROGRAM = ROOT / ".build/release/visualgen"


def use(folder):
    """Lets modules of another folder of Tools be imported; `common` is the one of Tools/reference."""
    sys.path.append(str(ROOT / "Tools" / folder))


class Failure(Exception):
    """A process that ended badly or not in time, in a few lines; `output` is what it had printed."""

    output = ""


def run(command, seconds=600, cwd=None, environment=None):
    """Runs a process with its children and returns its seconds and what it printed.

    Output goes through files, so that a child that outlives the process blocks nothing.
    """
    command = [str(word) for word in command]
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=output, stderr=errors, cwd=cwd, env=os.environ | (environment or {}), start_new_session=True
        )
        try:
            status = process.wait(timeout=max(seconds, 1))
        except subprocess.TimeoutExpired:
            status = None
        except BaseException:
            stop(process)
            raise
        elapsed = time.perf_counter() - start
        printed, said = (text(file) for file in (output, errors))
        if status != 0:
            stop(process)
            how = f"took more than {seconds:.0f} s" if status is None else f"ended with status {status}"
            names = [Path(word).name for word in command[:3]]
            failure = Failure("\n".join([f"{' '.join(names)} … {how}", *said.strip().splitlines()[-6:]]))
            failure.output = printed
            raise failure
        return elapsed, printed


def text(file):
    """All that was written to a file."""
    file.seek(0)
    return file.read().decode(errors="replace")


def stop(process):
    """Ends a process and its children; on the first signal the scripts of this folder end those that they started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(5)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass


def generate(program, device, dtype, options, folder, output, seconds=600, trace=False, profile=False, cwd=None):
    """One run of `visualgen generate` with its files in a folder: seconds, metrics, and the trace's path."""
    metrics, traced = folder / "metrics.json", folder / "trace.safetensors"
    command = [program, "generate", *options, "--device", device, "--dtype", dtype, "--quiet", "--metrics", metrics,
               "--output", f"{folder}/{output}"]  # fmt: skip
    command += ["--trace", traced] if trace else []
    command += ["--profile", folder / "profile.json"] if profile else []
    elapsed, _ = run(command, seconds, cwd)
    return elapsed, json.loads(metrics.read_text()), traced


def pointwise(value, reference):
    """The largest difference, relative to max(1, |reference|)."""
    if value.shape != reference.shape:
        return float("inf")
    value, reference = value.double(), reference.double()
    distance = ((value - reference).abs() / reference.abs().clamp(min=1)).max().item()
    return distance if distance == distance else float("inf")


def relative(value, reference):
    """The norm of the difference, relative to the reference's."""
    if value.shape != reference.shape:
        return float("inf")
    value, reference = value.double().cpu(), reference.double().cpu()
    return ((value - reference).norm() / reference.norm()).item()


def parser(summary, device="cuda"):
    """A command line with the options that every script has."""
    result = argparse.ArgumentParser(description=summary, formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("--device", default=device)
    result.add_argument("--json", type=Path, help="where the figures go")
    return result


def start(main):
    """Runs a script; what went wrong in a process of its own is said without a traceback."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    try:
        main()
    except Failure as failure:
        sys.exit(str(failure))


def write(path, value):
    """Writes JSON, if a path is given."""
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value, indent=1) + "\n")


def table(heads, rows):
    """A Markdown table."""
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in [heads, ["---"] * len(heads), *rows])

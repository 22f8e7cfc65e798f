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
    """A process that ended badly or not in time, in a few lines."""


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
        if status != 0:
            stop(process)
            errors.seek(0)
            lines = errors.read().decode(errors="replace").strip().splitlines()[-8:]
            how = f"took more than {seconds:.0f} s" if status is None else f"ended with status {status}"
            raise Failure("\n".join([f"{Path(command[0]).name} {' '.join(command[1:4])} … {how}", *lines]))
        output.seek(0)
        return elapsed, output.read().decode(errors="replace")


def stop(process):
    """Ends a process and its children."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def generate(program, device, dtype, options, folder, output, seconds=600, trace=False, profile=False, cwd=None):
    """One run of `visualgen generate` with its files in a folder: seconds, metrics, and the trace's path."""
    metrics, traced = folder / "metrics.json", folder / "trace.safetensors"
    command = [program, "generate", *options, "--device", device, "--dtype", dtype, "--quiet", "--metrics", metrics,
               "--output", f"{folder}/{output}"]  # fmt: skip
    environment = {"VISUALGEN_PROFILE": str(folder / "profile.json")} if profile else None
    elapsed, _ = run(command + (["--trace", traced] if trace else []), seconds, cwd, environment)
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
    value, reference = value.double().cpu(), reference.double().cpu()
    return ((value - reference).norm() / reference.norm()).item()


def parser(text, device="cuda"):
    """A command line with the options that every script has."""
    result = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("--device", default=device)
    result.add_argument("--json", type=Path, help="where the figures go")
    return result


def write(path, value):
    """Writes JSON, if a path is given."""
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value, indent=1) + "\n")


def table(heads, rows):
    """A Markdown table."""
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in [heads, ["---"] * len(heads), *rows])

"""A server for the length of a block."""

import contextlib
import os
import pathlib
import re
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("VISUALGEN", ROOT / ".build/release/visualgen")


@contextlib.contextmanager
def served(model, *arguments):
    """Starts the program on any free port and yields its address; its log is told if it ends badly."""
    with tempfile.TemporaryDirectory() as folder:
        log = open(f"{folder}/log", "w+")
        process = subprocess.Popen(
            [PROGRAM, "serve", model, "--port", "0", "--data", f"{folder}/data", *arguments],
            stdout=subprocess.DEVNULL, stderr=log)
        try:
            yield address(process, log.name), process
        finally:
            process.terminate()
            status = process.wait(timeout=30)
            if status != 0:
                print(pathlib.Path(log.name).read_text())
                raise AssertionError(f"the server ended with status {status}")


def address(process, log):
    """Waits until the server says where it listens."""
    while process.poll() is None:
        found = re.search(r"serves \S+ at (http://\S+)", pathlib.Path(log).read_text())
        if found:
            return found.group(1)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.1)
    raise AssertionError(pathlib.Path(log).read_text())

"""The log, and a watch over the run: a line of what the main thread does whenever the log falls silent."""

import sys
import threading
import time
from pathlib import Path

SILENCE = 10  # seconds
START = time.monotonic()
_last = START


def log(message):
    """Print a line with the seconds since the program's start."""
    global _last
    _last = time.monotonic()
    print(f"[{_last - START:7.1f} s] {message}", flush=True)


def _where(thread):
    """The main thread's innermost frame, and the innermost one in this folder."""
    frame = sys._current_frames()[thread]
    innermost = f"{frame.f_code.co_filename}:{frame.f_lineno}"
    while frame.f_back and Path(frame.f_code.co_filename).parent != Path(__file__).parent:
        frame = frame.f_back
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno} ({innermost})"


def watch():
    """From now on log where the calling thread is after every ten seconds without a line."""
    thread = threading.get_ident()

    def observe():
        while True:
            time.sleep(1)
            if time.monotonic() - _last > SILENCE:
                log(f"still at {_where(thread)}")

    threading.Thread(target=observe, daemon=True).start()

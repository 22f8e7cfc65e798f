"""The kernels that take the most time in a trace that Kineto wrote (torch.profiler's, or that of `visualgen generate --profile`).

    python kernels.py TRACE.json
    python kernels.py FOLDER --step 0.140      # of one step: half of steps-3.json less steps-1.json, of 140 ms in all
"""

import gzip
import json
import re
from collections import Counter
from pathlib import Path

import shared

CATEGORIES = {"kernel", "gpu_memcpy", "gpu_memset"}


def read(path, categories=CATEGORIES):
    """Seconds and calls by name."""
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    events = json.loads(content)
    seconds, calls = Counter(), Counter()
    for event in events["traceEvents"] if isinstance(events, dict) else events:
        if event.get("ph") == "X" and event.get("cat", "").lower() in categories:
            seconds[event["name"]] += event["dur"] / 1e6
            calls[event["name"]] += 1
    return seconds, calls


def of_a_step(folder, categories=CATEGORIES):
    """Seconds and calls of one step: what two more steps add, halved."""
    (longer, more), (shorter, fewer) = (read(folder / f"steps-{steps}.json", categories) for steps in (3, 1))
    names = [name for name in longer if longer[name] > shorter[name]]
    return (Counter({name: (longer[name] - shorter[name]) / 2 for name in names}),
            Counter({name: (more[name] - fewer[name]) / 2 for name in names}))  # fmt: skip


def short(name, width=90):
    """A kernel's name without return type, arguments and most of its template."""
    name = re.sub(r"\(anonymous namespace\)::|at::native::", "", name).removeprefix("void ")
    name = re.sub(r"\([^<>]*\)$", "", re.sub(r">\(.*$", ">", name)).replace("|", "/")
    return name if len(name) <= width else name[: width - 1] + "…"


def rows(seconds, calls, top=10):
    """The largest, each with its time, its share and how often it runs."""
    total = sum(seconds.values())
    for name, time in seconds.most_common(top):
        yield [f"{1000 * time:.2f}", f"{time / total:.1%}", f"{calls[name]:g}", f"`{short(name)}`"]


def report(seconds, calls, step=None, top=10):
    """A table, and what share of the step's time the kernels fill."""
    if not seconds:
        return "no kernels in the trace"
    total = sum(seconds.values())
    rest = f", {total / step:.1%} of the step's {1000 * step:.1f} ms" if step else ""
    heads = ["ms", "share", "calls", "kernel"]
    return f"{1000 * total:.2f} ms of {len(seconds)} kernels{rest}\n{shared.table(heads, rows(seconds, calls, top))}"


def main():
    parser = shared.parser(__doc__)
    parser.add_argument("trace", type=Path, help="a trace, or a folder of two")
    parser.add_argument("--step", type=float, help="seconds of a step as timed without a profiler")
    parser.add_argument("--top", type=int, default=10)
    parser.add_argument("--categories", nargs="+", default=CATEGORIES, help="of events; cpu_op without a GPU")
    arguments = parser.parse_args()
    reader = of_a_step if arguments.trace.is_dir() else read
    seconds, calls = reader(arguments.trace, set(arguments.categories))
    print(report(seconds, calls, arguments.step, arguments.top))
    shared.write(arguments.json, [{"name": name, "seconds": time, "calls": calls[name]}
                                  for name, time in seconds.most_common()])  # fmt: skip


if __name__ == "__main__":
    shared.start(main)

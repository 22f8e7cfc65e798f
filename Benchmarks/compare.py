"""Times VisualGen and diffusers on the same shapes in turn (A B A B …) and prints the ratio of each pair.

    python Benchmarks/compare.py transformer --dtype float32 --rounds 3
    python Benchmarks/compare.py decoder --dtype bfloat16
    python Benchmarks/compare.py generation

Run it with the packages of Tools/reference/requirements.txt, after `make build`. Shared machines drift: the ratio of a
pair, measured within minutes, is worth more than any absolute time.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENGINE = ROOT / ".build/release/visualgen"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("subject", choices=["transformer", "decoder", "generation"])
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--rounds", type=int, default=3, help="pairs of one process each")
    parser.add_argument("--runs", type=int, default=3, help="counted runs in each process")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--double-blocks", type=int, default=2)
    parser.add_argument("--single-blocks", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    pairs = []
    for number in range(1, arguments.rounds + 1):
        pairs.append((ours(arguments), diffusers(arguments)))
        a, b = (side["median_seconds"] for side in pairs[-1])
        print(f"pair {number}: visualgen {a:.3f} s, diffusers {b:.3f} s", file=sys.stderr, flush=True)
    for name, index in [("visualgen", 0), ("diffusers", 1)]:
        seconds = [pair[index]["median_seconds"] for pair in pairs]
        memory = [pair[index]["peak_memory_bytes"] / 1e9 for pair in pairs]
        print(f"{name}: seconds {' '.join(f'{s:.3f}' for s in seconds)}, peak memory {max(memory):.2f} GB")
    ratios = [b["median_seconds"] / a["median_seconds"] for a, b in pairs]
    print(f"diffusers / visualgen: {' '.join(f'{r:.2f}' for r in ratios)}, median {statistics.median(ratios):.2f}")


def ours(arguments: argparse.Namespace) -> dict:
    command = [str(ENGINE), "bench", arguments.subject, "--dtype", arguments.dtype, "--runs", str(arguments.runs)]
    command += ["--height", str(arguments.size), "--width", str(arguments.size), "--threads", str(arguments.threads)]
    if arguments.subject == "transformer":
        command += ["--set", f"num_layers={arguments.double_blocks}"]
        command += ["--set", f"num_single_layers={arguments.single_blocks}"]
    return run(command)


def diffusers(arguments: argparse.Namespace) -> dict:
    options = [f"--{name.replace('_', '-')}={value}" for name, value in vars(arguments).items() if name != "subject"]
    return run([sys.executable, str(ROOT / "Benchmarks/diffusers_bench.py"), arguments.subject, *options])


def run(command: list[str]) -> dict:
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    main()

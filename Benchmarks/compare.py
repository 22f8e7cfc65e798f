"""Times VisualGen and others on the same shapes in turn (A B C A B C …) and prints the ratios of each round.

    python Benchmarks/compare.py transformer --dtype float32 --rounds 3
    python Benchmarks/compare.py decoder --dtype bfloat16
    python Benchmarks/compare.py transformer --family wan --against eager compile openvino
    python Benchmarks/compare.py decoder --family wan --width 480 --height 272 --num-frames 17
    python Benchmarks/compare.py generation
    python Benchmarks/compare.py process
    python Benchmarks/compare.py attention --family wan

FLUX.1 is cut to 2 + 4 of its 19 + 38 blocks at 512×512, FLUX.2-klein-4B to 1 + 2 of its 5 + 20, Qwen-Image to 2 of its
60, Wan2.1-T2V-1.3B to 4 of its 30 at 480×272 and 17 frames; all at their real width. The others are diffusers as it is
(eager), diffusers through torch.compile, and OpenVINO, to which diffusers' network is converted. Attention is one block's
alone, Wan's at 832×480 and 17 frames, against PyTorch's. A generation is one of demo-image, in a process that runs; a
process begins with its start and ends with its PNG. Run it with the packages of Benchmarks/requirements.txt, after
`make build`. Shared machines drift: the ratio within a round, measured within minutes, is worth more than any absolute
time.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENGINE = ROOT / ".build/release/visualgen"

OTHERS = ["eager", "compile", "openvino"]

# Heads, tokens and numbers of a head of attention alone.
ATTENTION = {"flux.1": (24, 1536, 128), "wan": (12, 7800, 128)}

PROMPT = "a small green triangle above a large blue circle"

# What each family is measured at unless the command line says otherwise.
SHAPES = {
    "flux.1": {"height": 512, "width": 512, "blocks": [2, 4]},
    "flux.2": {"height": 512, "width": 512, "blocks": [1, 2]},
    "qwen-image": {"height": 512, "width": 512, "blocks": [2]},
    "wan": {"height": 272, "width": 480, "num_frames": 17, "blocks": [4]},
}

# What a model's config has otherwise than its class's defaults.
CONFIGS = {"flux.2": {"num_attention_heads": 24, "joint_attention_dim": 7680, "guidance_embeds": 0}}


def main() -> None:
    arguments = parse(sys.argv[1:])
    for line in table(compare(arguments)):
        print(line)


def parse(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("subject", choices=["transformer", "decoder", "generation", "process", "attention"])
    parser.add_argument("--family", default="flux.1", choices=SHAPES)
    parser.add_argument("--against", nargs="+", default=["eager"], choices=OTHERS)
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--rounds", type=int, default=3, help="rounds of one process each")
    parser.add_argument("--runs", type=int, default=3, help="counted runs in each process")
    parser.add_argument("--height", type=int)
    parser.add_argument("--width", type=int)
    parser.add_argument("--num-frames", type=int, help="of Wan")
    parser.add_argument("--blocks", type=int, nargs="+", help="double and single ones of FLUX, or all")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args(words)
    for name, value in SHAPES[arguments.family].items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, value)
    if arguments.subject in ("generation", "process") and arguments.family != "flux.1":
        parser.error("whole generations are compared with the built-in model of images only")
    if arguments.subject == "attention" and arguments.family not in ATTENTION:
        parser.error(f"attention is compared for {' and '.join(ATTENTION)}")
    if len(arguments.blocks) != len(SHAPES[arguments.family]["blocks"]):
        parser.error(f"blocks takes {len(SHAPES[arguments.family]['blocks'])} numbers for this family")
    return arguments


def compare(arguments: argparse.Namespace) -> dict[str, list[dict]]:
    """The figures of every engine, a process each round."""
    figures = {name: [] for name in ["visualgen", *arguments.against]}
    for number in range(1, arguments.rounds + 1):
        for name, rounds in figures.items():
            rounds.append(ours(arguments) if name == "visualgen" else other(arguments, name))
            print(f"round {number}: {name} {rounds[-1]['median_seconds']:.3f} s", file=sys.stderr, flush=True)
    return figures


def table(figures: dict[str, list[dict]]) -> list[str]:
    lines = []
    for name, rounds in figures.items():
        seconds = " ".join(f"{one['median_seconds']:.3f}" for one in rounds)
        memory = max(one["peak_memory_bytes"] for one in rounds) / 1e9
        ready = statistics.median(one["ready_seconds"] for one in rounds)
        line = f"{name}: seconds {seconds}, once before the first {ready:.1f} s, peak memory {memory:.2f} GB"
        if name != "visualgen":
            ratios = [b["median_seconds"] / a["median_seconds"] for a, b in zip(figures["visualgen"], rounds)]
            line += f"; against visualgen {' '.join(f'{r:.2f}' for r in ratios)}, median {statistics.median(ratios):.2f}"
        lines.append(line)
    return lines


def ours(arguments: argparse.Namespace) -> dict:
    if arguments.subject == "process":
        sizes = [word for name in ["height", "width"] for word in (f"--{name}", str(getattr(arguments, name)))]
        return processes(
            [str(ENGINE), "generate", "--model", "demo-image", "--prompt", PROMPT, "--seed", "0", "--quiet", *sizes]
            + ["--num-inference-steps", "20", "--dtype", arguments.dtype, "--threads", str(arguments.threads), "--output"],
            arguments.runs,
        )
    command = [str(ENGINE), "bench", arguments.subject]
    if arguments.subject == "attention":
        for name, value in zip(["heads", "tokens", "head-width"], ATTENTION[arguments.family]):
            command += [f"--{name}", str(value)]
    for name in ["dtype", "runs", "height", "width", "threads", "num_frames"]:
        if getattr(arguments, name) is not None:
            command += [f"--{name.replace('_', '-')}", str(getattr(arguments, name))]
    if arguments.subject != "generation":
        command += ["--family", arguments.family]
    if arguments.subject == "transformer":
        blocks = dict(zip(["num_layers", "num_single_layers"], arguments.blocks))
        for name, count in (blocks | CONFIGS.get(arguments.family, {})).items():
            command += ["--set", f"{name}={count}"]
    return run(command)


def product(dtype: str, threads: int) -> dict:
    """The rate of one matrix product alone."""
    return run([str(ENGINE), "bench", "product", "--dtype", dtype, "--threads", str(threads), "--runs", "20"])


def other(arguments: argparse.Namespace, engine: str) -> dict:
    settings = vars(arguments) | {"engine": engine, "prompt": PROMPT, "attention": ATTENTION.get(arguments.family)}
    settings["config"] = CONFIGS.get(arguments.family, {})
    command = [sys.executable, str(ROOT / "Benchmarks/diffusers_bench.py"), json.dumps(settings)]
    return processes(command, arguments.runs) if arguments.subject == "process" else run(command)


def processes(command: list[str], runs: int) -> dict:
    """How long a command takes that writes an image to its last argument, after a run that is not counted."""
    seconds, peak = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(runs + 1):
            start = time.perf_counter()
            process = subprocess.Popen([*command, f"{folder}/image.png"])
            _, status, usage = os.wait4(process.pid, 0)
            seconds.append(time.perf_counter() - start)
            if status:
                sys.exit(f"{' '.join(command)} ended with status {os.waitstatus_to_exitcode(status)}")
            peak = max(peak, usage.ru_maxrss * 1024)
    return {"median_seconds": statistics.median(seconds[1:]), "ready_seconds": 0, "peak_memory_bytes": peak}


def run(command: list[str]) -> dict:
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with status {done.returncode}")
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()

"""Score a checkpoint with VisualGen itself on held-out prompts.

    python engine.py OUTPUT --engine ../../.build/release/visualgen --size 128 --count 200

Writes prompts.json, the images and results.json in OUTPUT. Image ``i`` starts from the noise of seed ``seed + i``.
Other options go to ``visualgen generate`` as they are: ``-- --dtype bfloat16 --num-inference-steps 8``.
"""

import argparse
import json
import subprocess
from pathlib import Path

import check

ROOT = Path(__file__).resolve().parent.parent.parent


def draw(engine, model, prompts, output, size, seed, batch, options):
    """Write 000.png, 001.png, ... in ``output``."""
    for start in range(0, len(prompts), batch):
        part = prompts[start : start + batch]
        command = [engine, "generate", "--model", model, "--size", f"{size}x{size}", "--quiet", *options]
        for index, entry in enumerate(part, start=start):
            command += ["--prompt", entry["prompt"], "--seed", str(seed + index)]
        command += ["--output", output / "part-%d.png"]
        subprocess.run(command, check=True)
        for index in range(len(part)):
            (output / f"part-{index}.png").rename(output / f"{start + index:03d}.png")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--engine", type=Path, default=ROOT / ".build/release/visualgen")
    parser.add_argument("--model", default="demo-image")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--prompt-seed", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=10)
    parser.add_argument("options", nargs="*", help="after --: more options for visualgen generate")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    prompts = check.make_prompts(arguments.count, arguments.prompt_seed)
    (arguments.output / "prompts.json").write_text(json.dumps(prompts, indent=1) + "\n")
    draw(
        arguments.engine, arguments.model, prompts, arguments.output, arguments.size, arguments.seed,
        arguments.batch, arguments.options,
    )
    result = check.score(arguments.output, prompts)
    (arguments.output / "results.json").write_text(json.dumps(result, indent=1) + "\n")
    print(f"right {result['right']:.3f} of {result['count']}: {result['shares']}")


if __name__ == "__main__":
    main()

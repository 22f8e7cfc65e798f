"""Score a checkpoint with diffusers on held-out prompts, over image sizes, steps, text lengths and data types.

    python evaluate.py CHECKPOINT OUTPUT --count 200
"""

import argparse
import json
import time
from pathlib import Path

import torch

import check
import generate

# height, width, steps, text length, data type
SETTINGS = (
    (256, 256, 20, 512, "bfloat16"),
    (256, 256, 20, 512, "float32"),
    (128, 128, 20, 512, "bfloat16"),
    (256, 256, 20, 64, "bfloat16"),
    (256, 256, 8, 512, "bfloat16"),
    (128, 128, 20, 64, "bfloat16"),
    (192, 256, 20, 512, "bfloat16"),
    (256, 192, 20, 512, "bfloat16"),
    (320, 256, 20, 512, "bfloat16"),
    (256, 320, 20, 512, "bfloat16"),
    (256, 256, 20, 128, "bfloat16"),
    (256, 256, 20, 256, "bfloat16"),
    (128, 128, 20, 512, "float32"),
    (128, 128, 8, 512, "bfloat16"),
    (256, 256, 4, 512, "bfloat16"),
    (192, 192, 20, 512, "bfloat16"),
)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--prompt-seed", type=int, default=1)
    parser.add_argument("--settings", type=int, default=len(SETTINGS), help="only the first of the settings")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    arguments = parser.parse_args()
    prompts = check.make_prompts(arguments.count, arguments.prompt_seed)
    texts = [entry["prompt"] for entry in prompts]
    batch = 200 if arguments.device == "cuda" else 10
    pipelines, results = {}, []
    for height, width, steps, length, dtype in SETTINGS[: arguments.settings]:
        if dtype not in pipelines:
            pipelines[dtype] = generate.load(arguments.checkpoint, getattr(torch, dtype), arguments.device)
        name = f"{height}x{width}-{steps}-{length}-{dtype}"
        start = time.monotonic()
        folder = arguments.output / name
        generate.generate(pipelines[dtype], texts, folder, height, width, steps, length, 0, batch)
        seconds = time.monotonic() - start
        result = check.score(folder, prompts)
        results.append({"setting": name, **result})
        print(f"{name:28} right {result['right']:.3f} {result['shares']} ({seconds:.0f} s)", flush=True)
        (arguments.output / "results.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()

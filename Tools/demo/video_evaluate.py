"""Score demo-video with diffusers on held-out prompts.

    python video_evaluate.py CHECKPOINT OUTPUT --count 100
"""

import argparse
import json
import time
from pathlib import Path

import torch

import video_check
import video_generate

# words, steps, text length, guidance, data type
SETTINGS = (
    ("varied", 20, 512, 1.0, "float32"),
    ("plain", 20, 512, 1.0, "float32"),
    ("varied", 20, 512, 1.0, "bfloat16"),
    ("varied", 20, 512, 2.0, "float32"),
    ("varied", 20, 64, 1.0, "float32"),
    ("varied", 10, 512, 1.0, "float32"),
    ("varied", 50, 512, 1.0, "float32"),
    ("varied", 20, 226, 1.0, "float32"),
)


def evaluate(checkpoint, output, settings, count, prompt_seed, device):
    """Log and return the scores of each setting."""
    batch = 50 if device == "cuda" else 5
    pipelines, results = {}, []
    for words, steps, length, guidance, dtype in settings:
        if dtype not in pipelines:
            pipelines[dtype] = video_generate.load(checkpoint, getattr(torch, dtype), device)
        prompts = video_check.make_prompts(count, prompt_seed, plain=words == "plain")
        name = f"{words}-{steps}-{length}-{guidance}-{dtype}"
        texts, start = [entry["prompt"] for entry in prompts], time.monotonic()
        video_generate.generate(pipelines[dtype], texts, output / name, steps, length, guidance, batch=batch)
        seconds = time.monotonic() - start
        result = video_check.score(output / name, prompts)
        results.append({"setting": name, **result})
        (output / "results.json").write_text(json.dumps(results, indent=1) + "\n")
        print(f"{name:28} asked {result['asked']:.3f} right {result['right']:.3f} {result['shares']} ({seconds:.0f} s)")
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--prompt-seed", type=int, default=1)
    parser.add_argument("--settings", type=int, default=len(SETTINGS), help="only the first of the settings")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    arguments = parser.parse_args()
    evaluate(
        arguments.checkpoint, arguments.output, SETTINGS[: arguments.settings], arguments.count, arguments.prompt_seed,
        arguments.device,
    )


if __name__ == "__main__":
    main()

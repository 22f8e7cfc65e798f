"""Generate images with diffusers' FluxPipeline, the reference that the Swift engine is compared with.

    python generate.py CHECKPOINT OUTPUT --prompts prompts.json --steps 20
"""

import argparse
import json
from pathlib import Path

import torch
from diffusers import FluxPipeline


def generate(pipeline, prompts, output, height, width, steps, text_length, seed, batch):
    """Write 000.png, 001.png, ... in ``output``; image ``i`` starts from the noise of seed ``seed + i``."""
    output.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(prompts), batch):
        part = prompts[start : start + batch]
        pictures = pipeline(
            prompt=part,
            height=height,
            width=width,
            num_inference_steps=steps,
            max_sequence_length=text_length,
            generator=[torch.Generator("cpu").manual_seed(seed + start + i) for i in range(len(part))],
        ).images
        for index, picture in enumerate(pictures, start=start):
            picture.save(output / f"{index:03d}.png")


def load(checkpoint, dtype, device):
    pipeline = FluxPipeline.from_pretrained(checkpoint, dtype=dtype).to(device)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--prompts", type=Path, required=True, help="JSON as check.py writes it")
    parser.add_argument("--count", type=int, help="only the first prompts")
    parser.add_argument("--height", type=int, default=256)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--text-length", type=int, default=512)
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=25)
    arguments = parser.parse_args()
    prompts = [entry["prompt"] for entry in json.loads(arguments.prompts.read_text())][: arguments.count]
    pipeline = load(arguments.checkpoint, getattr(torch, arguments.dtype), arguments.device)
    size = (arguments.height, arguments.width)
    generate(
        pipeline, prompts, arguments.output, *size, arguments.steps, arguments.text_length, arguments.seed,
        arguments.batch,
    )


if __name__ == "__main__":
    main()

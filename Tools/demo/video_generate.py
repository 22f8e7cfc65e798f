"""Generate clips with diffusers' WanPipeline, the reference that the Swift engine is compared with.

    python video_generate.py CHECKPOINT OUTPUT --prompts prompts.json
"""

import argparse
import json
from pathlib import Path

import torch
from diffusers import WanPipeline

import video_check
import video_models


def generate(pipeline, prompts, output, steps=20, text_length=512, guidance=1.0, frames=None, size=None, batch=10):
    """Write 000.png, 001.png, ... in ``output``, film strips; clip ``i`` starts from the noise of seed ``i``."""
    output.mkdir(parents=True, exist_ok=True)
    defaults = video_models.DEFAULTS
    for start in range(0, len(prompts), batch):
        part = prompts[start : start + batch]
        clips = pipeline(
            prompt=part,
            height=size or defaults["height"],
            width=size or defaults["width"],
            num_frames=frames or defaults["num_frames"],
            num_inference_steps=steps,
            guidance_scale=guidance,
            max_sequence_length=text_length,
            generator=[torch.Generator("cpu").manual_seed(start + i) for i in range(len(part))],
            output_type="np",
        ).frames
        for index, clip in enumerate(clips, start=start):
            video_check.write_strip(output / f"{index:03d}.png", (clip * 255).round().astype("uint8"))


def load(checkpoint, dtype, device):
    """The pipeline; in bfloat16 the autoencoder stays in float32, as its users are told to do."""
    pipeline = WanPipeline.from_pretrained(checkpoint, dtype=dtype).to(device)
    pipeline.vae.to(torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--prompts", type=Path, required=True, help="JSON as video_check.py writes it")
    parser.add_argument("--count", type=int, help="only the first prompts")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--text-length", type=int, default=512)
    parser.add_argument("--guidance", type=float, default=1.0)
    parser.add_argument("--frames", type=int)
    parser.add_argument("--size", type=int)
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    arguments = parser.parse_args()
    prompts = [entry["prompt"] for entry in json.loads(arguments.prompts.read_text())][: arguments.count]
    pipeline = load(arguments.checkpoint, getattr(torch, arguments.dtype), arguments.device)
    generate(
        pipeline, prompts, arguments.output, arguments.steps, arguments.text_length, arguments.guidance,
        arguments.frames, arguments.size,
    )


if __name__ == "__main__":
    main()

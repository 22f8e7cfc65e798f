"""One process of diffusers for compare.py: random weights, one run that is not counted, then the counted ones."""

import argparse
import json
import resource
import statistics
import time
from pathlib import Path

import torch

DEMO = Path(__file__).resolve().parent.parent / "Sources/DemoModels/Resources/demo-image"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("subject")
    parser.add_argument("--dtype")
    for name in ["rounds", "runs", "size", "double-blocks", "single-blocks", "threads"]:
        parser.add_argument(f"--{name}", type=int)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    subjects = {"transformer": transformer, "decoder": decoder, "generation": generation}
    with torch.inference_mode():
        body = subjects[arguments.subject](arguments, getattr(torch, arguments.dtype))
        seconds = []
        for _ in range(arguments.runs + 1):
            start = time.perf_counter()
            body()
            seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"median_seconds": statistics.median(seconds[1:]), "peak_memory_bytes": peak}))


def transformer(arguments, dtype):
    from diffusers import FluxTransformer2DModel

    torch.set_default_dtype(dtype)
    model = FluxTransformer2DModel(
        num_layers=arguments.double_blocks, num_single_layers=arguments.single_blocks, guidance_embeds=True
    ).eval()
    torch.set_default_dtype(torch.float32)
    rows = arguments.size // 16
    positions = torch.zeros(rows, rows, 3)
    positions[..., 1] += torch.arange(rows)[:, None]
    positions[..., 2] += torch.arange(rows)[None, :]
    inputs = {
        "hidden_states": torch.randn(1, rows * rows, 64, dtype=dtype),
        "encoder_hidden_states": torch.randn(1, 512, 4096, dtype=dtype),
        "pooled_projections": torch.randn(1, 768, dtype=dtype),
        "timestep": torch.tensor([0.5], dtype=dtype),
        "guidance": torch.tensor([3.5]),
        "img_ids": positions.reshape(-1, 3),
        "txt_ids": torch.zeros(512, 3),
    }
    return lambda: model(**inputs)


def decoder(arguments, dtype):
    from diffusers import AutoencoderKL

    torch.set_default_dtype(dtype)
    model = AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        latent_channels=16,
        use_quant_conv=False,
        use_post_quant_conv=False,
    ).eval()
    torch.set_default_dtype(torch.float32)
    latents = torch.randn(1, 16, arguments.size // 8, arguments.size // 8, dtype=dtype)
    return lambda: model.decode(latents).sample


def generation(arguments, dtype):
    from diffusers import FluxPipeline

    pipeline = FluxPipeline.from_pretrained(DEMO, torch_dtype=dtype)
    pipeline.set_progress_bar_config(disable=True)
    return lambda: pipeline(
        "a small green triangle above a large blue circle",
        height=arguments.size,
        width=arguments.size,
        num_inference_steps=20,
        generator=torch.Generator("cpu").manual_seed(0),
    )


if __name__ == "__main__":
    main()

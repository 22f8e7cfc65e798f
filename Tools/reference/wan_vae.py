"""Writes tiny AutoencoderKLWan checkpoints of both shapes, and what the reference encodes and decodes with them.

Checkpoints go to Tests/Goldens/checkpoints/wan-vae-<shape>/vae, goldens to Tests/Goldens/wan/vae-<shape>.safetensors.
Keys: `encode.<case>.input` and `.mean`; `decode.<case>.input` and `.output`, with `[batch, channels, frames, height,
width]`. Pixels that are encoded are bytes, 1 … 255 for -1 … 1.
"""

from common import CHECKPOINTS, GOLDENS, redraw, save_tensors, versions, write_json

import numpy as np
import torch
from diffusers import AutoencoderKLWan

# Widths are no powers of two.
SHAPES = {
    "2.1": dict(
        base_dim=6, z_dim=4, dim_mult=[1, 1, 1, 2], num_res_blocks=1,
        temperal_downsample=[False, True, True],
    ),
    "2.2": dict(
        base_dim=3, decoder_base_dim=4, z_dim=6, dim_mult=[1, 2, 2, 2], num_res_blocks=1,
        temperal_downsample=[False, True, True], is_residual=True, in_channels=12, out_channels=12, patch_size=2,
        scale_factor_spatial=16,
    ),
}  # fmt: skip

# Latent frames, height and width of what is decoded; batch.
DECODED = {"image": (1, 2, 3, 1), "video": (5, 1, 2, 1), "two": (2, 2, 1, 2), "three": (3, 1, 1, 1)}
# Frames, height and width in latents of what is encoded; batch.
ENCODED = {"image": (1, 3, 2, 1), "short": (5, 2, 1, 2), "long": (17, 1, 2, 1), "surplus": (11, 2, 1, 1)}
# Tile sizes and strides in latents, chosen so that the last tiles are cut.
TILED = dict(frames=2, height=5, width=3, tile=3, stride=2)


def draw(seed, *shape):
    """A normal tensor that is the same on every machine."""
    return torch.from_numpy(np.random.Generator(np.random.PCG64(seed)).standard_normal(shape).astype(np.float32))


def drawn(config, seed):
    """A random model whose videos lie within about -1 to 1."""
    model = redraw(AutoencoderKLWan(**config), seed=seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("gamma"):
                parameter.copy_(1 + 0.3 * draw(len(name), *parameter.shape))
        model.decoder.conv_out.weight *= 0.8
    return model


def checkpoint(shape, config):
    """Makes, saves and returns the model."""
    z = config["z_dim"]
    config = config | {
        "latents_mean": [round(0.1 * (i - z / 2), 3) for i in range(z)],
        "latents_std": [round(1.5 + 0.25 * i, 3) for i in range(z)],
    }
    model = drawn(config, seed=31 if shape == "2.1" else 32)
    folder = CHECKPOINTS / f"wan-vae-{shape}" / "vae"
    save_tensors(folder / "diffusion_pytorch_model.safetensors", model.state_dict(), {"format": "pt"})
    kept = {key: value for key, value in model.config.items() if not key.startswith("_")}
    if shape == "2.2":
        kept["clip_output"] = False
    write_json(folder / "config.json", {"_class_name": "AutoencoderKLWan", "_diffusers_version": "0.42.1"} | kept)
    return model


def goldens(model):
    """What the model makes of each case."""
    notes, scale = {}, model.config.scale_factor_spatial
    z, pixels = model.config.z_dim, 3
    for seed, (name, (frames, height, width, batch)) in enumerate(ENCODED.items()):
        video = draw(seed, batch, pixels, frames, height * scale, width * scale).clamp(-1, 1)
        # Stored at 8 bits, which is what videos have.
        video = (video * 127).round()
        notes[f"encode.{name}.input"] = (video + 128).to(torch.uint8)
        notes[f"encode.{name}.mean"] = model.encode(video / 127).latent_dist.mode()
    for seed, (name, (frames, height, width, batch)) in enumerate(DECODED.items()):
        latents = draw(10 + seed, batch, z, frames, height, width)
        notes[f"decode.{name}.input"] = latents
        notes[f"decode.{name}.output"] = model.decode(latents).sample
    tile, stride = TILED["tile"] * scale, TILED["stride"] * scale
    model.enable_tiling(tile, tile, stride, stride)
    latents = draw(20, 1, z, TILED["frames"], TILED["height"], TILED["width"])
    notes["decode.tiled.input"] = latents
    notes["decode.tiled.output"] = model.decode(latents).sample
    model.disable_tiling()
    return notes


@torch.no_grad()
def main():
    for shape, config in SHAPES.items():
        notes = goldens(checkpoint(shape, config))
        path = GOLDENS / "wan" / f"vae-{shape}.safetensors"
        save_tensors(path, notes, {"model": f"wan-vae-{shape}", "tiling": str(TILED)} | versions())
        print(path.name, path.stat().st_size, "bytes")
        for name, value in notes.items():
            print(f"    {name:30} {list(value.shape)} {value.float().abs().max():.3f} {value.float().std():.3f}")


if __name__ == "__main__":
    main()

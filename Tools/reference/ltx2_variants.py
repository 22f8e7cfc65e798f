"""Makes tiny components of LTX-2 with settings that no published one has, and what the reference makes with them.

`checkpoints/ltx2-variants/<name>` is `vae` (its decoder knows the timestep and is causal, its encoder is not),
`upsampler-1.5` or `upsampler-temporal`. Goldens go to Tests/Goldens/ltx2/variants.safetensors: `<name>.input` and
`.output`, of the vae `encode.<…>` and `decode.<…>`, with the timesteps 0 and 0.05. They are computed in float64.
"""

from common import CHECKPOINTS, GOLDENS, redraw, save_tensors, write_json

import torch
from diffusers import AutoencoderKLLTX2Video
from diffusers.pipelines.ltx2 import LTX2LatentUpsamplerModel

from image_goldens import write_components
from inputs import draw
from ltx2_exact import exactly

UPSAMPLER = {"in_channels": 2, "mid_channels": 32, "num_blocks_per_stage": 0}
VARIANTS = {
    "vae": (AutoencoderKLLTX2Video, {
        "latent_channels": 4, "block_out_channels": [8, 8], "layers_per_block": [1, 0, 0],
        "down_block_types": ["LTX2VideoDownBlock3D"] * 2, "spatio_temporal_scaling": [True, True],
        "downsample_type": ["spatial", "spatiotemporal"], "decoder_block_out_channels": [8, 16],
        "decoder_layers_per_block": [1, 1, 2], "decoder_spatio_temporal_scaling": True,
        "decoder_inject_noise": False, "upsample_type": ["spatiotemporal", "spatial"], "upsample_residual": True,
        "upsample_factor": [2, 2], "timestep_conditioning": True, "encoder_causal": False, "decoder_causal": True,
        "encoder_spatial_padding_mode": "reflect", "decoder_spatial_padding_mode": "zeros",
        "spatial_compression_ratio": 16, "temporal_compression_ratio": 2,
    }),
    "upsampler-1.5": (LTX2LatentUpsamplerModel, UPSAMPLER | {"rational_spatial_scale": 1.5}),
    "upsampler-temporal": (LTX2LatentUpsamplerModel, UPSAMPLER | {"spatial_upsample": False, "temporal_upsample": True}),
}  # fmt: skip


def write(name, kind, config, seed):
    """A random component that bfloat16 holds exactly, in a folder."""
    model = kind(**config)
    factor = getattr(getattr(model, "decoder", None), "timestep_scale_multiplier", None)
    if factor is not None:
        model.decoder.timestep_scale_multiplier = None
    redraw(model, seed)
    if factor is not None:
        model.decoder.timestep_scale_multiplier = factor
    with torch.no_grad():
        for key, tensor in [*model.named_parameters(), *model.named_buffers()]:
            if not key.endswith(("kernel", "latents_std", "timestep_scale_multiplier")):
                tensor.copy_(tensor.bfloat16().float())
    folder = CHECKPOINTS / "ltx2-variants" / name
    tensors = {key: value.bfloat16() for key, value in model.state_dict().items()}
    save_tensors(folder / "diffusion_pytorch_model.safetensors", tensors, {"format": "pt"})
    write_json(folder / "config.json", {"_class_name": kind.__name__} | config)


@torch.no_grad()
def variants(dtype):
    notes = {}
    for seed, (name, (kind, _)) in enumerate(VARIANTS.items()):
        folder = CHECKPOINTS / "ltx2-variants" / name
        model, mode = exactly(kind.from_pretrained(folder, dtype=torch.float32, local_files_only=True), dtype)
        with mode:
            if name == "vae":
                video = draw(2500, 1, 3, 5, 32, 48).clamp(-1, 1)
                notes["encode.input"] = video
                notes["encode.mean"] = model.encode(video.to(dtype)).latent_dist.mean
                latents = draw(2501, 2, 4, 3, 1, 2)
                notes["decode.input"] = latents
                for timestep in (0.0, 0.05):
                    times = torch.full((2,), timestep, dtype=dtype)
                    notes[f"decode.{timestep:g}.output"] = model.decode(latents.to(dtype), temb=times).sample
            else:
                notes[f"{name}.input"] = draw(2510 + seed, 2, 2, 3, 4, 5)
                notes[f"{name}.output"] = model(notes[f"{name}.input"].to(dtype))
    return notes


def main():
    for seed, (name, (kind, config)) in enumerate(VARIANTS.items()):
        write(name, kind, config, 5200 + seed)
    write_components(GOLDENS / "ltx2" / "variants.safetensors", variants)


if __name__ == "__main__":
    main()

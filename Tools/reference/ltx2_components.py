"""Writes Tests/Goldens/ltx2/{vae,vocoder,upsampler}-<version>.safetensors and audio-vae.safetensors.

They are computed in float64 and stored in float32; `ltx2/floors.json` gets how far float32 is from them on this processor.
Pixels that are encoded are bytes, 1 … 255 for -1 … 1. Of all but the images a golden has one pixel of each 4 x 4, in row 1
and column 2 of it: `decode.<case>.sparse` in place of `decode.<case>.output`.

Tiles are `TILE` pixels wide and high every `STRIDE` pixels, which leaves a part of a tile at both ends; in time they are
diffusers' own, 16 frames every 8. `tiled` is cut in space, `framewise` in time, `both` in both.
"""

import common  # noqa: F401

import functools
import re

import torch
from diffusers import AutoencoderKLLTX2Audio, AutoencoderKLLTX2Video, LTX2LatentUpsamplePipeline
from diffusers.pipelines.ltx2 import LTX2LatentUpsamplerModel, LTX2Vocoder
from diffusers.pipelines.ltx2.vocoder import LTX2VocoderWithBWE

from common import CHECKPOINTS, GOLDENS
from image_goldens import write_components
from inputs import draw
from ltx2_exact import exactly
from recording import Notes

TILE, STRIDE = 96, 64
# Latent frames, height and width of what is decoded; batch.
DECODED = {
    "image": (1, 2, 3, 2), "video": (2, 2, 2, 1), "tiled": (1, 6, 4, 1), "framewise": (4, 2, 2, 1), "both": (3, 4, 2, 1),
}  # fmt: skip
# Frames, height and width in latents of what is encoded; batch.
ENCODED = {
    "image": (1, 3, 2, 2), "video": (9, 1, 2, 1), "tiled": (1, 4, 5, 1), "framewise": (25, 1, 1, 1),
}  # fmt: skip
SPARSE = ("video", "tiled", "framewise", "both")


def loaded(kind, checkpoint, name, dtype):
    """A component in a type, and its mode."""
    folder = CHECKPOINTS / checkpoint / name
    return exactly(kind.from_pretrained(folder, dtype=torch.float32, local_files_only=True), dtype)


def set_tiling(model, case):
    """As a case wants it."""
    model.use_tiling = False
    if case in ("tiled", "both"):
        model.enable_tiling(TILE, TILE, None, STRIDE, STRIDE)
    # This one governs encoding too.
    model.use_framewise_decoding = case in ("framewise", "both")


def watch_blocks(notes, model, case, lists):
    """Notes what the parts of an encoder or a decoder give."""
    for name in lists:
        part = getattr(model, name)
        for number, block in enumerate(part) if isinstance(part, torch.nn.ModuleList) else [(None, part)]:
            notes.output(block, f"{case}.{name}" if number is None else f"{case}.{name}.{number}")


def encode(notes, model, case, seed, dtype):
    frames, height, width, batch = ENCODED[case]
    pixels = (draw(seed, batch, 3, frames, 32 * height, 32 * width).clamp(-1, 1) * 127).round()
    notes[f"encode.{case}.input"] = (pixels + 128).to(torch.uint8)
    notes[f"encode.{case}.mean"] = model.encode((pixels / 127).to(dtype)).latent_dist.mean


def decode(notes, model, case, seed, dtype):
    frames, height, width, batch = DECODED[case]
    latents = draw(seed, batch, model.config.latent_channels, frames, height, width)
    notes[f"decode.{case}.input"] = latents
    output = model.decode(latents.to(dtype)).sample
    if case in SPARSE:
        notes[f"decode.{case}.sparse"] = output[..., 1::4, 2::4]
    else:
        notes[f"decode.{case}.output"] = output


@torch.no_grad()
def vae(checkpoint, dtype):
    """Everything of a video autoencoder."""
    model, mode = loaded(AutoencoderKLLTX2Video, checkpoint, "vae", dtype)
    notes = Notes()
    with mode:
        for seed, case in enumerate(ENCODED):
            set_tiling(model, case)
            if case == "video":
                watch_blocks(notes, model.encoder, "encode.video", ["conv_in", "down_blocks", "mid_block"])
            encode(notes, model, case, 2000 + seed, dtype)
            notes.done()
        for seed, case in enumerate(DECODED):
            set_tiling(model, case)
            if case == "video":
                watch_blocks(notes, model.decoder, "decode.video", ["conv_in", "mid_block", "up_blocks"])
            decode(notes, model, case, 2100 + seed, dtype)
            notes.done()
    return notes


@torch.no_grad()
def audio_vae(checkpoint, dtype):
    """Two sounds, and one of a single latent frame; spectrograms whose length is no multiple of 4, and one more."""
    model, mode = loaded(AutoencoderKLLTX2Audio, checkpoint, "audio_vae", dtype)
    notes, config = Notes(), model.config
    with mode:
        for number, (case, batch, length) in enumerate((("pair", 2, 5), ("one", 1, 1))):
            if case == "pair":
                watch_blocks(notes, model.decoder, "decode.pair", ["conv_in"])
                for name, module in model.decoder.named_modules():
                    if re.fullmatch(r"mid\.block_\d|up\.\d\.(block\.\d|upsample)", name):
                        notes.output(module, f"decode.pair.{name}")
            latents = draw(2200 + number, batch, config.latent_channels, length, config.mel_bins // 4)
            notes[f"decode.{case}.input"] = latents
            notes[f"decode.{case}.output"] = model.decode(latents.to(dtype)).sample
            notes.done()
        for number, (case, batch, length) in enumerate((("pair", 2, 17), ("even", 1, 20))):
            spectrum = draw(2210 + number, batch, config.in_channels, length, config.mel_bins)
            notes[f"encode.{case}.input"] = spectrum
            notes[f"encode.{case}.mean"] = model.encode(spectrum.to(dtype)).latent_dist.mean
    return notes


def watch_vocoder(notes, model, prefix):
    """Notes each part of a vocoder's net; of the parallel blocks those of the first stage."""
    watch_blocks(notes, model, prefix, ["conv_in", "upsamplers", "act_out", "conv_out"])
    for number in range(model.resnets_per_upsample):
        notes.output(model.resnets[number], f"{prefix}.resnets.{number}")


@torch.no_grad()
def vocoder(checkpoint, dtype):
    """Two spectrograms."""
    kind = LTX2VocoderWithBWE if checkpoint.startswith("ltx2.3") else LTX2Vocoder
    model, mode = loaded(kind, checkpoint, "vocoder", dtype)
    notes = Notes()
    net = model.vocoder if kind is LTX2VocoderWithBWE else model
    notes["input"] = 0.7 * draw(2300, 2, 2, 5, net.config.in_channels // 2)
    watch_vocoder(notes, net, "vocoder")
    if kind is LTX2VocoderWithBWE:
        notes.output(model.mel_stft, "mel_stft.log_mel", "mel_stft.magnitude", None, None)
        watch_vocoder(notes, model.bwe_generator, "bwe_generator")
        notes.output(model.resampler, "resampler")
        notes["resampler.filter"] = model.resampler.filter
    with mode:
        notes["output"] = model(notes["input"].to(dtype))
    notes.done()
    return notes


@torch.no_grad()
def upsampler(checkpoint, dtype):
    """Two videos of latents, and what the pipeline may do with the result."""
    model, mode = loaded(LTX2LatentUpsamplerModel, f"{checkpoint}-upsampler", "latent_upsampler", dtype)
    notes = Notes()
    latents = draw(2400, 2, model.config.in_channels, 3, 2, 3)
    latents = latents * draw(2401, model.config.in_channels, 1, 1, 1).exp() + draw(2402, model.config.in_channels, 1, 1, 1)
    notes["input"] = latents
    parts = ["initial_conv", "initial_norm", "initial_activation", "res_blocks", "upsampler", "post_upsample_res_blocks"]
    for name in parts:
        part = getattr(model, name)
        for number, block in enumerate(part) if name.endswith("blocks") else [(None, part)]:
            notes.output(block, name if number is None else f"{name}.{number}")
    with mode:
        notes["output"] = model(latents.to(dtype))
        pipe = LTX2LatentUpsamplePipeline
        notes["adain"] = pipe.adain_filter_latent(None, notes["output"].clone(), latents.to(dtype), 0.6)
        notes["tone_mapped"] = pipe.tone_map_latents(None, notes["output"], 0.5)
    notes.done()
    return notes


def main():
    folder = GOLDENS / "ltx2"
    for version, checkpoint in {"2.0": "ltx2-tiny", "2.3": "ltx2.3-tiny"}.items():
        for part in (vae, vocoder, upsampler):
            path = folder / f"{part.__name__}-{version}.safetensors"
            write_components(path, functools.partial(part, checkpoint), model=checkpoint)
    write_components(folder / "audio-vae.safetensors", functools.partial(audio_vae, "ltx2-tiny"), model="ltx2-tiny")


if __name__ == "__main__":
    main()

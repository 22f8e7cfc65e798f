"""Makes tiny random LTX-2 checkpoints in the Diffusers layout.

|                 | ltx2-tiny                          | ltx2.3-tiny                                            |
|-----------------|------------------------------------|--------------------------------------------------------|
| stands for      | LTX-2 (2.0)                        | LTX-2.3                                                |
| transformer     | 2 blocks                           | 3 blocks; gates, text modulation, perturbed attention  |
| both            | 4 heads x 10 for video, 4 heads x 6 for sound; 8 and 4 channels go in and out              |
| connectors      | one projection of the text         | a projection for each modality, gates                  |
| text encoder    | Gemma-3: 32 wide, 7 layers, of which layer 5 sees all tokens; keys of before transformers 5 |
| video VAE       | reflecting decoder with residuals  | four up blocks, of which one in time and one in space  |
| audio VAE       | 4 channels, 2 of latents, 8 mel bins                                                        |
| vocoder         | 24 kHz, 240 samples a mel frame    | 16 kHz, then 48 kHz by the bandwidth extension         |

`ltx2-tiny-upsampler` and `ltx2.3-tiny-upsampler` hold a `latent_upsampler` for the first and the second, with one and with
two channels in a group of its norms; the first one's biases before norms show nowhere. A prompt fills
a multiple of 16 tokens, the number of registers. Weights are those that bfloat16 holds, and are stored in it.
"""

import argparse
import copy
import shutil
from pathlib import Path

from common import CHECKPOINTS, redraw, save_tensors, write_json

import torch
from diffusers import AutoencoderKLLTX2Audio, AutoencoderKLLTX2Video, LTX2VideoTransformer3DModel
from diffusers.pipelines.ltx2 import LTX2LatentUpsamplerModel, LTX2TextConnectors, LTX2Vocoder
from diffusers.pipelines.ltx2.vocoder import LTX2VocoderWithBWE
from safetensors.torch import load_file
from transformers import Gemma3Config, Gemma3ForConditionalGeneration

import ltx2_published as published
import ltx2_tokenizer
from inputs import draw

REGISTERS, WIDTH, LAYERS, LATENTS, MEL = 16, 32, 7, 8, 8
VIDEO, AUDIO = (4, 10), (4, 6)  # heads and their width
TEXT = {
    "hidden_size": WIDTH, "intermediate_size": 44, "num_hidden_layers": LAYERS, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 8, "query_pre_attn_scalar": 20, "sliding_window": 6,
    "max_position_embeddings": 2048,
}  # fmt: skip
VISION = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 8,
          "patch_size": 4}  # fmt: skip
TRANSFORMER = {
    "num_attention_heads": VIDEO[0], "attention_head_dim": VIDEO[1], "cross_attention_dim": VIDEO[0] * VIDEO[1],
    "audio_num_attention_heads": AUDIO[0], "audio_attention_head_dim": AUDIO[1],
    "audio_cross_attention_dim": AUDIO[0] * AUDIO[1], "in_channels": LATENTS, "out_channels": LATENTS,
    "audio_in_channels": 2 * MEL // 4, "audio_out_channels": 2 * MEL // 4, "caption_channels": WIDTH,
}  # fmt: skip
CONNECTORS = {
    "caption_channels": WIDTH, "text_proj_in_factor": LAYERS + 1, "connector_rope_base_seq_len": 64,
    "video_connector_num_learnable_registers": REGISTERS, "audio_connector_num_learnable_registers": REGISTERS,
    "video_connector_num_attention_heads": 4, "audio_connector_num_attention_heads": 4,
    "video_connector_attention_head_dim": 8, "audio_connector_attention_head_dim": 8,
}  # fmt: skip
AUDIO_VAE = {"base_channels": 2 * MEL // 4, "latent_channels": 2, "mel_bins": MEL}
SIZES = {
    "ltx2": {
        "transformer": TRANSFORMER | {"num_layers": 2},
        "connectors": CONNECTORS,
        "vae": {
            "latent_channels": LATENTS, "block_out_channels": [8, 8, 16, 16], "layers_per_block": [1, 1, 2, 1, 1],
            "decoder_block_out_channels": [8, 16, 32], "decoder_layers_per_block": [1, 2, 1, 1],
        },
        "audio_vae": AUDIO_VAE,
        "vocoder": {"in_channels": 2 * MEL, "hidden_channels": 40},
        "latent_upsampler": {"in_channels": LATENTS, "mid_channels": 32, "num_blocks_per_stage": 1},
    },
    "ltx2.3": {
        "transformer": TRANSFORMER | {"num_layers": 3},
        "connectors": CONNECTORS | {
            "video_connector_attention_head_dim": VIDEO[1], "video_hidden_dim": VIDEO[0] * VIDEO[1],
            "audio_connector_attention_head_dim": AUDIO[1], "audio_hidden_dim": AUDIO[0] * AUDIO[1],
            "video_connector_num_layers": 2, "audio_connector_num_layers": 3,
        },
        "vae": {
            "latent_channels": LATENTS, "block_out_channels": [8, 8, 16, 16], "layers_per_block": [1, 2, 1, 1, 1],
            "decoder_block_out_channels": [6, 12, 12, 24], "decoder_layers_per_block": [1, 2, 1, 1, 1],
        },
        "audio_vae": AUDIO_VAE,
        "vocoder": {
            "in_channels": 2 * MEL, "hidden_channels": 32, "upsample_factors": [5, 4, 2, 2, 2],
            "upsample_kernel_sizes": [11, 8, 4, 4, 4], "bwe_in_channels": 2 * MEL, "bwe_hidden_channels": 32,
            "num_mel_channels": MEL, "filter_length": 128, "window_length": 128,
        },
        "latent_upsampler": {"in_channels": LATENTS, "mid_channels": 64, "num_blocks_per_stage": 1},
    },
}  # fmt: skip
SEEDS = {"ltx2": 5000, "ltx2.3": 5100}
CLASSES = {
    "transformer": LTX2VideoTransformer3DModel, "connectors": LTX2TextConnectors, "vae": AutoencoderKLLTX2Video,
    "audio_vae": AutoencoderKLLTX2Audio, "latent_upsampler": LTX2LatentUpsamplerModel,
}  # fmt: skip
ATTENTION = {"norm_q": 1.5, "norm_k": 1.5, "to_v.weight": 1.5, "to_out": 1.3, "to_gate_logits": 2.0}
GAINS = {
    "text_encoder": {"embed_tokens": 0.4, "down_proj": 0.8, "q_proj.w": 1.6, "k_proj.w": 1.6},
    "transformer": ATTENTION | {"scale_shift_table": 3.0, "linear.weight": 1.5, "linear.bias": 3.0, "proj_in.weight": 1.5},
    "connectors": ATTENTION | {"learnable_registers": 5.0, "text_proj_in.bias": 4.0},
    "vae": {"decoder.conv_out.conv.weight": 0.55, "conv2.conv.weight": 0.7, "norm3.bias": 3.0},
    "audio_vae": {"decoder.conv_out.conv.weight": 1.5, "decoder.conv_out.conv.bias": 8.0, "conv2.conv.weight": 0.7},
    "vocoder": {"bwe_generator.conv_out.weight": 0.16, "vocoder.conv_out.weight": 0.6, "conv_out.weight": 1.2,
                "vocoder.upsamplers": 0.8, "bwe_generator.upsamplers": 1.3, "vocoder.resnets": 0.5,
                "bwe_generator.resnets": 0.5, "convs2": 0.7, "upsamplers": 1.3, "bias": 0.5},
    "latent_upsampler": {"conv2.weight": 0.7},
}


def drawn(name, model, seed):
    """A random component that bfloat16 holds exactly."""
    redraw(model, seed, gains=GAINS[name])
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            is_gemma_norm = name == "text_encoder" and parameter.ndim == 1 and "language_model" in key
            if is_gemma_norm or key.endswith(("act.alpha", "act.beta")):
                parameter -= 1
        for place, tensor in enumerate(("latents_mean", "latents_std")):
            if hasattr(model, tensor):
                values = draw(seed + 7 + place, getattr(model, tensor).numel())
                getattr(model, tensor).copy_(0.4 * values if place == 0 else (0.3 * values).exp())
        for tensor in [*model.parameters(), *model.buffers()]:
            if tensor.is_floating_point():
                tensor.copy_(tensor.bfloat16().float())
    return model


def set_spectrum(stft):
    """The bases of the bandwidth extension: a windowed Fourier transform, and triangles over its frequencies."""
    function = stft.stft_fn
    length = function.forward_basis.shape[-1]
    time = torch.arange(length, dtype=torch.float64)
    angles = 2 * torch.pi * torch.arange(length // 2 + 1)[:, None] * time / length
    waves = torch.cat([angles.cos(), -angles.sin()]) * (0.5 - 0.5 * (2 * torch.pi * time / length).cos())
    function.forward_basis.copy_(waves[:, None])
    function.inverse_basis.copy_(waves[:, None] / length)
    bands, bins = stft.mel_basis.shape
    centres = torch.linspace(0, (bins - 1) ** 0.5, bands + 2) ** 2
    rise = (torch.arange(bins) - centres[:-2, None]) / (centres[1:-1] - centres[:-2])[:, None]
    fall = (centres[2:, None] - torch.arange(bins)) / (centres[2:] - centres[1:-1])[:, None]
    stft.mel_basis.copy_(0.05 * torch.minimum(rise, fall).clamp(min=0))


def own(config):
    """What a class takes of its config."""
    return {key: value for key, value in config.items() if key[0] != "_"}


def component(model, name):
    """A component of a tiny checkpoint and its config."""
    config = published.CHECKPOINTS[model][name] | SIZES[model][name]
    kind = CLASSES.get(name)
    if name == "vocoder":
        kind = {"LTX2Vocoder": LTX2Vocoder, "LTX2VocoderWithBWE": LTX2VocoderWithBWE}[config["_class_name"]]
    instance = kind(**own(config))
    if kind is LTX2VocoderWithBWE:
        set_spectrum(instance.mel_stft)
    return drawn(name, instance, SEEDS[model] + 10 * sorted([*CLASSES, "vocoder"]).index(name)), config


def text_encoder(ids):
    """Gemma and its config; the vocabulary has more rows than the tokenizer has ids."""
    config = copy.deepcopy(published.TEXT_ENCODER)
    config["text_config"] |= TEXT | {"vocab_size": ids + 5}
    config["vision_config"] |= VISION
    config |= {"boi_token_index": 9, "eoi_token_index": 10, "image_token_index": ids - 1, "mm_tokens_per_image": 4,
               "eos_token_id": [1, 8]}  # fmt: skip
    model = Gemma3ForConditionalGeneration(Gemma3Config.from_dict(copy.deepcopy(config)))
    return drawn("text_encoder", model, 5050), config


def stored(model, renamed=()):
    """The tensors as files have them, without a head that is tied."""
    tensors = {}
    for key, value in model.state_dict().items():
        if key != "lm_head.weight":
            for old, new in renamed:
                key = new + key.removeprefix(old) if key.startswith(old) else key
            tensors[key] = value.bfloat16() if value.is_floating_point() else value
    return tensors


GEMMA_KEYS = [
    ("model.language_model.", "language_model.model."), ("model.vision_tower.", "vision_tower."),
    ("model.multi_modal_projector.", "multi_modal_projector."),
]  # fmt: skip


def write(folder, model, config, file="diffusion_pytorch_model.safetensors", renamed=()):
    save_tensors(folder / file, stored(model, renamed), {"format": "pt"})
    write_json(folder / "config.json", config)


def make(model, folder):
    """Writes a checkpoint into an empty folder."""
    encoder, config = text_encoder(ltx2_tokenizer.save(folder / "tokenizer"))
    write(folder / "text_encoder", encoder, config, "model.safetensors", GEMMA_KEYS)
    for name in ("transformer", "connectors", "vae", "audio_vae", "vocoder"):
        write(folder / name, *component(model, name))
    write_json(folder / "scheduler" / "scheduler_config.json", published.SCHEDULER)
    write_json(folder / "model_index.json", published.CHECKPOINTS[model]["model_index"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=CHECKPOINTS)
    output = parser.parse_args().output
    for model in SIZES:
        folders = [output / f"{model}-tiny", output / f"{model}-tiny-upsampler"]
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        make(model, folders[0])
        write(folders[1] / "latent_upsampler", *component(model, "latent_upsampler"))
        for folder in folders:
            size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
            print(f"{folder.name}: {size} bytes")
            for path in sorted(folder.rglob("*.safetensors")):
                weights = sum(value.numel() for value in load_file(path).values())
                print(f"    {path.parent.name:18} {path.stat().st_size:8} bytes, {weights} numbers")


if __name__ == "__main__":
    main()

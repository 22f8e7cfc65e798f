"""Tiny transformers and the checkpoints that NVIDIA's ModelOpt makes of them, on a CPU.

A base is one of the tiny checkpoints or a wider one of the same kind, whose sizes allow groups of 16 and blocks of 128.
ModelOpt calibrates with three calls, gives q, k and v one scale where its exporter does, and exports. Its NVFP4
simulation is a Triton kernel for CUDA; `fake_nvfp4` computes the same numbers. (They were compared with the kernel's in
Triton's interpreter, whose two wrong casts were replaced: equal in float32 and bfloat16.)
"""

import copy
import json
import re
import tempfile
from pathlib import Path

from common import CHECKPOINTS, redraw, save_tensors, write_json

import diffusers
import modelopt.torch.quantization as mtq
import torch
from modelopt.torch.export import unified_export_hf
from modelopt.torch.quantization import tensor_quant
from modelopt.torch.quantization.config import _load_quantize_config_dict

import flux1_published
import flux2_published
import ltx2_published
import qwen_image_published
import wan_published
from inputs import draw
from quantised_numbers import E2M1_MAX, E4M3_MAX, GROUP, e2m1_codes

QUANTISED = CHECKPOINTS / "quantised"
SEED = 7000
FLUX1 = {"attention_head_dim": 32, "num_attention_heads": 2, "in_channels": 16, "axes_dims_rope": [8, 12, 12],
         "joint_attention_dim": 20, "pooled_projection_dim": 24, "num_layers": 1, "num_single_layers": 1}  # fmt: skip
FLUX2 = {"attention_head_dim": 16, "num_attention_heads": 2, "in_channels": 16, "axes_dims_rope": [4, 4, 4, 4],
         "joint_attention_dim": 36, "num_layers": 1, "num_single_layers": 1,
         "timestep_guidance_channels": 64}  # fmt: skip
QWEN_IMAGE = {"attention_head_dim": 16, "num_attention_heads": 2, "in_channels": 16, "out_channels": 4,
              "axes_dims_rope": [4, 6, 6], "joint_attention_dim": 12, "num_layers": 1}  # fmt: skip
WAN = {"attention_head_dim": 72, "num_attention_heads": 2, "num_layers": 1, "ffn_dim": 160, "freq_dim": 32,
       "text_dim": 12}  # fmt: skip
LTX2 = {"attention_head_dim": 16, "num_attention_heads": 2, "cross_attention_dim": 32, "audio_attention_head_dim": 8,
        "audio_num_attention_heads": 2, "audio_cross_attention_dim": 16, "in_channels": 8, "out_channels": 8,
        "audio_in_channels": 4, "audio_out_channels": 4, "caption_channels": 32, "num_layers": 2, "gated_attn": True,
        "audio_gated_attn": True, "cross_attn_mod": True, "audio_cross_attn_mod": True}  # fmt: skip
MODULATION = {"norm1.linear.bias": 3, "norm1_context.linear.bias": 3, "norm.linear.bias": 3, "mod.1.bias": 3,
              "norm_out.linear.bias": 3, "linear.weight": 0.6, "mod.1.weight": 0.6}  # fmt: skip
BASES = {
    "flux1": ("FluxTransformer2DModel", flux1_published.TRANSFORMERS["dev"] | FLUX1),
    "flux2": ("Flux2Transformer2DModel", flux2_published.CHECKPOINTS["flux2-dev"]["transformer"] | FLUX2),
    "qwen-image": ("QwenImageTransformer2DModel", qwen_image_published.TRANSFORMER | QWEN_IMAGE),
    "wan": ("WanTransformer3DModel", wan_published.CHECKPOINTS["wan2.1-t2v-1.3b"]["transformer"] | WAN),
    "ltx2": ("LTX2VideoTransformer3DModel", ltx2_published.TRANSFORMER | LTX2),
}
# Modules that NVIDIA's example for diffusers leaves in 16 bits, as regular expressions.
FLUX_EXAMPLE = (
    r"^(proj_out|time_text_embed|context_embedder|x_embedder|norm_out|time_guidance_embed|.*stream_modulation)"
)
QWEN_EXAMPLE = r"^(?!transformer_blocks)"
PATCHES = r"patch_embedding"  # a convolution: simulated, but not exported
WAN_TEXT = r"patch_embedding|condition_embedder.text_embedder.linear_1"  # the latter has 12 columns
# Else NVFP4 would ask for a CUDA kernel of this convolution, even where it is left out.
CONVOLUTION = {"quantizer_name": "*patch_embedding*", "cfg": {"num_bits": 8, "axis": None}}

# By folder: the base, the type that it is quantised in, ModelOpt's preset, and the modules left out besides.
EXPORTS = {
    "flux1-fp8": ("flux1", torch.float32, "FP8_DEFAULT_CFG", None),
    "flux1-fp8-rows": ("flux1", torch.float32, "FP8_PER_CHANNEL_PER_TOKEN_CFG", None),
    "flux1-fp8-blocks": ("flux1", torch.float32, "FP8_2D_BLOCKWISE_WEIGHT_ONLY_CFG", None),
    "flux1-nvfp4": ("flux1", torch.float32, "configs/ptq/presets/diffusers/nvfp4", FLUX_EXAMPLE),
    "flux1-int8": ("flux1", torch.float32, "INT8_SMOOTHQUANT_CFG", None),
    "flux2-fp8-metadata": ("flux2-tiny-dev", torch.float32, "FP8_DEFAULT_CFG", None),
    "flux2-nvfp4-swizzled": ("flux2", torch.float32, "NVFP4_DEFAULT_CFG", FLUX_EXAMPLE),
    "flux2-mixed": ("flux2", torch.float32, "FP8 and NVFP4", FLUX_EXAMPLE),
    "qwen-image-fp8": ("qwen-image-tiny", torch.bfloat16, "configs/ptq/presets/diffusers/fp8", None),
    "qwen-image-nvfp4": ("qwen-image", torch.float32, "configs/ptq/presets/diffusers/nvfp4", QWEN_EXAMPLE),
    "qwen-image-int8": ("qwen-image-tiny", torch.bfloat16, "INT8_SMOOTHQUANT_CFG", None),
    "wan-fp8": ("wan", torch.bfloat16, "FP8_DEFAULT_CFG", PATCHES),
    "wan-fp8-blocks": ("wan", torch.bfloat16, "FP8_2D_BLOCKWISE_WEIGHT_ONLY_CFG", PATCHES),
    "wan-nvfp4": ("wan", torch.bfloat16, "NVFP4_DEFAULT_CFG", WAN_TEXT),
}
OPTIONS = {
    "flux2-fp8-metadata": {"enable_layerwise_quant_metadata": True},
    "flux2-nvfp4-swizzled": {"enable_layerwise_quant_metadata": True, "enable_swizzle_layout": True,
                             "padding_strategy": "row"},
}  # fmt: skip


def drawn(base, seed):
    """A wider base, with weights that bfloat16 holds exactly."""
    name, config = BASES[base]
    model = getattr(diffusers, name).from_config({key: value for key, value in config.items() if key[0] != "_"})
    gains = {"norm_q": 1.6, "norm_k": 1.6, "norm_added": 1.6, "to_v": 1.5, "add_v": 1.5, "to_out": 1.5,
             "to_add_out": 1.5, "scale_shift_table": 4.0, "time_proj.weight": 0.7} | MODULATION  # fmt: skip
    if base == "ltx2":
        gains = {"norm_q": 1.5, "norm_k": 1.5, "to_v.weight": 1.5, "to_out": 1.3, "to_gate_logits": 2.0,
                 "scale_shift_table": 3.0, "linear.weight": 1.5, "linear.bias": 3.0, "proj_in.weight": 1.5}  # fmt: skip
    if base == "wan":
        gains["patch_embedding.weight"] = (4 * config["in_channels"]) ** -0.5
    redraw(model, seed, gain=1.1, gains=gains)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.to(torch.bfloat16).float())
    return model


def load(folder, dtype=torch.float32):
    """A transformer out of a folder."""
    name = json.loads((folder / "config.json").read_text(encoding="utf-8"))["_class_name"]
    model = getattr(diffusers, name).from_pretrained(folder, dtype=dtype, local_files_only=True)
    return model.eval().requires_grad_(False)


def write_base(base, folder):
    """Writes a wider base in 16 bits, which hold it exactly."""
    kind, config = BASES[base]
    model = drawn(base, SEED + list(BASES).index(base))
    state = {key: value.to(torch.bfloat16) for key, value in model.state_dict().items()}
    save_tensors(folder / "diffusion_pytorch_model.safetensors", state, {"format": "pt"})
    write_json(folder / "config.json", {"_class_name": kind} | {key: config[key] for key in config if key[0] != "_"})


def load_base(base, dtype=torch.float32):
    """The transformer of a base."""
    if base not in BASES:
        return load(CHECKPOINTS / base / "transformer", dtype)
    with tempfile.TemporaryDirectory() as folder:
        write_base(base, Path(folder))
        return load(Path(folder), dtype)


def inputs(model, seed, batch=2):
    """One call of a transformer: 4 x 3 tokens of image, 5 of text, and times that bfloat16 holds a thousandfold.

    LTX-2 has 2 x 3 x 2 tokens of video besides 7 of sound, and a text for each.
    """
    config, name, dtype = model.config, type(model).__name__, model.dtype
    timestep = torch.tensor([0.5, 0.25])[:batch]
    if name == "WanTransformer3DModel":
        return {
            "hidden_states": draw(seed, batch, config.in_channels, 1, 8, 6).to(dtype),
            "timestep": timestep * 1000,
            "encoder_hidden_states": draw(seed + 1, batch, 5, config.text_dim).to(dtype),
        }
    if name == "LTX2VideoTransformer3DModel":
        return {
            "hidden_states": draw(seed, batch, 12, config.in_channels).to(dtype),
            "audio_hidden_states": draw(seed + 1, batch, 7, config.audio_in_channels).to(dtype),
            "encoder_hidden_states": draw(seed + 2, batch, 5, config.caption_channels).to(dtype),
            "audio_encoder_hidden_states": draw(seed + 3, batch, 5, config.caption_channels).to(dtype),
            **dict.fromkeys(("timestep", "audio_timestep", "sigma"), timestep * 1000),
            "num_frames": 2, "height": 3, "width": 2, "audio_num_frames": 7, "fps": 24.0, "use_cross_timestep": True,
        }  # fmt: skip
    asked = {
        "hidden_states": draw(seed, batch, 12, config.in_channels).to(dtype),
        "encoder_hidden_states": draw(seed + 1, batch, 5, config.joint_attention_dim).to(dtype),
        "timestep": timestep.to(dtype),
    }
    if name == "QwenImageTransformer2DModel":
        return asked | {"img_shapes": [[(1, 4, 3)]] * batch}
    axes = len(config.axes_dims_rope)
    image, text = torch.zeros(12, axes), torch.zeros(5, axes)
    image[:, 1], image[:, 2] = torch.arange(12) // 3, torch.arange(12) % 3
    asked |= {"img_ids": image, "txt_ids": text, "guidance": torch.tensor([4.0, 2.0])[:batch].to(dtype)}
    if name == "Flux2Transformer2DModel":
        text[:, 3] = torch.arange(5)
        return asked
    return asked | {"pooled_projections": draw(seed + 2, batch, config.pooled_projection_dim).to(dtype)}


def fake_nvfp4(x, largest):
    """What ModelOpt's kernel `fp4_fake_quant_block` computes, on a CPU."""
    scale = largest.float().max() / (E2M1_MAX * E4M3_MAX)
    scale = torch.where(scale > 0, scale, torch.tensor(1e-12))
    groups = x.float().reshape(*x.shape[:-1], -1, GROUP)
    ratio = groups.abs().amax(-1, keepdim=True) / (E2M1_MAX * scale)
    local = ratio.clamp(max=E4M3_MAX).to(torch.float8_e4m3fn).float() * scale
    local = torch.where(local >= 1e-5, local, torch.tensor(1.0))
    codes = e2m1_codes(groups.abs() / local)
    magnitude = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6])[codes] * local
    return torch.where(groups >= 0, magnitude, -magnitude).reshape(x.shape).to(x.dtype)


def preset(name):
    """A configuration of ModelOpt."""
    if name == "FP8 and NVFP4":
        return {"algorithm": "max", "quant_cfg": mtq.FP8_DEFAULT_CFG["quant_cfg"] + [
            entry | {"quantizer_name": "*linear_*" + entry["quantizer_name"].removeprefix("*")}
            for entry in mtq.NVFP4_DEFAULT_CFG["quant_cfg"]
            if entry["quantizer_name"] in ("*weight_quantizer", "*input_quantizer")
        ]}  # fmt: skip
    if "/" in name:
        return copy.deepcopy(_load_quantize_config_dict(name))
    return copy.deepcopy(getattr(mtq, name))


@torch.no_grad()
def calibrated(model, configuration, is_left_out):
    """A transformer as ModelOpt simulates and then exports it, but for modules that are left out."""
    tensor_quant.dynamic_block_quantize_op = lambda x, size, largest, *_: fake_nvfp4(x, largest)

    def calibrate(model):
        for seed in (100, 200, 300):
            model(**inputs(model, seed))

    configuration["quant_cfg"] = [*configuration["quant_cfg"], CONVOLUTION]
    model = mtq.quantize(model, configuration, forward_loop=calibrate)
    mtq.disable_quantizer(model, is_left_out)
    # Most presets round the inputs of nn.LayerNorm too; the exporter knows nothing of that.
    norms = {name for name, module in model.named_modules() if isinstance(module, torch.nn.LayerNorm)}
    mtq.disable_quantizer(model, lambda quantiser: quantiser.rpartition(".")[0] in norms)
    unified_export_hf._fuse_qkv_linears_diffusion(model, strict=True)
    return model


def prepared(name):
    """The transformer of a checkpoint, calibrated."""
    base, dtype, configuration, left_out = EXPORTS[name]
    return calibrated(
        load_base(base, dtype), preset(configuration),
        lambda module: left_out is not None and re.match(left_out, module) is not None,
    )  # fmt: skip

"""Transformers out of quantised checkpoints, in float64: weights as their bytes say, inputs rounded as a mode says."""

import json

import common  # noqa: F401

import diffusers
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

import flux1_exact
import flux2_exact
import modelopt_models as models
import qwen_image_exact
from exact import Exactly
from quantised_numbers import INPUTS, dequantised


def format_of(layer):
    """ModelOpt's name of a layer's format, by the types and shapes of its tensors; None if it is not quantised."""
    weight, scale = layer["weight"], layer.get("weight_scale")
    if weight.dtype == torch.int8:
        return "W8A8_SQ_PER_CHANNEL"
    if weight.dtype == torch.uint8:
        return "NVFP4"
    if weight.dtype != torch.float8_e4m3fn:
        return None
    if scale.ndim == 4 or (scale.numel() == 1 and "input_scale" not in layer):
        return "fp8_pb_wo"
    return "FP8" if scale.numel() == 1 else "FP8_PER_CHANNEL_PER_TOKEN"


class QuantisedLinear(nn.Module):
    """A linear layer of quantised tensors. It computes in float64, whatever the type of its input."""

    def __init__(self, layer, round):
        super().__init__()
        self.layer, self.round = layer, round
        self.weight = nn.Parameter(dequantised(layer))
        self.bias = nn.Parameter(layer["bias"].double()) if "bias" in layer else None

    def forward(self, x):
        return functional.linear(self.round(x.double(), self.layer), self.weight, self.bias).to(x.dtype)


def layers(tensors):
    """The tensors of a checkpoint by module, each by the end of its name."""
    result = {}
    for key, value in tensors.items():
        module, _, end = key.rpartition(".")
        result.setdefault(module, {})[end] = value
    return result


def tensors_of(name):
    """The tensors of a quantised checkpoint."""
    return load_file(models.QUANTISED / name / "diffusion_pytorch_model.safetensors")


def quantised(name, mode, dtype=torch.float64):
    """The transformer of a checkpoint. A layer whose format has no such mode rounds as ModelOpt does."""
    config = json.loads((models.QUANTISED / name / "config.json").read_text(encoding="utf-8"))
    own = {key: value for key, value in config.items() if key[0] != "_" and key != "quantization_config"}
    model = getattr(diffusers, config["_class_name"]).from_config(own).to(dtype)
    plain, replaced = {}, set()
    for module, layer in layers(tensors_of(name)).items():
        kind = format_of(layer) if "weight" in layer else None
        if kind is None:
            plain |= {f"{module}.{end}".lstrip("."): value.to(dtype) for end, value in layer.items()}
        else:
            own_mode = mode if mode in INPUTS[kind] else next(iter(INPUTS[kind]))
            model.set_submodule(module, QuantisedLinear(layer, INPUTS[kind][own_mode]))
            replaced |= {f"{module}.weight", f"{module}.bias"}
    missing, unexpected = model.load_state_dict(plain, strict=False)
    if unexpected or set(missing) - replaced:
        raise SystemExit(f"{name}: other tensors than the model's")
    return model.eval().requires_grad_(False)


def modes(name):
    """The modes that change something in a checkpoint; the first is what ModelOpt simulates."""
    kinds = {format_of(layer) for layer in layers(tensors_of(name)).values() if "weight" in layer} - {None}
    return list(dict.fromkeys(mode for kind in sorted(kinds) for mode in INPUTS[kind]))


def fix_wan(mode, transformer):
    """Leaves Wan's transformer what it fixes to float32."""
    mode.fixed(transformer.condition_embedder.timesteps_proj, "forward")
    mode.rounded_timestep(transformer)


FIXES = {
    "FluxTransformer2DModel": flux1_exact.fix,
    "Flux2Transformer2DModel": flux2_exact.fix,
    "QwenImageTransformer2DModel": qwen_image_exact.fix,
    "WanTransformer3DModel": fix_wan,
}


@torch.no_grad()
def exactly(model, asked):
    """The output of a float64 transformer."""
    mode = Exactly()
    FIXES[type(model).__name__](mode, model)
    kept = ("img_ids", "txt_ids", "timestep", "img_shapes")
    wide = {name: value if name in kept else value.double() for name, value in asked.items()}
    with mode:
        return model(**wide).sample

"""Transformers out of quantised checkpoints, in float64: weights as their bytes say, inputs rounded as a mode says."""

import json

import common  # noqa: F401

import diffusers
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

import flux1_exact
import ltx2_exact
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
        # How many of the first tokens have scales of their own: see `with_own_scales`.
        self.text = 0
        self.weight = nn.Parameter(dequantised(layer))
        self.bias = nn.Parameter(layer["bias"].double()) if "bias" in layer else None

    def forward(self, x):
        parts = x.double().split([self.text, x.shape[1] - self.text], 1) if self.text else [x.double()]
        parts = [self.round(part, self.layer) for part in parts]
        rounded = torch.cat(parts, 1) if self.text else parts[0]
        return functional.linear(rounded, self.weight, self.bias).to(x.dtype)


def with_own_scales(model):
    """FLUX's last block as VisualGen computes it, which makes nothing but keys and values of the text: whatever else
    there is has scales of the image's tokens alone."""
    last = (getattr(model, "single_transformer_blocks", None) or [None])[-1]
    names = ["proj_mlp", "proj_out", "attn.to_q"] if hasattr(last, "proj_mlp") else ["attn.to_out"]
    apart = [last.get_submodule(name) for name in names] if last is not None else []

    def note(_, arguments, named):
        for layer in apart:
            layer.text = named["encoder_hidden_states"].shape[1]

    model.register_forward_pre_hook(note, with_kwargs=True)
    return model


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
    return with_own_scales(model.eval().requires_grad_(False))


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
    "LTX2VideoTransformer3DModel": ltx2_exact.fix,
    "QwenImageTransformer2DModel": qwen_image_exact.fix,
    "WanTransformer3DModel": fix_wan,
}


def item_of(asked, index):
    """One item of the batch of a call's arguments."""
    whole = ("img_ids", "txt_ids")
    return {
        name: value if name in whole or isinstance(value, int | float) else value[index : index + 1]
        for name, value in asked.items()
    }


def numbers_of(output):
    """What a transformer predicts of one item; of video and sound, in a row."""
    if not hasattr(output, "audio_sample"):
        return output.sample
    return torch.cat([output.sample.flatten(1), output.audio_sample.flatten(1)], 1)


@torch.no_grad()
def exactly(model, asked):
    """The output of a float64 transformer, of every item of the batch by itself: none has a say in another's scales."""
    mode = Exactly()
    FIXES[type(model).__name__](mode, model)
    kept = ("img_ids", "txt_ids", "timestep", "audio_timestep", "sigma", "img_shapes")
    wide = {
        name: value if name in kept or isinstance(value, int | float) else value.double() for name, value in asked.items()
    }
    with mode:
        items = [model(**item_of(wide, index)) for index in range(len(wide["hidden_states"]))]
        return torch.cat([numbers_of(item) for item in items])

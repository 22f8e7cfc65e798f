"""Reads a quantised transformer's folder with ModelOpt's own classes, and says whether it is what ModelOpt writes.

    quantised_check.py FOLDER [BASE]

Checks that `quantization_config` is the one of its algorithm, that `ignore` names the linear layers that are not
quantised and no other, and that ModelOpt's classes read the same weights as `quantised_numbers.py`. With the folder
that it was made from, also that the bytes are those of `quantised_numbers.py`, and all other tensors as before.
(ModelOpt's own files differ from the formulas where q, k and v share SmoothQuant's factors, in the last place of the
scales, where they have a single block of 128 x 128 each, and where FP8 was computed in bfloat16.)
"""

import argparse
import fnmatch
import json
from pathlib import Path

import common  # noqa: F401

import diffusers
import torch
from modelopt.torch.export.convert_hf_config import convert_hf_quant_config_format
from modelopt.torch.quantization.qtensor import FP8QTensor, INT8QTensor, NVFP4QTensor
from safetensors.torch import load_file

import quantised_models
import quantised_numbers as numbers
import quantised_weights

BLOCKS = {-1: numbers.BLOCK, -2: numbers.BLOCK}


def tensors_of(folder):
    """The tensors of all weight files."""
    return {key: value for path in sorted(folder.glob("*.safetensors")) for key, value in load_file(path).items()}


def by_modelopt(layer, kind):
    """The float32 weight that ModelOpt's classes read."""
    weight, scale = layer["weight"], layer["weight_scale"]
    if kind == "NVFP4":
        tensor = NVFP4QTensor((weight.shape[0], 2 * weight.shape[1]), torch.float32, weight)
        double = layer["weight_scale_2"]
        return tensor.dequantize(scale=scale, double_scale=double, block_sizes={-1: numbers.GROUP})
    if kind == "W8A8_SQ_PER_CHANNEL":
        return INT8QTensor(weight.shape, torch.float32, weight).dequantize(scale=scale[:, None])
    tensor = FP8QTensor(weight.shape, torch.float32, weight)
    if scale.numel() == 1:
        return tensor.dequantize(scale=scale.reshape(()))
    if kind == "fp8_pb_wo":
        return tensor.dequantize(scale=scale.reshape(-(-weight.shape[0] // numbers.BLOCK), -1), block_sizes=BLOCKS)
    return tensor.dequantize(scale=scale[:, None])


def problems_of_config(config, kinds, linears):
    """What is not as ModelOpt writes it."""
    found = config.get("quantization_config")
    if found is None:
        return ["config.json has no quantization_config"]
    algorithm = found.get("quant_algo")
    wanted = convert_hf_quant_config_format({"quantization": {"quant_algo": algorithm}})
    problems = []
    if algorithm != "MIXED_PRECISION":
        problems += [f"{key} is {found.get(key)}" for key in ("config_groups", "quant_method")
                     if found.get(key) != wanted.get(key)]  # fmt: skip
        problems += [f"{name} is {kind}" for name, kind in kinds.items() if kind != algorithm]
        for name in linears:
            is_ignored = any(fnmatch.fnmatch(name, pattern) for pattern in found["ignore"])
            if is_ignored == (name in kinds):
                problems.append(f"{name} is {'ignored' if is_ignored else 'not ignored'}")
    return problems


def problems_of_base(checkpoint, base, kinds):
    """What is not as the base and the formulas have it."""
    for module, layer in checkpoint.items():
        before = {end: base[f"{module}.{end}".lstrip(".")] for end in layer if f"{module}.{end}".lstrip(".") in base}
        if module in kinds:
            weight = before.pop("weight").float()
            others = [base[f"{other}.weight"].float() for other in quantised_weights.sharing(module, checkpoint)]
            for end, value in quantised_weights.formula(layer, weight, others).items():
                if not quantised_weights.same(value, layer[end]):
                    yield f"{module}.{end} is not what the formula gives"
        for end, value in before.items():
            if not value.float().equal(layer[end].float()):
                yield f"{module}.{end} is not as it was"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("base", type=Path, nargs="?")
    asked = parser.parse_args()
    config = json.loads((asked.folder / "config.json").read_text(encoding="utf-8"))
    checkpoint = quantised_models.layers(tensors_of(asked.folder))
    kinds = {name: quantised_models.format_of(layer) for name, layer in checkpoint.items() if "weight" in layer}
    kinds = {name: kind for name, kind in kinds.items() if kind is not None}
    checkpoint |= {name: numbers.with_plain_scales(checkpoint[name]) for name in kinds}
    own = {key: value for key, value in config.items() if key[0] != "_" and key != "quantization_config"}
    with torch.device("meta"):
        model = getattr(diffusers, config["_class_name"]).from_config(own)
    linears = [name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)]
    problems = problems_of_config(config, kinds, linears)
    for name, kind in kinds.items():
        ours = numbers.dequantised(checkpoint[name]).float()
        theirs = by_modelopt(checkpoint[name], kind)
        if (ours - theirs).abs().max() > 1e-6 * ours.abs().max():
            problems.append(f"{name}: ModelOpt reads another weight")
    if asked.base is not None:
        problems += problems_of_base(checkpoint, tensors_of(asked.base), kinds)
    print(*problems, f"{len(kinds)} quantised layers, {len(problems)} problems", sep="\n")
    raise SystemExit(1 if problems else 0)


if __name__ == "__main__":
    main()

"""Compares a transformer that `visualgen quantize` wrote with what ModelOpt exports of the same 16-bit base.

    visualgen quantize MODEL --algo FP8 --output OUTPUT
    python quantised_export.py OUTPUT/transformer MODEL/transformer

Run it for each algorithm and transformer; it needs what `requirements.txt` names, no GPU, and four bytes of memory for
each number of the transformer a few times over, so the bases are tiny ones (`checkpoints/*/transformer` or
`checkpoints/quantised/{flux1,flux2,qwen-image}`, whose sizes allow groups of 16 and blocks of 128). It writes nothing,
prints what differs, and ends with status 1 if anything does.

ModelOpt quantises the base in float32 (which holds 16 bits exactly), the layers that the folder has quantised and no
others, after three calls. These are to be the same:

- `quantization_config`, but for its producer and the wording of `ignore`, which must match just the linear layers that
  are not quantised; inputs are dynamic where the folder has no `input_scale`; of blocks, whose inputs are rounded,
  TensorRT-LLM's name stands for ModelOpt's, whose are not;
- the keys, but for `input_scale` where no layer has one, and types and shapes of all tensors of quantised layers;
- weights and scales, bit for bit. Where ModelOpt has rules of its own, the formula of `quantised_numbers.py` decides:
  for SmoothQuant's factors, which follow from its calibration, and for q, k and v of one block each;
- all other tensors, bit for bit as the base has them.

Last, ModelOpt's own classes must read the weights that `quantised_numbers.py` reads.
"""

import argparse
import contextlib
import fnmatch
import io
import json
import tempfile
from pathlib import Path

import common

import torch
from modelopt.torch.export import export_hf_checkpoint

import modelopt_models as models
import quantised_models
import quantised_numbers as numbers
import quantised_weights
from quantised_check import by_modelopt, tensors_of
from quantised_weights import same

PRESETS = {
    "FP8": "FP8_DEFAULT_CFG",
    "FP8_PER_CHANNEL_PER_TOKEN": "FP8_PER_CHANNEL_PER_TOKEN_CFG",
    "fp8_pb_wo": "FP8_2D_BLOCKWISE_WEIGHT_ONLY_CFG",
    "NVFP4": "NVFP4_DEFAULT_CFG",
    "W8A8_SQ_PER_CHANNEL": "INT8_DEFAULT_CFG",
}
# ModelOpt's names, where the folder has TensorRT-LLM's.
NAMES = {"FP8_BLOCK_SCALES": "fp8_pb_wo"}
# What calibration measures.
MEASURED = ("input_scale", "pre_quant_scale")


class Folder:
    """A quantised transformer: its configuration, its tensors by module, and which modules are quantised."""

    def __init__(self, path):
        self.config = json.loads((path / "config.json").read_text(encoding="utf-8")).get("quantization_config", {})
        if "quant_algo" in self.config:
            self.config["quant_algo"] = NAMES.get(self.config["quant_algo"], self.config["quant_algo"])
        self.layers = quantised_models.layers(tensors_of(path))
        kinds = {name: self.kind(layer) for name, layer in self.layers.items() if "weight" in layer}
        self.kinds = {name: kind for name, kind in kinds.items() if kind is not None}

    def kind(self, layer):
        """A layer's format; one scale and no other may be FP8 with inputs as they come, or a single block."""
        kind, algorithm = quantised_models.format_of(layer), self.config.get("quant_algo")
        return algorithm if kind == "fp8_pb_wo" and layer["weight_scale"].numel() == 1 else kind

    def has(self, end):
        """Whether any quantised layer has a tensor."""
        return any(end in self.layers[name] for name in self.kinds)


def exported(base, ours):
    """What ModelOpt makes of a base with the same layers quantised."""
    configuration = models.preset(PRESETS[ours.config["quant_algo"]])
    # What follows names layers to leave out.
    configuration["quant_cfg"] = configuration["quant_cfg"][:3]
    with contextlib.redirect_stdout(io.StringIO()), tempfile.TemporaryDirectory() as folder:
        model = models.calibrated(
            models.load(base), configuration, lambda quantiser: quantiser.rpartition(".")[0] not in ours.kinds
        )
        linears = [name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)]
        export_hf_checkpoint(model, export_dir=folder)
        return Folder(Path(folder)), linears


def problems_of_config(ours, theirs, linears):
    """Where the configuration is not ModelOpt's."""
    wanted = theirs.config
    for group in wanted.get("config_groups", {}).values():
        if "input_activations" in group and not ours.has("input_scale"):
            group["input_activations"]["dynamic"] = True
    for key in sorted(set(wanted) | set(ours.config) - {"producer", "ignore"}):
        if key not in ("producer", "ignore") and ours.config.get(key) != wanted.get(key):
            yield f"quantization_config.{key} is {ours.config.get(key)}, ModelOpt's {wanted.get(key)}"
    for name in linears:
        is_ignored = any(fnmatch.fnmatch(name, pattern) for pattern in ours.config.get("ignore", []))
        if is_ignored == (name in ours.kinds):
            yield f"{name} is {'ignored' if is_ignored else 'not ignored'}"


def described(tensor):
    """A type and a shape."""
    return f"{common.DTYPE_NAMES[tensor.dtype]} {list(tensor.shape)}"


def shares_a_block(name, layers):
    """Whether ModelOpt gives q, k and v, of one block each, one scale."""
    return layers[name]["weight_scale"].numel() == 1 and len(quantised_weights.sharing(name, layers)) > 1


def problems_of_layer(name, ours, theirs, base):
    """Where a quantised layer is not ModelOpt's."""
    mine, other, kind = ours.layers[name], theirs.layers[name], ours.kinds[name]
    expected = set(other) - {end for end in MEASURED if not ours.has(end)}
    expected |= {end for end in MEASURED if ours.has(end)} & set(mine)
    if set(mine) != expected:
        yield f"{name} has {sorted(mine)}, ModelOpt's {sorted(expected)}"
        return
    is_formula = "pre_quant_scale" in mine or (kind == "fp8_pb_wo" and shares_a_block(name, ours.layers))
    group = [base[f"{near}.weight"].float() for near in quantised_weights.sharing(name, ours.layers)]
    wanted = quantised_weights.formula(mine, base[f"{name}.weight"].float(), group) if is_formula else other
    for end in sorted(set(mine) - {"bias"}):
        value = mine[end]
        if end in other and described(value) != described(other[end]):
            yield f"{name}.{end} is {described(value)}, ModelOpt's {described(other[end])}"
        elif end in MEASURED:
            if not (value.float().isfinite() & (value > 0)).all():
                yield f"{name}.{end} is not above zero"
        elif not same(value, wanted[end]):
            count = (value.flatten().view(torch.uint8) != wanted[end].flatten().view(torch.uint8)).sum().item()
            yield f"{name}.{end}: {count} bytes differ"
    if not numbers.dequantised(mine).float().allclose(by_modelopt(mine, kind), rtol=1e-6, atol=0):
        yield f"{name}: ModelOpt's classes read another weight"


def problems_of_rest(ours, base):
    """Where other tensors are not the base's."""
    found = {f"{name}.{end}".lstrip("."): value for name, layer in ours.layers.items() for end, value in layer.items()}
    for key in sorted(set(base) - set(found)):
        yield f"{key} is missing"
    for key, value in sorted(found.items()):
        module, _, end = key.rpartition(".")
        if module in ours.kinds and end != "bias":
            continue
        if key not in base:
            yield f"{key} is not in the base"
        elif described(value) != described(base[key]) or not same(value, base[key]):
            yield f"{key} is not as it was"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("base", type=Path)
    asked = parser.parse_args()
    ours, base = Folder(asked.folder), tensors_of(asked.base)
    if ours.config.get("quant_algo") not in PRESETS:
        raise SystemExit(f"quant_algo is {ours.config.get('quant_algo')}; it must be one of {', '.join(PRESETS)}")
    theirs, linears = exported(asked.base, ours)
    problems = [*problems_of_config(ours, theirs, linears), *problems_of_rest(ours, base)]
    problems += [f"{name} is {kind}" for name, kind in ours.kinds.items() if kind != ours.config["quant_algo"]]
    if set(ours.kinds) != set(theirs.kinds):
        problems.append(f"other layers are quantised: {sorted(set(ours.kinds) ^ set(theirs.kinds))}")
    for name in sorted(set(ours.kinds) & set(theirs.kinds)):
        problems += problems_of_layer(name, ours, theirs, base)
    measured = [end for end in MEASURED if ours.has(end)]
    print(*problems, f"{len(ours.kinds)} layers of {ours.config['quant_algo']}, measured: {measured or 'nothing'}; "
          f"{len(problems)} problems", sep="\n")  # fmt: skip
    raise SystemExit(1 if problems else 0)


if __name__ == "__main__":
    main()

"""Writes Tests/Goldens/quantised/weights.safetensors: what every algorithm makes of floating-point weights.

`<case>.weight` is the matrix; `<case>.<algorithm>.{weight,weight_scale,weight_scale_2}` are to be equal bit for bit.
Algorithms that a matrix has none of refuse it. `ragged.FP8.modelopt` is what ModelOpt's exporter writes where it
computes in bfloat16: its quotient is rounded to bfloat16 first. Cases `q`, `k` and `v` share the last scale of NVFP4.
`inputs.<kind>.{values,scale}` are inputs rounded in float32, by token or by 128 numbers of one: a product that
multiplies by a reciprocal may be a step away at a few places.

Before that, the formulas are held against every checkpoint that ModelOpt exported.
"""

from common import GOLDENS, save_tensors, versions

import torch

import modelopt_models as models
import quantised_models
import quantised_numbers as numbers
from inputs import draw

ALGORITHMS = {
    "FP8": numbers.fp8_tensor,
    "FP8_PER_CHANNEL_PER_TOKEN": numbers.fp8_rows,
    "FP8_BLOCK_SCALES": numbers.fp8_blocks,
    "NVFP4": numbers.nvfp4,
    "W8A8_SQ_PER_CHANNEL": numbers.int8_rows,
}
GROUPS = [("to_q", "to_k", "to_v"), ("add_q_proj", "add_k_proj", "add_v_proj")]


def ragged():
    """Blocks at the edges, a row, a group and a block of zeros."""
    weight = 0.02 * draw(1, 130, 144)
    weight[3] = 0
    weight[5, 16:32] = 0
    weight[128:, 128:] = 0
    return weight.to(torch.bfloat16)


def outlier():
    """One number that makes all others tiny."""
    weight = 0.02 * draw(2, 20, 64)
    weight[7, 9] = -30000
    return weight.to(torch.bfloat16)


def small():
    """Rows around the smallest scales, and rows of denormal numbers."""
    weight = draw(3, 12, 32).clamp(-1, 1)
    weight[:, 0] = 1
    largest = [5.0e-36, 5.2e-36, 5.3e-36, 1.4e-36, 1.6e-36, 3.1e-35, 3.2e-35, 1e-38, 1e-40, 1e-44, 1e-30, 0]
    return weight * torch.tensor(largest)[:, None]


def ties():
    """Numbers half-way between two quantised ones, with a scale of one."""
    weight = torch.zeros(6, 64)
    weight[0] = torch.arange(64) / 4 - 8
    weight[1, :32] = torch.arange(17, 49) * 1.0
    weight[2, :32] = -torch.arange(416, 448) * 1.0
    weight[3, :32] = torch.arange(32) * 2.0**-10
    weight[4, :32] = torch.arange(32) / 8 - 2
    weight[:3, 63] = 448
    weight[3, 63], weight[4, 63], weight[5] = 127, 6, -0.0
    return weight


CASES = {
    "ragged": ragged,
    "float16": lambda: draw(4, 16, 48).half(),
    "float32": lambda: 0.3 * draw(5, 33, 80),
    "narrow": lambda: draw(6, 5, 20).to(torch.bfloat16),
    "one": lambda: torch.tensor([[-0.3]]),
    "zeros": lambda: torch.zeros(17, 32, dtype=torch.bfloat16),
    "negative-zeros": lambda: -torch.zeros(3, 32),
    "outlier": outlier,
    "huge": lambda: (3e38 * draw(7, 4, 32).clamp(-1, 1)).to(torch.bfloat16),
    "small": small,
    "denormal": lambda: (1e-39 * draw(8, 4, 32)).to(torch.bfloat16),
    "ties": ties,
    "q": lambda: draw(9, 16, 32).to(torch.bfloat16),
    "k": lambda: (3 * draw(10, 16, 32)).to(torch.bfloat16),
    "v": lambda: (0.01 * draw(11, 8, 32)).to(torch.bfloat16),
}


def same(one, other):
    """Whether two tensors have the same bits, whatever their shape."""
    return one.flatten().contiguous().view(torch.uint8).equal(other.flatten().contiguous().view(torch.uint8))


def sharing(module, modules):
    """The layers that share an NVFP4 layer's last scale: q, k and v, of an attention to other tokens k and v."""
    parent, _, name = module.rpartition(".")
    group = next((group for group in GROUPS if name in group), (name,))
    if parent.endswith(("attn2", "to_video_attn", "to_audio_attn")):
        group = group[1:] if name in group[1:] else (name,)
    return [f"{parent}.{name}" for name in group if f"{parent}.{name}" in modules]


def formula(layer, weight, group):
    """What a layer of a checkpoint should hold; `group` are the weights that share its last scale."""
    kind = quantised_models.format_of(layer)
    if kind == "NVFP4":
        return numbers.nvfp4(weight, max(other.abs().max() for other in group))
    if kind == "W8A8_SQ_PER_CHANNEL" and "pre_quant_scale" in layer:
        return numbers.int8_rows(weight * (1 / layer["pre_quant_scale"].float()))
    return ALGORITHMS["FP8_BLOCK_SCALES" if kind == "fp8_pb_wo" else kind](weight)


def hold(name):
    """Compares the formulas with a checkpoint of ModelOpt's: the bytes that differ, of how many."""
    base = {key: value.float() for key, value in models.load_base(*models.EXPORTS[name][:2]).state_dict().items()}
    checkpoint = quantised_models.layers(quantised_models.tensors_of(name))
    differing, count = 0, 0
    for module, layer in checkpoint.items():
        if "weight" not in layer or quantised_models.format_of(layer) is None:
            continue
        weight = base[f"{module}.weight"]
        ours = formula(layer, weight, [base[f"{other}.weight"] for other in sharing(module, checkpoint)])
        layer = numbers.with_plain_scales(layer)
        differing += (ours["weight"].view(torch.uint8) != layer["weight"].view(torch.uint8)).sum().item()
        count += weight.numel()
        # SmoothQuant's are a unit in the last place off where q, k and v share factors; single blocks share theirs.
        if layer["weight"].dtype != torch.int8 and "blocks" not in name:
            assert all(same(value, layer[end]) for end, value in ours.items() if end != "weight"), module
    print(f"{name}: {differing} of {count} bytes differ")


def inputs_of(tensors):
    """Inputs of a layer, rounded."""
    x = draw(12, 5, 272)
    x[:, 7] *= 20
    x[2] = 0
    x[3, 128:256] = 0
    tensors["inputs"] = x
    rounded = {
        "FP8.tensor": numbers.fp8_tensor(x), "FP8.token": numbers.fp8_rows(x), "INT8.token": numbers.int8_rows(x),
    }  # fmt: skip
    parts = [numbers.fp8_rows(part) for part in x.split(numbers.BLOCK, 1)]
    rounded["FP8.block"] = {
        "weight": torch.cat([part["weight"] for part in parts], 1),
        "weight_scale": torch.stack([part["weight_scale"] for part in parts], 1),
    }
    for kind, result in rounded.items():
        tensors[f"inputs.{kind}.values"], tensors[f"inputs.{kind}.scale"] = result["weight"], result["weight_scale"]


@torch.no_grad()
def main():
    for name in models.EXPORTS:
        hold(name)
    tensors = {f"{case}.weight": make() for case, make in CASES.items()}
    largest = max(tensors[f"{case}.weight"].float().abs().max() for case in "qkv")
    for case in CASES:
        weight = tensors[f"{case}.weight"]
        for algorithm, quantise in ALGORITHMS.items():
            if algorithm == "NVFP4" and weight.shape[1] % numbers.GROUP:
                continue
            shared = (largest,) if algorithm == "NVFP4" and case in "qkv" else ()
            for end, value in quantise(weight, *shared).items():
                tensors[f"{case}.{algorithm}.{end}"] = value
    weight, scale = tensors["ragged.weight"], tensors["ragged.FP8.weight_scale"]
    tensors["ragged.FP8.modelopt"] = (weight / scale).to(torch.float8_e4m3fn)
    inputs_of(tensors)
    path = GOLDENS / "quantised" / "weights.safetensors"
    save_tensors(path, tensors, versions())
    print(path.name, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()

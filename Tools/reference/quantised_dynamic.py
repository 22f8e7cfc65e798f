"""Writes Tests/Goldens/quantised/dynamic-<base>.safetensors: bases that are quantised as they are loaded, in float64.

`output.<algorithm>` is what a transformer of `checkpoints/quantised` makes of `input.*` when its linear layers, but
those that `ignore` in the metadata names, are quantised by that algorithm and their inputs are rounded as they come:
for `FP8` and `NVFP4` on a scale of an item of the batch, for `FP8_BLOCK_SCALES` of 128 numbers of a token, else of a
token. In NVFP4, q, k and v share their last scale.
"""

import fnmatch
import json
import sys

from common import GOLDENS, save_tensors, versions

import diffusers
import torch
from torch import nn

import modelopt_models as models
import quantised_models
import quantised_numbers as numbers
import quantised_weights
from exact import distance

IGNORED = {
    "flux1": ["x_embedder", "context_embedder", "time_text_embed*", "norm_out*", "proj_out"],
    "flux2": ["x_embedder", "context_embedder", "time_guidance_embed*", "norm_out*", "*modulation*", "proj_out"],
    "qwen-image": ["img_in", "txt_in", "time_text_embed*", "norm_out*", "proj_out"],
    "ltx2": ["*proj_in", "*proj_out", "*time_embed*", "*caption_projection*", "*adaln*", "av_cross_attn*", "*to_gate_logits"],
}
ROUNDING = {
    "FP8": numbers.dynamic_fp8,
    "FP8_PER_CHANNEL_PER_TOKEN": numbers.token_fp8,
    "FP8_BLOCK_SCALES": numbers.block_fp8,
    "NVFP4": numbers.dynamic_fp4,
    "W8A8_SQ_PER_CHANNEL": numbers.token_int8,
}


def quantised(base, algorithm):
    """A base in float64, quantised."""
    model = models.load_base(base)
    linears = {name: module for name, module in model.named_modules() if isinstance(module, nn.Linear)}
    model.double()
    for name, linear in linears.items():
        if any(fnmatch.fnmatch(name, pattern) for pattern in IGNORED[base]):
            continue
        shared = ()
        if algorithm == "NVFP4":
            shared = [linears[other].weight.abs().max() for other in quantised_weights.sharing(name, linears)]
            shared = (max(shared).float(),)
        layer = quantised_weights.ALGORITHMS[algorithm](linear.weight, *shared)
        if linear.bias is not None:
            layer["bias"] = linear.bias
        model.set_submodule(name, quantised_models.QuantisedLinear(layer, ROUNDING[algorithm]))
    return quantised_models.with_own_scales(model.eval().requires_grad_(False))


@torch.no_grad()
def main():
    diffusers.utils.logging.set_verbosity_error()
    for base in sys.argv[1:] or IGNORED:
        ignored = IGNORED[base]
        plain = models.load_base(base)
        asked = models.inputs(plain, 900)
        golden = {f"input.{name}": value for name, value in asked.items() if isinstance(value, torch.Tensor)}
        exact = quantised_models.exactly(plain.double(), asked)
        golden["output.unquantised"] = exact.float()
        for algorithm in ROUNDING:
            output = quantised_models.exactly(quantised(base, algorithm), asked)
            golden[f"output.{algorithm}"] = output.float()
            print(base, algorithm, distance(output, exact)["relative_frobenius"])
        path = GOLDENS / "quantised" / f"dynamic-{base}.safetensors"
        metadata = {"checkpoint": f"checkpoints/quantised/{base}", "ignore": json.dumps(ignored)}
        save_tensors(path, golden, metadata | versions())
        print(path.name, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()

"""How far a quantised linear layer is from float64, for every algorithm, at the width of FLUX.1.

    python layer_errors.py --libraries FOLDER --device cpu      # with libCTorch.so; on a GPU libCTorchCUDA.so too

Weights have a deviation of 0.02, inputs one of 1, both in bfloat16. *With outliers* one in a hundred channels of the inputs is 30
times as large, and one in a thousand weights 10 times. An error is the norm of the difference relative to the norm: of
the weights, of the inputs, of the product with the weights alone quantised, and of the product as the layer makes it.
"""

from pathlib import Path

import shared
import torch
from torch.nn.functional import linear

OPS = torch.ops.visualgen
SIZES = [(3072, 3072), (3072, 12288)]
# Rows and columns of a weight that share a scale, and numbers of a token that do; 0 is all of them.
E4M3 = {"FP8": (0, 0, 0), "FP8_PER_CHANNEL_PER_TOKEN": (1, 0, -1), "FP8_BLOCK_SCALES": (128, 128, 128)}


def e4m3(x, weight, rows, columns, part):
    """What the weight and the inputs stand for, and the layer's product."""
    part = x.shape[1] if part < 0 else part
    codes, scales = OPS.quantize_e4m3(weight, rows or weight.shape[0], columns or weight.shape[1])
    wide = OPS.dequantize(codes, scales, 1.0, torch.float32)
    x = x.unsqueeze(0)  # an item of a batch
    if not x.is_cuda:
        rounded = OPS.round_e4m3(x, part, 0.0)
        return wide, rounded[0], OPS.quantized_linear(rounded, codes, scales, 1.0, None)
    rounded = OPS.round_e4m3(x.float().cpu(), part, 0.0).to(x.device)
    # A product on a GPU has a scale for each row of the weight, or for each block.
    scales = scales if rows else scales.expand(weight.shape[0], 1).contiguous()
    tokens, factors = OPS.e4m3_input(x, part, 0.0)
    return wide, rounded[0], OPS.e4m3_linear(tokens, factors, x.shape[1], codes, scales, None, x.dtype)


def nvfp4(x, weight):
    """The same in E2M1."""
    scale = float(OPS.largest_magnitude(weight)) / (6 * 448)
    codes, scales = OPS.quantize_e2m1(weight, scale)
    rounded = OPS.round_e2m1(x.unsqueeze(0), 0.0)
    product = OPS.quantized_linear(rounded, codes, scales, scale, None)
    return OPS.dequantize(codes, scales, scale, torch.float32), rounded[0], product


def int8(x, weight):
    """The same in integers."""
    codes, scales = OPS.quantize_int8(weight)
    rounded = OPS.round_int8(x.float().cpu(), x.shape[1], 0.0).to(x.device)
    return OPS.dequantize(codes, scales, 1.0, torch.float32), rounded, OPS.linear_int8(x, codes, scales, 0.0, None)


def plain(x, weight):
    """The same of bfloat16 as it is."""
    return weight, x, linear(x, weight)


def algorithms():
    """Functions of inputs [tokens, from] and a weight [to, from], by name."""
    result = {"bfloat16": plain}
    for name, parts in E4M3.items():
        result[name] = lambda x, weight, parts=parts: e4m3(x, weight, *parts)
    return result | {"NVFP4": nvfp4, "W8A8_SQ_PER_CHANNEL": int8}


def drawn(tokens, width, outputs, has_outliers):
    """Inputs [tokens, width] and a weight [outputs, width] in bfloat16."""
    generator = torch.Generator().manual_seed(width + outputs)
    x = torch.randn(tokens, width, generator=generator)
    weight = 0.02 * torch.randn(outputs, width, generator=generator)
    if has_outliers:
        x[:, torch.randperm(width, generator=generator)[: width // 100 + 1]] *= 30
        weight[torch.rand(outputs, width, generator=generator) < 0.001] *= 10
    return x.bfloat16(), weight.bfloat16()


def errors(x, weight):
    """The four errors of every algorithm."""
    exact = linear(x.double(), weight.double())
    for name, body in algorithms().items():
        wide, rounded, product = body(x, weight)
        yield name, {
            "weights": shared.relative(wide, weight),
            "inputs": shared.relative(rounded, x),
            "weights alone": shared.relative(linear(x.double(), wide.double()), exact),
            "product": shared.relative(product.view_as(exact), exact),
        }


def main():
    parser = shared.parser(__doc__, "cpu")
    parser.add_argument("--libraries", type=Path, required=True, help="the folder of the shim's libraries")
    parser.add_argument("--tokens", type=int, default=1024)
    arguments = parser.parse_args()
    for name in ["libCTorch.so", *(["libCTorchCUDA.so"] if arguments.device != "cpu" else [])]:
        torch.ops.load_library(str(arguments.libraries.resolve() / name))
    figures = {}
    for width, outputs in SIZES:
        for case in ("normal", "with outliers"):
            x, weight = drawn(arguments.tokens, width, outputs, case == "with outliers")
            with torch.inference_mode():
                found = dict(errors(x.to(arguments.device), weight.to(arguments.device)))
            figures[f"{width} → {outputs}, {case}"] = found
            rows = [[f"`{name}`", *(f"{100 * value:.2f}" for value in row.values())] for name, row in found.items()]
            heads = [f"{width} → {outputs}, {case}, %", "weights", "inputs", "product, weights alone", "product"]
            print(shared.table(heads, rows) + "\n", flush=True)
    shared.write(arguments.json, figures)


if __name__ == "__main__":
    shared.start(main)

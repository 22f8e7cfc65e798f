"""Quantised layers on a card: the shim's operators against those of the CPU and float64, and their times beside bfloat16's.

    python quantised.py --libraries FOLDER [--rounds 5]     # with libCTorch.so and libCTorchCUDA.so

Weights and inputs must become the same numbers as on the CPU, bit for bit; products must be within a unit of bfloat16 of
float64's. Ends with status 1 if something is not.
"""

import argparse
import sys
from pathlib import Path

import torch

OPS = torch.ops.visualgen
failures = []


def check(name, is_fine, found=""):
    if not is_fine:
        failures.append(name)
        print(f"WRONG {name} {found}")


def relative(found, expected):
    expected = expected.double()
    return float((found.double() - expected).norm() / expected.norm().clamp_min(1e-30))


def same(a, b):
    def as_bytes(x):
        return x.cpu().contiguous().reshape(-1).view(torch.uint8)

    return a.shape == b.shape and torch.equal(as_bytes(a), as_bytes(b))


def draw(*shape, seed=0, dtype=torch.bfloat16):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator).to(dtype)


def weights():
    """Codes, scales and what they stand for, on both devices."""
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        weight = draw(272, 416, seed=1, dtype=dtype)
        weight[7] = 0
        weight[:, 20] *= 40
        largest = float(weight.float().abs().max())
        check(f"largest {dtype}", same(OPS.largest_magnitude(weight), OPS.largest_magnitude(weight.cuda())))
        forms = {
            "tensor": lambda w: OPS.quantize_e4m3(w, 272, 416),
            "rows": lambda w: OPS.quantize_e4m3(w, 1, 416),
            "blocks": lambda w: OPS.quantize_e4m3(w, 128, 128),
            "int8": OPS.quantize_int8,
            "e2m1": lambda w: OPS.quantize_e2m1(w, largest / 2688),
        }
        for name, quantize in forms.items():
            here, there = quantize(weight), quantize(weight.cuda())
            check(f"codes {name} {dtype}", same(here[0], there[0]))
            check(f"scales {name} {dtype}", same(here[1], there[1]))
            for wanted in (torch.float32, torch.bfloat16):
                scale = largest / 2688 if name == "e2m1" else 1.0
                check(f"widened {name} {dtype} {wanted}",
                      same(OPS.dequantize(*here, scale, wanted), OPS.dequantize(*there, scale, wanted)))  # fmt: skip


def widened(codes, scales, rows):
    columns = -(-codes.shape[1] // scales.shape[1]) if scales.shape[1] == 1 else 128
    wide = scales.repeat_interleave(columns, 1)[:, : codes.shape[1]]
    return (codes.float() * wide)[:rows]


def inputs():
    """Inputs rounded, alone and by the pass that makes them."""
    for shape in ((2, 5, 48), (1, 7, 3072), (2, 3, 15360), (1, 3, 24576), (3, 6, 200)):
        for dtype in (torch.bfloat16, torch.float32):
            x = draw(*shape, seed=2, dtype=dtype)
            x[0, 1] = 0
            rows, width = shape[0] * shape[1], shape[2]
            # A scale of an item, of a token, of blocks, and a given one.
            for part, scale in ((0, 0.0), (width, 0.0), (128, 0.0), (0, 0.01)):
                codes, scales = OPS.e4m3_input(x.cuda(), part, scale)
                expected = OPS.round_e4m3(x.float(), part, scale)
                found = widened(codes, scales, rows).view(shape)
                check(f"input {shape} {dtype} {part} {scale}", same(found, expected))
            if width % 16 == 0:
                check(f"e2m1 {shape} {dtype}", same(OPS.round_e2m1(x, 0.0), OPS.round_e2m1(x.cuda(), 0.0)))
    # The norm that rounds at once, against the norm by itself and then its rounding: rows of every number of threads and packs.
    for width in (48, 264, 512, 528, 1036, 1920, 3072, 4096, 5120, 6144, 6160):
        for dtype, vectors in ((torch.bfloat16, torch.bfloat16), (torch.bfloat16, torch.float32), (torch.float32, torch.float32)):
            x = draw(2, 7, width, seed=12, dtype=dtype).cuda()
            scale, shift = (draw(2, width, seed=n, dtype=vectors).cuda() for n in (13, 14))
            for part, fixed in ((width, 0.0), (128, 0.0), (0, 0.02)):
                expected = OPS.e4m3_input(OPS.modulated_layer_norm(x, scale, shift, 1e-6, dtype), part, fixed)
                found = OPS.e4m3_modulated_layer_norm(x, scale, shift, 1e-6, dtype, part, fixed)
                case = f"{width} {dtype} {vectors} {part} {fixed}"
                # Codes and scales of blocks have room for a multiple of four rows, and nothing is written beyond those there are.
                check(f"normed at once {case}", all(same(a[:14], b[:14]) for a, b in zip(expected, found)))
    for dtype in (torch.bfloat16, torch.float32):
        x, y = draw(2, 9, 1024, seed=3, dtype=dtype).cuda(), draw(2, 9, 512, seed=4, dtype=dtype).cuda()
        gate, scale, shift = (draw(*s, seed=n, dtype=dtype).cuda() for n, s in ((5, (2, 9, 1024)), (6, (2, 1024)), (7, (2, 1024))))
        norm = torch.nn.functional.layer_norm(x.double(), (1024,), eps=1e-6)
        normed = norm * (1 + scale.double().unsqueeze(1)) + shift.double().unsqueeze(1)
        gelu = torch.nn.functional.gelu(x.double(), approximate="tanh")
        gated = torch.nn.functional.silu(gate.double()) * x.double()
        for part, fixed in ((4096, 0.0), (128, 0.0), (0, 0.02), (0, 0.0)):
            made = {
                "normed": (OPS.e4m3_modulated_layer_norm(x, scale, shift, 1e-6, dtype, part, fixed), normed),
                "gelu": (OPS.e4m3_gelu_tanh(x, None, part, fixed), gelu),
                "gelu beside": (OPS.e4m3_gelu_tanh(x, y, part, fixed), torch.cat([y.double(), gelu], 2)),
                "swiglu beside": (OPS.e4m3_swiglu(gate, x, y, part, fixed), torch.cat([y.double(), gated], 2)),
            }
            for name, ((codes, scales), expected) in made.items():
                found = widened(codes, scales, 18)
                # A pass leaves numbers of its type.
                expected = OPS.round_e4m3(expected.to(dtype).float().cpu(), min(part, expected.shape[2]), fixed)
                differing = float((found.cpu() != expected.view(found.shape)).float().mean())
                distance = relative(found.cpu(), expected.view(found.shape))
                # Where the last bit of that differs, a number may round to its neighbour, or a scale to its own; that of an
                # item is one for all numbers.
                bound = 0.03 if dtype == torch.bfloat16 and part == fixed == 0 else 0.005
                check(f"{name} {dtype} {part} {fixed}", distance < bound, f"{distance:.2g}, {differing:.1%} differ")


def products():
    """Products against float64, of what both factors stand for."""
    for rows, width, outputs in ((4608, 3072, 3072), (512, 15360, 3072), (333, 8960, 1536), (1, 3072, 18432), (21, 3584, 3072), (7, 48, 40)):
        for dtype in (torch.bfloat16, torch.float32, torch.float16):
            x = draw(1, rows, width, seed=8, dtype=dtype).cuda()
            weight = (0.02 * draw(outputs, width, seed=9, dtype=torch.float32)).to(dtype).cuda()
            bias = draw(outputs, seed=10, dtype=dtype).cuda()
            before = draw(1, 16, outputs, seed=11, dtype=dtype).cuda()
            for name, block in (("rows", (1, width)), ("blocks", (128, 128))):
                w, w_scales = OPS.quantize_e4m3(weight, *block)
                codes, scales = OPS.e4m3_input(x, block[1], 0.0)
                exact = widened(codes, scales, rows).double() @ OPS.dequantize(w, w_scales, 1.0, torch.float32).double().t()
                exact += bias.double()
                found = OPS.e4m3_linear(codes, scales, rows, w, w_scales, bias, dtype)
                bound = 3e-3 if dtype != torch.float32 else 1.5e-3
                case = f"{name} {rows}x{width}x{outputs} {dtype}"
                check(f"product {case}", relative(found, exact) < bound, f"{relative(found, exact):.2g}")
                joined = OPS.join_e4m3_linear(before, codes, scales, rows, w, w_scales, bias, dtype)
                check(f"joined {case}", same(joined[:, :16], before) and same(joined[0, 16:], found))
            w, w_scales = OPS.quantize_int8(weight)
            for scale in (0.0, 0.03):
                found = OPS.linear_int8(x, w, w_scales, scale, bias)
                exact = OPS.round_int8(x.float().cpu(), width, scale).cuda().double()[0] @ OPS.dequantize(w, w_scales, 1.0, torch.float32).double().t()
                error = relative(found[0], exact + bias.double())
                check(f"int8 {rows}x{width}x{outputs} {dtype} {scale}", error < (3e-3 if dtype != torch.float32 else 1e-5), f"{error:.2g}")
            if width % 16 == 0:
                scale = float(weight.float().abs().max()) / 2688
                w, w_scales = OPS.quantize_e2m1(weight, scale)
                exact = x[0].double() @ OPS.dequantize(w, w_scales, scale, torch.float32).double().t() + bias.double()
                error = relative(OPS.quantized_linear(x, w, w_scales, scale, bias)[0], exact)
                check(f"e2m1 {rows}x{width}x{outputs} {dtype}", error < 5e-3, f"{error:.2g}")


def milliseconds(body, rounds):
    """The median of so many runs, each of ten calls between two events."""
    for _ in range(3):
        body()
    times = []
    for _ in range(rounds):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        for _ in range(10):
            body()
        end.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(end) / 10)
    return sorted(times)[len(times) // 2]


def times(rounds):
    print("| tokens x from x to | bfloat16 | rows | rows, exact sums | blocks | int8 | NVFP4 | passes, rows and blocks: input; normed; GELU |")
    print("|---|---|---|---|---|---|---|---|")
    for rows, width, outputs in ((4608, 3072, 3072), (4608, 3072, 12288), (4608, 15360, 3072), (4096, 12288, 3072), (512, 3072, 12288), (32760, 1536, 8960), (32760, 5120, 13824)):
        x = torch.randn(1, rows, width, device="cuda", dtype=torch.bfloat16)
        weight = 0.02 * torch.randn(outputs, width, device="cuda", dtype=torch.bfloat16)
        bias = torch.randn(outputs, device="cuda", dtype=torch.bfloat16)
        scale, shift = (torch.randn(1, width, device="cuda", dtype=torch.bfloat16) for _ in range(2))
        by_row, by_block, whole = OPS.quantize_e4m3(weight, 1, width), OPS.quantize_e4m3(weight, 128, 128), OPS.quantize_int8(weight)
        last = float(weight.abs().max()) / 2688
        fours = OPS.quantize_e2m1(weight, last)
        row, blocks = OPS.e4m3_input(x, width, 0.0), OPS.e4m3_input(x, 128, 0.0)
        exact = lambda: torch._scaled_mm(row[0], by_row[0].t(), row[1], by_row[1].t(), bias, out_dtype=torch.bfloat16)  # noqa: E731
        cells = [
            lambda: torch.nn.functional.linear(x, weight, bias),
            lambda: OPS.e4m3_linear(*row, rows, *by_row, bias, torch.bfloat16),
            exact,
            lambda: OPS.e4m3_linear(*blocks, rows, *by_block, bias, torch.bfloat16),
            lambda: OPS.linear_int8(x, *whole, 0.0, bias),
            lambda: OPS.quantized_linear(x, *fours, last, bias),
        ]
        passes = [
            lambda: OPS.e4m3_input(x, width, 0.0),
            lambda: OPS.e4m3_input(x, 128, 0.0),
            lambda: OPS.e4m3_modulated_layer_norm(x, scale, shift, 1e-6, torch.bfloat16, width, 0.0),
            lambda: OPS.e4m3_modulated_layer_norm(x, scale, shift, 1e-6, torch.bfloat16, 128, 0.0),
            lambda: OPS.e4m3_gelu_tanh(x, None, width, 0.0),
            lambda: OPS.e4m3_gelu_tanh(x, None, 128, 0.0),
        ]
        values = " | ".join(f"{milliseconds(cell, rounds):.3f}" for cell in cells)
        print(f"| {rows} x {width} x {outputs} | {values} | {', '.join(f'{milliseconds(p, rounds):.3f}' for p in passes)} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--libraries", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    for name in ("libCTorch.so", "libCTorchCUDA.so"):
        torch.ops.load_library(str(arguments.libraries.resolve() / name))
    with torch.inference_mode():
        for part in (weights, inputs, products):
            part()
            print(f"{part.__name__}: {len(failures)} wrong so far", flush=True)
        if arguments.rounds:
            times(arguments.rounds)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()

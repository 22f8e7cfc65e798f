"""Attention on a Hopper card, exact and quantised: against the formulas in float64, and timed in turn with cuDNN's in bfloat16.

    python attention.py --library FOLDER/libCTorchCUDA.so     # as native/build.sh makes it
    python attention.py --only time --cases 12x32760 32x6144x1024     # heads x tokens, or x keys; --recipes int8-16-1 for one recipe

Needs the torch that the library was built with, and `safetensors` for the goldens. Without --library the files of attention are
built, which takes nvcc and half a minute. Times are of the operator, quantising included. Ends with status 1 if a distance is
more than it may be.
"""

import argparse
import functools
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "native/Sources/CTorchCUDA"
# The CPU's half, which declares them, is not loaded.
SCHEMAS = ("hopper_attention(Tensor query, Tensor key, Tensor value, float scale) -> (Tensor, Tensor)",
           "takes_hopper_attention(Tensor query, Tensor key, Tensor value) -> bool",
           "quantized_attention(Tensor query, Tensor key, Tensor value, float scale, ScalarType codes, int key_block, "
           "bool value_channels) -> (Tensor, Tensor)")  # fmt: skip
TYPES = {"int8": (torch.int8, 127.0), "fp8": (torch.float8_e4m3fn, 448.0), "bf16": (torch.bfloat16, None)}
TILE = 128


@dataclass(frozen=True)
class Recipe:
    """The type of queries and keys, the keys that share a scale, and whether each channel of the values has one."""

    kind: str
    key_block: int = 1
    value_channels: bool = True

    def __str__(self):
        return f"{self.kind}-{self.key_block}-{int(self.value_channels)}"

    def __call__(self, query, key, value, scale=None):
        scale = query.shape[-1] ** -0.5 if scale is None else scale
        return torch.ops.visualgen.quantized_attention(query, key, value, scale, TYPES[self.kind][0], self.key_block,
                                                       self.value_channels)  # fmt: skip


def hopper(query, key, value):
    """The exact kernel."""
    return torch.ops.visualgen.hopper_attention(query, key, value, query.shape[-1] ** -0.5)


def cudnn(query, key, value):
    with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):
        return F.scaled_dot_product_attention(query, key, value)


RECIPES = [Recipe("int8", 1), Recipe("int8", 4), Recipe("int8", 16), Recipe("fp8", 1), Recipe("fp8", 4), Recipe("bf16", 1, False)]


def build(folder: Path, flags=()) -> Path:
    """A library of attention alone."""
    home = Path(torch.__file__).parent
    library = folder / "attention.so"
    sources = [SOURCES / name for name in ("hopper_attention.cu", "hopper_codes.cu", "hopper_exact_attention.cu",
                                        "quantized_attention.cpp", "exact_attention.cpp")]  # fmt: skip
    toolkit = ["nvcc", "-std=c++20", "-O3", "-gencode", "arch=compute_90a,code=sm_90a", "-Xcompiler",
               "-fPIC,-fvisibility=hidden,-fno-strict-aliasing", f"-I{home}/include", *flags]  # fmt: skip
    objects = [folder / f"{source.stem}.o" for source in sources]
    compilers = [subprocess.Popen([*toolkit, "-c", source, "-o", to]) for source, to in zip(sources, objects)]
    if any(compiler.wait() for compiler in compilers):
        raise SystemExit("attention cannot be built")
    subprocess.run([*toolkit[:1], "-shared", *objects, "-o", library, f"-L{home}/lib", "-ltorch_cpu", "-ltorch_cuda", "-lc10",
                    "-lc10_cuda"], check=True)  # fmt: skip
    return library


def e4m3(x):
    return x.float().clamp(-448, 448).to(torch.float8_e4m3fn).double()


def quotient(largest, maximum):
    """A scale. By a number of the host a card divides inexactly."""
    return torch.where(largest == 0, torch.ones_like(largest), largest / torch.full_like(largest, maximum))


def coded(x, kind, together):
    """What the codes of x stand for, `together` tokens sharing a scale, in float64."""
    maximum = TYPES[kind][1]
    largest = torch.stack([part.abs().amax((-2, -1)) for part in x.split(together, -2)], -1)
    scale = quotient(largest, maximum)
    every = scale.repeat_interleave(together, -1)[..., : x.shape[-2], None]
    codes = (x / every).round().double() if kind == "int8" else e4m3(x / every)
    return codes * every.double()


def formula(recipe, query, key, value, rows=slice(None), scale=None):
    """The output and log-sum-exp of some rows in float64, and the largest sum of magnitudes that is a score: float32 up to the
    codes, then weights as of the largest score so far, a tile of keys after the other from the last one on."""
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    half = torch.float16 if query.dtype == torch.float16 else torch.bfloat16
    query, key, value = query[..., rows, :].float(), key.float(), value.float()
    shift = 0
    if recipe.kind == "bf16":
        query8, key8 = query.to(half).double(), key.to(half).double()
    else:
        mean = key.double().mean(-2, keepdim=True).float()
        query8, key8 = coded(query, recipe.kind, 1), coded(key - mean, recipe.kind, recipe.key_block)
        shift = scale * (query.double() * mean.double()).sum(-1)
    largest = value.abs().amax(-2, keepdim=True) if recipe.value_channels else value.abs().amax((1, 2, 3), keepdim=True)
    value_scale = quotient(largest, 448)
    value8 = e4m3(value / value_scale)
    most, magnitude = torch.full_like(query8[..., :1], -torch.inf), 0
    total, output = torch.zeros_like(most), torch.zeros_like(query8)
    for start in reversed(range(0, key.shape[-2], TILE)):
        part = slice(start, min(start + TILE, key.shape[-2]))
        scores = scale * query8 @ key8[..., part, :].mT
        magnitude = max(magnitude, (scale * query8.abs() @ key8[..., part, :].abs().mT).max().item())
        before, most = most, torch.maximum(most, scores.amax(-1, keepdim=True))
        weights, shrunk = (scores - most).exp(), (before - most).exp()
        total = total * shrunk + weights.sum(-1, keepdim=True)
        output = output * shrunk + e4m3(448 * weights) @ value8[..., part, :]
    return output / (448 * total) * value_scale.double(), (total.log() + most).squeeze(-1) + shift, magnitude


def exact(query, key, value, rows=slice(None), scale=None):
    """Attention without codes."""
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    scores = scale * query[..., rows, :].double() @ key.double().mT
    return scores.softmax(-1) @ value.double(), scores.logsumexp(-1)


def distance(one, other):
    """Relative Frobenius norm of the difference."""
    difference = (one.double() - other.double()).norm()
    return (difference if other.norm() == 0 else difference / other.norm()).item()


def views(heads, tokens, keys, width, dtype, batch=1, seed=0):
    """Query, key and value [batch, heads, tokens, width], of heads that lie together for a token as after a projection."""
    generator = torch.Generator("cuda").manual_seed(seed)
    return [torch.randn(batch, count, heads, width, device="cuda", generator=generator).to(dtype).transpose(1, 2)
            for count in (tokens, keys, keys)]  # fmt: skip


def biased(query, key, value):
    """Keys and values far from zero, as after projections with a bias."""
    offsets = torch.randn(2, 1, key.shape[1], 1, key.shape[-1], device="cuda")
    return query, (key + 4 * offsets[0]).to(key.dtype), (value + 4 * offsets[1]).to(key.dtype)


def peaked(query, key, value):
    """Few keys matter; some stand out, and a channel and a token are zeros."""
    query, key, value = 4 * query, key.clone(), value.clone()
    key[:, :, 17::40] *= 6
    value[..., 11] = 0
    query[:, :, -1] = 0
    return query, key, value


def packed(query, key, value):
    """Slices of one projection for all three."""
    joined = torch.cat([x.transpose(1, 2) for x in (query, key, value)], -1)
    return [x.transpose(1, 2) for x in joined.chunk(3, -1)]


def plain(*qkv):
    return qkv


def cases():
    """What is attended to, and the query rows that are compared."""
    every = slice(None)
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        yield f"{dtype} 3 × 257 × 389", plain(*views(3, 257, 389, 128, dtype, 2)), every
    for tokens, keys in [(1, 1), (64, 128), (128, 127), (129, 129), (200, 5), (67, 640), (512, 1000)]:
        for width in (64, 128):
            yield f"{width} wide, {tokens} × {keys}", plain(*views(2, tokens, keys, width, torch.float32, 2)), every
    for change in (biased, peaked):
        for width in (64, 128):
            yield f"{change.__name__}, {width} wide", change(*views(2, 300, 2100, width, torch.float32)), every
    yield "slices", packed(*views(3, 300, 300, 128, torch.bfloat16)), every
    rows = torch.arange(0, 32760, 331, device="cuda")
    yield "4 × 32760", plain(*views(4, 32760, 32760, 128, torch.bfloat16)), rows
    yield "4 × 32760, biased", biased(*views(4, 32760, 32760, 128, torch.float32)), rows


def exact_cases():
    """What the exact kernel attends to, and the query rows that are compared: about its tiles of 128 queries and 176 keys, with
    tiles that are cut along their keys, heads that share keys, and more tiles than a card has processors."""
    every = slice(None)
    for dtype in (torch.bfloat16, torch.float16):
        for heads, tokens, keys, width, batch in [(3, 1, 1, 128, 1), (2, 64, 176, 128, 1), (2, 128, 175, 128, 2), (2, 129, 177, 64, 2),
                                                  (3, 200, 5, 64, 2), (1, 100, 5000, 128, 1), (2, 130, 3000, 64, 1),
                                                  (4, 300, 2100, 128, 2), (8, 4608, 4608, 128, 1)]:  # fmt: skip
            qkv = views(heads, tokens, keys, width, dtype, batch)
            for change in (plain, biased, peaked):
                yield f"{dtype} {batch} × {heads} × {tokens} × {keys} × {width}, {change.__name__}", change(*qkv), every
        yield f"{dtype} slices", packed(*views(3, 300, 300, 128, dtype)), every
        query, key, value = views(8, 700, 900, 128, dtype)
        yield f"{dtype} 8 heads share 2", [query, key[:, :2], value[:, :2]], every
    yield "12 × 32760", views(12, 32760, 32760, 128, torch.bfloat16), torch.arange(0, 32760, 331, device="cuda")


def check_exact():
    """Not farther from the formula than rounding the weights and the output takes, which cuDNN's has too."""
    print("\n| case | hopper | cuDNN | log-sum-exp |\n| --- | --- | --- | --- |")
    is_fine = True
    for name, (query, key, value), rows in exact_cases():
        output, lse = hopper(query, key, value)
        again = hopper(query, key, value)
        is_same = torch.equal(output, again[0]) and torch.equal(lse, again[1])
        key, value = (x.repeat_interleave(query.shape[1] // key.shape[1], 1) for x in (key, value))
        wanted, wanted_lse = exact(query, key, value, rows)
        far, far_lse = distance(output[..., rows, :], wanted), (lse[..., rows].double() - wanted_lse).abs().max().item()
        # cuDNN does not take one key.
        torch.use_deterministic_algorithms(False)  # which cuDNN's is not
        beside = distance(cudnn(query, key, value)[..., rows, :], wanted) if key.shape[-2] > 1 else 1e-3
        torch.use_deterministic_algorithms(True)
        good = far < 1.1 * beside and far_lse < 1e-6 * max(1, wanted_lse.abs().max().item()) + 1e-6
        is_fine &= good and is_same
        print(f"| {name} | {far:.2e} | {beside:.2e} | {far_lse:.1e} |" + ("" if good else " **too far**")
              + ("" if is_same else " **differs from run to run**"))  # fmt: skip
    return is_fine


# How far outputs may be from the formula, by the bits of the inputs and of the output, and by what queries and keys become.
# E4M3 products keep some 13 bits of a sum. Of a tile's outputs that is all; of scores it is enough to round some hundredth of the
# weights to a neighbour, which is a sixteenth away.
OF_TYPE = {torch.float32: 1e-3, torch.float16: 1.5e-3, torch.bfloat16: 3e-3}
OF_SCORES = {"int8": 0, "bf16": 0, "fp8": 6e-3}


def is_near(recipe, dtype, far, far_lse, magnitude, more=0):
    of_lse = 1e-4 + (magnitude / 2**12 if recipe.kind == "fp8" else 0)
    return far < OF_TYPE[dtype] + OF_SCORES[recipe.kind] + more and far_lse < of_lse


def check_distances(recipes):
    print("| case | recipe | of the formula | log-sum-exp | of attention without codes |\n| --- | --- | --- | --- | --- |")
    is_fine = True
    for name, qkv, rows in cases():
        wanted_exact = exact(*qkv, rows)
        for recipe in recipes:
            output, lse = recipe(*qkv)
            again, lse_again = recipe(*qkv)
            is_same = torch.equal(output, again) and torch.equal(lse, lse_again)
            output, lse = output[..., rows, :], lse[..., rows]
            wanted, wanted_lse, magnitude = formula(recipe, *qkv, rows)
            far, far_lse = distance(output, wanted), (lse.double() - wanted_lse).abs().max().item()
            good = is_near(recipe, qkv[0].dtype, far, far_lse, magnitude)
            is_fine &= good and is_same
            print(f"| {name} | {recipe} | {far:.2e} | {far_lse:.1e} | {distance(output, wanted_exact[0]):.2e} |"
                  + ("" if good else " **too far**") + ("" if is_same else " **differs from run to run**"))  # fmt: skip
    return is_fine


def check_goldens(recipes):
    """Tests/Goldens/quantised. The formula there takes the largest score of all keys, so that a case of two tiles is further
    away; one scale for all values is one for the batch there, and one for each item here."""
    from safetensors.torch import load_file

    print("\n| golden | output | log-sum-exp |\n| --- | --- | --- |")
    is_fine = True
    for name in ("attention", "attention-long"):
        tensors = load_file(ROOT / f"Tests/Goldens/quantised/{name}.safetensors", device="cuda")
        for case in sorted({key.partition(".")[0] for key in tensors}):
            qkv = [tensors[f"{case}.{part}"] for part in ("query", "key", "value")]
            for recipe in recipes:
                if not recipe.value_channels and qkv[0].shape[0] > 1:
                    continue
                of_queries, of_keys = (0, 0) if recipe.kind == "bf16" else (1, recipe.key_block)
                prefix = f"{case}.{recipe.kind}-fp8-{of_queries}-{of_keys}-{int(recipe.value_channels)}"
                output, lse = recipe(*qkv)
                far, far_lse = distance(output, tensors[f"{prefix}.output"]), (lse - tensors[f"{prefix}.lse"]).abs().max().item()
                good = is_near(recipe, torch.bfloat16, far, far_lse, formula(recipe, *qkv)[2], 5e-3 if case == "long" else 0)
                is_fine &= good
                print(f"| {prefix} | {far:.2e} | {far_lse:.1e} |" + ("" if good else " **too far**"))
    return is_fine


def check_edges():
    """No tokens, no keys, and what is refused."""
    recipe = RECIPES[0]
    query, key, value = views(2, 5, 7, 64, torch.bfloat16)
    output, lse = recipe(query, key[:, :, :0], value[:, :, :0])
    is_fine = output.shape == query.shape and not output.any() and bool((lse == -torch.inf).all())
    output, lse = recipe(query[:, :, :0], key, value)
    is_fine &= output.shape == (1, 2, 0, 64) and lse.shape == (1, 2, 0)
    output, _ = recipe(query, key, value)
    is_fine &= output.transpose(1, 2).is_contiguous()
    odd = torch.randn(1, 7, 2, 65, device="cuda", dtype=torch.bfloat16)[..., 1:].transpose(1, 2)
    is_fine &= torch.equal(recipe(query, odd, value)[0], recipe(query, odd.contiguous(), value)[0])
    refused = {
        "width": lambda: recipe(*views(2, 5, 7, 136, torch.bfloat16)),
        "keys that share a scale": lambda: Recipe("int8", 3)(query, key, value),
        "types": lambda: recipe(query, key.float(), value),
        "keys and values": lambda: recipe(query, key, value[:, :, :3]),
        "doubles": lambda: recipe(query.double(), key.double(), value.double()),
        "scale": lambda: recipe(query, key, value, float("nan")),
    }
    print()
    for name, call in refused.items():
        try:
            call()
            is_fine = False
            print(f"{name}: is taken")
        except RuntimeError as error:
            print(f"{name}: {str(error).splitlines()[0]}")
    print("edges are", "fine" if is_fine else "**wrong**")
    return is_fine


def milliseconds(run, repeats):
    """The median of so many runs."""
    times = []
    for _ in range(repeats):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        run()
        end.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(end))
    return statistics.median(times)


def time_cases(cases, recipes, rounds=2):
    print("\n| heads × tokens × keys | what | ms | TFLOP/s | of cuDNN's time |\n| --- | --- | --- | --- | --- |")
    for heads, tokens, *rest in cases:
        keys = rest[0] if rest else tokens
        qkv = views(heads, tokens, keys, 128, torch.bfloat16)
        work = 4 * tokens * keys * 128 * heads
        repeats = max(3, min(20, int(2e14 / work)))

        runs = {"cuDNN": functools.partial(cudnn, *qkv), "hopper": functools.partial(hopper, *qkv)} | {str(recipe): functools.partial(recipe, *qkv) for recipe in recipes}
        times = {name: [] for name in runs}
        for _ in range(rounds):
            for name, run in runs.items():
                run()
                times[name].append(milliseconds(run, repeats))
        beside = statistics.mean(times["cuDNN"])
        for name, each in times.items():
            print(f"| {heads} × {tokens} × {keys} | {name} | {' / '.join(f'{one:.3f}' for one in each)} | "
                  f"{work / statistics.mean(each) / 1e9:.0f} | {beside / statistics.mean(each):.3f}× |")  # fmt: skip


def show_kernels(heads, tokens, recipe):
    """The time of each kernel of one call."""
    from torch.profiler import ProfilerActivity, profile

    qkv = views(heads, tokens, tokens, 128, torch.bfloat16)
    recipe(*qkv)
    with profile(activities=[ProfilerActivity.CUDA]) as profiled:
        recipe(*qkv)
        torch.cuda.synchronize()
    print(f"\n{heads} × {tokens}, {recipe}")
    for event in sorted(profiled.key_averages(), key=lambda event: -event.device_time_total):
        print(f"  {event.device_time_total / 1e3:8.3f} ms  {event.key[:110]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", type=Path)
    parser.add_argument("--only", choices=["check", "time", "kernels"])
    parser.add_argument("--cases", nargs="*", default=["24x4608", "12x32760", "40x32760"], help="heads x tokens to time")
    parser.add_argument("--recipes", nargs="*", help="such as int8-16-1: the type, the keys of a scale, a scale for each channel")
    parser.add_argument("--flags", nargs="*", default=[], help="more for nvcc")
    arguments = parser.parse_args()
    recipes = [recipe for recipe in RECIPES if not arguments.recipes or str(recipe) in arguments.recipes]
    with tempfile.TemporaryDirectory() as folder:
        torch.ops.load_library(arguments.library or build(Path(folder), arguments.flags))
    library = torch.library.Library("visualgen", "FRAGMENT")
    for schema in SCHEMAS:
        library.define(schema)
    is_fine = True
    shapes = [tuple(map(int, case.split("x"))) for case in arguments.cases]
    if arguments.only in (None, "check"):
        # Memory that nothing was written to is not a number.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
        is_fine = check_edges() & check_exact() & check_distances(recipes) & check_goldens(recipes)
        torch.use_deterministic_algorithms(False)
    if arguments.only in (None, "time"):
        time_cases(shapes, recipes)
    if arguments.only in (None, "kernels"):
        for recipe in recipes:
            show_kernels(*shapes[-1], recipe)
    sys.exit(0 if is_fine else 1)


if __name__ == "__main__":
    main()

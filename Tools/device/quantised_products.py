"""How fast quantised linear layers are beside bfloat16's on this CPU, at the width of FLUX.1, for every algorithm.

    python quantised_products.py --libraries FOLDER [--tokens 1024 4608] [--rounds 5] [--threads 2]   # with libCTorch.so

A round makes the product in bfloat16, as a layer that is not quantised does it, and then the quantised one, with the rounding
of its inputs. A share is the median of the rounds' bfloat16 time over the quantised
time: above 1 the quantised layer is faster. `--processor-time` counts the time of this process alone, for machines that others
use too; it is for one thread, as waiting threads count.
"""

import ctypes
import statistics
import time
from pathlib import Path

import shared
import torch
from layer_errors import E4M3

OPS = torch.ops.visualgen
SIZES = [(3072, 3072), (3072, 9216), (3072, 12288), (12288, 3072)]


def processor():
    """Its name, and what LibTorch uses of it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "a CPU")
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    more = [flag for flag in ("avx512_bf16", "avx512_vnni", "amx_bf16") if flag in flags]
    return " ".join([name, torch.backends.cpu.get_cpu_capability(), *more])


def plain(x, weight, bias):
    """A product in bfloat16."""
    nothing = x.new_empty(1, 0, bias.shape[0])
    return lambda: OPS.join_linear(nothing, x, weight, bias)


def quantised(algorithm, x, weight, bias):
    """A product of an algorithm, and the inputs' rounding."""
    outputs, width = weight.shape
    if algorithm == "W8A8_SQ_PER_CHANNEL":
        codes, scales = OPS.quantize_int8(weight)
        return lambda: OPS.linear_int8(x, codes, scales, 0.0, bias)
    if algorithm == "NVFP4":
        scale = float(OPS.largest_magnitude(weight)) / (6 * 448)
        codes, scales = OPS.quantize_e2m1(weight, scale)
        return lambda: OPS.quantized_linear(OPS.round_e2m1(x, 0.0), codes, scales, scale, bias)
    rows, columns, part = E4M3[algorithm]
    codes, scales = OPS.quantize_e4m3(weight, rows or outputs, columns or width)
    part = width if part < 0 else part
    return lambda: OPS.quantized_linear(OPS.round_e4m3(x, part, 0.0), codes, scales, 1.0, bias)


def share(one, other, rounds, clock):
    """Medians of the seconds of two functions in turn, and of the first's over the second's; one round is not counted."""
    seconds = []
    for _ in range(rounds + 1):
        times = [clock()]
        for function in (one, other):
            function()
            times.append(clock())
        seconds.append((times[1] - times[0], times[2] - times[1]))
    seconds = seconds[1:]
    first, second = (statistics.median(column) for column in zip(*seconds))
    return first, second, statistics.median(a / b for a, b in seconds)


def main():
    parser = shared.parser(__doc__, "cpu")
    parser.add_argument("--libraries", type=Path, required=True, help="the folder of the shim's library")
    parser.add_argument("--algorithms", nargs="+", default=[*E4M3, "NVFP4", "W8A8_SQ_PER_CHANNEL"])
    parser.add_argument("--sizes", nargs="+", default=[f"{width}x{outputs}" for width, outputs in SIZES])
    parser.add_argument("--tokens", nargs="+", type=int, default=[1024, 4608])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--processor-time", action="store_true")
    arguments = parser.parse_args()
    path = str(arguments.libraries.resolve() / "libCTorch.so")
    torch.ops.load_library(path)
    library = ctypes.CDLL(path)
    torch.set_num_threads(arguments.threads)
    library.ct_reuse_memory(True)
    clock = time.process_time if arguments.processor_time else time.perf_counter
    figures = []
    print(f"{processor()}, {arguments.threads} thread{'s' * (arguments.threads > 1)}\n", flush=True)
    with torch.inference_mode():
        for tokens in arguments.tokens:
            for width, outputs in (map(int, size.split("x")) for size in arguments.sizes):
                generator = torch.Generator().manual_seed(width + outputs)
                x = torch.randn(1, tokens, width, generator=generator).bfloat16()
                weight = (0.02 * torch.randn(outputs, width, generator=generator)).bfloat16()
                bias = torch.randn(outputs, generator=generator).bfloat16()
                reference = plain(x, weight, bias)
                for algorithm in arguments.algorithms:
                    other = quantised(algorithm, x, weight, bias)
                    first, second, ratio = share(reference, other, arguments.rounds, clock)
                    figures.append([tokens, f"{width} → {outputs}", algorithm, *(f"{1e3 * s:.1f}" for s in (first, second)),
                                    f"{ratio:.2f}"])  # fmt: skip
                    print(*figures[-1], flush=True)
    print("\n" + shared.table(["tokens", "layer", "algorithm", "bfloat16, ms", "quantised, ms", "share"], figures))
    shared.write(arguments.json, {"processor": processor(), "figures": figures})


if __name__ == "__main__":
    shared.start(main)

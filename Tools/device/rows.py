"""The row kernels of the CUDA half alone: GB/s that they read and write, beside a copy on the same card.

    python rows.py                          # native/Sources/CTorchCUDA/rows.cu
    python rows.py --against OTHER/rows.cu   # and another version of it in turn, and how their numbers differ

Needs nvcc and torch. Tensors are drawn from a pool that is larger than the card's cache.
"""

import argparse
import ctypes
import subprocess
import tempfile
from pathlib import Path

import torch

KERNELS = Path(__file__).resolve().parents[2] / "native/Sources/CTorchCUDA"

WRAPPER = """
#include "rows.h"
extern "C" int heads(const void *x, long tokens, long heads, long width, const void *weight, const float *c, const float *s,
                     void *out, cudaStream_t stream) {
    ct::Heads view{x, tokens, heads, width, tokens * heads * width, heads * width, width};
    return ct::rms_norm_rotary(view, ct::Number::bfloat16, tokens * heads, weight, c, s, 1e-6f, out,
                               tokens * heads * width, stream);
}
extern "C" int joint(const void *x, long tokens, long heads, long width, const void *weight, const float *c, const float *s,
                     void *out, cudaStream_t stream) {
    return ct::joint_rms_norm_rotary(x, ct::Number::bfloat16, tokens, heads * width, tokens, width, weight, c, s, 1e-6f, out,
                                     stream);
}
// The angles stand for scale, shift and gate.
extern "C" int modulated(const void *x, long tokens, long heads, long width, const void *, const float *c, const float *s,
                         void *out, cudaStream_t stream) {
    ct::Vectors scale{c, ct::Number::float32, 0, tokens}, shift{s, ct::Number::float32, 0, tokens};
    return ct::modulated_layer_norm(x, ct::Number::bfloat16, tokens, heads * width, scale, shift, 1e-6f, out,
                                    ct::Number::bfloat16, stream);
}
extern "C" int modulated16(const void *x, long tokens, long heads, long width, const void *weight, const float *, const float *,
                           void *out, cudaStream_t stream) {
    ct::Vectors vectors{weight, ct::Number::bfloat16, 0, tokens};
    return ct::modulated_layer_norm(x, ct::Number::bfloat16, tokens, heads * width, vectors, vectors, 1e-6f, out,
                                    ct::Number::bfloat16, stream);
}
extern "C" int gated(const void *x, long tokens, long heads, long width, const void *, const float *c, const float *, void *out,
                     cudaStream_t stream) {
    return ct::gated_add(x, ct::Number::bfloat16, {c, ct::Number::float32, 0, tokens}, x, ct::Number::bfloat16, tokens,
                         heads * width, out, stream);
}
"""

# Kernel, tokens, heads and width of a head: FLUX.1 at 1024×1024, its prompt alone, Wan2.1-1.3B and 14B at 832×480 and 81 frames,
# FLUX.2 at 1024×1024.
CASES = [
    ("heads", 4608, 24, 128), ("heads", 512, 24, 128), ("heads", 4608, 24, 64), ("joint", 32760, 12, 128),
    ("joint", 32760, 40, 128), ("modulated", 4608, 24, 128), ("modulated", 32760, 12, 128), ("modulated", 32760, 40, 128),
    ("modulated16", 4608, 24, 128), ("modulated16", 4608, 48, 128), ("gated", 4608, 24, 128), ("gated", 32760, 12, 128),
    ("gated", 4608, 48, 128),
]  # fmt: skip


def build(source: Path, folder: Path, name: str) -> ctypes.CDLL:
    wrapper = folder / "wrapper.cu"
    wrapper.write_text(WRAPPER)
    library = folder / f"{name}.so"
    subprocess.run(
        ["nvcc", "-shared", "-std=c++20", "-O3", "-arch=sm_90", "-Xcompiler", "-fPIC", f"-I{KERNELS}", source, wrapper,
         "-o", library],
        check=True,
    )  # fmt: skip
    return ctypes.CDLL(str(library))


def milliseconds(run, count: int, repeats: int = 40) -> float:
    """Of one run, out of a graph: the host is too slow to launch kernels of microseconds."""
    run(0)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for index in range(repeats):
            run(index % count)
    graph.replay()
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    for _ in range(5):
        graph.replay()
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end) / repeats / 5


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--against", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        libraries = [build(KERNELS / "rows.cu", Path(folder), "now")]
        if arguments.against:
            libraries.append(build(arguments.against.resolve(), Path(folder), "before"))
    print("| kernel | tokens × heads × width | copy, GB/s | GB/s | of the copy |")
    print("|---|---|---|---|---|")
    for kernel, tokens, heads, width in CASES:
        size = tokens * heads * width
        count = max(2, (600 << 20) // (4 * size))
        inputs = torch.randn(count, size, dtype=torch.bfloat16, device="cuda")
        outputs = torch.empty(len(libraries), count, size, dtype=torch.bfloat16, device="cuda")
        weight = torch.randn(width * (1 if kernel == "heads" else heads), dtype=torch.bfloat16, device="cuda")
        angles = torch.rand(tokens, width // 2, device="cuda") * 6
        tables = angles.cos(), angles.sin()

        def run(place, index):
            function = getattr(libraries[place], kernel)
            pointers = [ctypes.c_void_p(tensor.data_ptr()) for tensor in (weight, *tables, outputs[place, index])]
            shape = [ctypes.c_long(value) for value in (tokens, heads, width)]
            stream = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)
            assert function(ctypes.c_void_p(inputs[index].data_ptr()), *shape, *pointers, stream) == 0

        copy = milliseconds(lambda index: outputs[0, index].copy_(inputs[index]), count)
        for _ in range(2):
            for place in range(len(libraries)):
                mine = milliseconds(lambda index: run(place, index), count)
                name = kernel if place == 0 else f"{kernel}, before"
                print(
                    f"| {name} | {tokens} × {heads} × {width} | {4e-6 * size / copy:.0f} | {4e-6 * size / mine:.0f} | "
                    f"{copy / mine:.2f} |"
                )
        if arguments.against:
            difference = (outputs[0].float() - outputs[1].float()).abs()
            print(f"{kernel}: {(difference > 0).float().mean():.2e} of the numbers differ, by {difference.max():.1e} at most")


if __name__ == "__main__":
    main()

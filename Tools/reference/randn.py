"""Writes Tests/Goldens/randn.safetensors: what torch.randn draws from a CPU generator.

Keys are `<dtype>.seed<seed>.<n>` for one draw of n numbers; `<dtype>.seed<seed>.sequence.<k>-<n>` for draw k (of n
numbers) of several from one generator; `list.*` for a batch drawn with a list of generators, as diffusers does it.

`normal_` may differ by one unit in the last place between instruction sets (`cpu_capability` in the metadata).
"""

from common import GOLDENS, save_tensors, versions

import torch
from diffusers.utils.torch_utils import randn_tensor

SEEDS = [0, 1, 42, 2**31, 2**32 - 1, 2**32, 2**63 - 1, -1, -12345]
SIZES = [1, 2, 5, 15, 16, 17, 20, 31, 32, 48, 100]
SEQUENCE = [3, 16, 5, 1, 40, 16, 2, 17, 32, 7, 64]
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16, "float64": torch.float64}


def generator(seed):
    """A fresh CPU generator."""
    return torch.Generator("cpu").manual_seed(seed)


def main():
    draws = {}
    for dtype_name, dtype in DTYPES.items():
        for seed in SEEDS if dtype == torch.float32 else SEEDS[:3]:
            for size in SIZES:
                draws[f"{dtype_name}.seed{seed}.{size}"] = torch.randn(size, generator=generator(seed), dtype=dtype)
        for seed in (0, 7):
            source = generator(seed)
            for number, size in enumerate(SEQUENCE):
                key = f"{dtype_name}.seed{seed}.sequence.{number}-{size}"
                draws[key] = torch.randn(size, generator=source, dtype=dtype)
    draws["float32.seed3.large"] = torch.randn(4099, generator=generator(3))
    generators = [generator(1), generator(2)]
    for number in range(2):
        draws[f"list.seeds1,2.draw{number}"] = randn_tensor((2, 3, 5), generator=generators, dtype=torch.float32)
    path = GOLDENS / "randn.safetensors"
    save_tensors(path, draws, versions())
    print(path.name, path.stat().st_size, "bytes")
    same = torch.equal(draws["float32.seed0.16"], draws["float32.seed4294967296.16"])
    print("seeds 0 and 2**32 draw the same:", same)


if __name__ == "__main__":
    main()

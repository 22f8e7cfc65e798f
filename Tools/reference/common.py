"""What the reference scripts share: where things lie, a byte-stable safetensors writer, and redrawing of weights."""

import json
import os
import platform
import struct
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np
import torch

torch.set_num_threads(1)

ROOT = Path(__file__).resolve().parents[2]
GOLDENS = ROOT / "Tests" / "Goldens"
CHECKPOINTS = GOLDENS / "checkpoints"

DTYPE_NAMES = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
    torch.int64: "I64", torch.int32: "I32", torch.uint8: "U8", torch.bool: "BOOL",
    torch.int8: "I8", torch.float8_e4m3fn: "F8_E4M3",
}  # fmt: skip


def versions():
    """The versions that a golden depends on, and the instruction set that `normal_` was compiled for."""
    import diffusers
    import tokenizers
    import transformers

    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "diffusers": diffusers.__version__,
        "transformers": transformers.__version__,
        "tokenizers": tokenizers.__version__,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
    }


def save_tensors(path, tensors, metadata):
    """Writes safetensors with sorted keys and sorted metadata, so that the same content gives the same bytes."""
    header = {"__metadata__": {key: metadata[key] for key in sorted(metadata)}}
    blobs, offset = [], 0
    for key in sorted(tensors):
        tensor = tensors[key].detach().contiguous().cpu()
        blob = tensor.reshape(-1).view(torch.uint8).numpy().tobytes()
        header[key] = {
            "dtype": DTYPE_NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + len(blob)],
        }
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def save_golden(path, asked, tensors, **metadata):
    """Writes what a request gave, if all of it is finite."""
    if not all(value.isfinite().all() for value in tensors.values()):
        raise SystemExit(f"{path.stem}: not finite")
    request = {"request": json.dumps(asked, ensure_ascii=False), "case": path.stem}
    save_tensors(path, tensors, request | metadata | versions())


def write_json(path, value):
    """Writes indented JSON that ends in a newline."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def redraw(module, seed, gain=1.0, bias=0.1, norm=0.3, gains=None):
    """Replaces every parameter of `module` by a normal draw that depends on the seed and the order of names alone.

    Matrices and convolutions get deviation gain / sqrt(fan in); one-dimensional weights (norms) scatter around 1;
    biases scatter around 0. `gains` maps a part of a name to a factor (first match counts). numpy draws them, because
    its generator gives the same numbers on every machine, which torch's `normal_` does not.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    with torch.no_grad():
        for name, parameter in sorted(module.named_parameters()):
            draw = torch.from_numpy(random.standard_normal(tuple(parameter.shape)).astype(np.float32))
            factor = next((value for part, value in (gains or {}).items() if part in name), 1.0)
            if name.endswith("bias"):
                value = draw * bias * factor
            elif parameter.ndim == 1:
                value = (1 + draw * norm) * factor
            elif "embedding" in name or "shared" in name or "embed_tokens" in name or "relative_attention" in name:
                value = draw * factor
            else:
                value = draw * gain * factor / parameter[0].numel() ** 0.5
            parameter.copy_(value)
    return module.eval().requires_grad_(False)

"""Writes a checkpoint of published size with random weights, in the Diffusers layout.

    python checkpoint.py flux /tmp/flux              # 34 GB: transformer of 19 + 38 blocks, T5-XXL, CLIP-L, autoencoder
    python checkpoint.py wan /tmp/wan                # 15 GB: transformer of 30 blocks, UMT5-XXL, autoencoder
    python checkpoint.py ltx2 /tmp/ltx2              # 69 GB: transformer of 48 blocks, Gemma 3 12B, and all the rest
    python checkpoint.py flux /tmp/small --scale tiny    # one block of each kind, at full width

Configs, keys and shapes are those of Tests/Goldens/manifests; weights are bfloat16 (Wan's autoencoder float32, as
published): normal with a deviation of 0.02, norms 1, biases 0. Tokenizers are those of small models, whose ids the
larger vocabularies hold. Tensors are slices of one drawn block.
"""

import json
import os
import re
import shutil
import struct
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

import shared

# The folder below Tests/Goldens/manifests, and the one whose tokenizers serve.
MODELS = {
    "flux": ("flux1-dev", "Sources/DemoModels/Resources/demo-image"),
    "wan": ("wan2.1-t2v-1.3b", "Sources/DemoModels/Resources/demo-video"),
    "ltx2": ("ltx2", "Tests/Goldens/checkpoints/ltx2-tiny"),
}
SIZES = {"BF16": 2, "F32": 4}
SHARD = 5 * 10**9
PIECE = 1 << 26  # bytes of one write
TINY = {"num_layers": 1, "num_single_layers": 1, "num_hidden_layers": 1}
BLOCK = re.compile(r"(?:^|\.)(?:transformer_blocks|single_transformer_blocks|blocks|block|layers)\.(\d+)\.")
INDEX = ".safetensors.index.json"


def tensors(folder, scale):
    """Key, type and shape of each tensor of a component."""
    for line in (folder / "keys.txt").read_text().splitlines():
        key, dtype, shape = line.split()
        number = BLOCK.search(key)
        if scale == "whole" or folder.name.endswith("vae") or not number or int(number[1]) == 0:
            yield key, dtype if folder.name == "vae" else "BF16", [int(size) for size in shape.split(",")]


def shards(entries):
    """The tensors of a component by file."""
    files, total = [[]], 0
    for key, dtype, shape in entries:
        size = SIZES[dtype] * torch.Size(shape).numel()
        if total + size > SHARD and files[-1]:
            files.append([])
            total = 0
        files[-1].append((key, dtype, shape, size))
        total += size
    return files


def kind(key, shape):
    """What a tensor is filled with: norms with ones, biases with zeros."""
    if key.endswith(".bias"):
        return "zeros"
    is_norm = key.endswith(".gamma") or len(shape) == 1 and key.endswith(".weight")
    return "ones" if is_norm else "drawn"


class Source:
    """The bytes that tensors are made of, by type and kind."""

    def __init__(self, device, count):
        drawn = torch.randn(count, device=device, dtype=torch.bfloat16).mul_(0.02).cpu()
        self.blocks = {("BF16", "drawn"): drawn, ("F32", "drawn"): drawn[: count // 4].float()}
        for name, dtype in (("BF16", torch.bfloat16), ("F32", torch.float32)):
            self.blocks[name, "ones"] = torch.ones(1 << 20, dtype=dtype)
            self.blocks[name, "zeros"] = torch.zeros(1 << 20, dtype=dtype)
        self.blocks = {name: memoryview(value.view(torch.uint8).numpy()) for name, value in self.blocks.items()}

    def pieces(self, dtype, kind, size, start):
        """Views that make up `size` bytes, beginning at some place of the block."""
        block = self.blocks[dtype, kind]
        start %= max(len(block) - size, 1)
        start -= start % 4
        while size > 0:
            piece = block[start : start + min(size, PIECE, len(block) - start)]
            yield piece
            size -= len(piece)
            start = (start + len(piece)) % len(block)


def write_file(path, entries, source, pool, salt):
    """Lays out one file and hands its pieces to the pool; returns what is under way."""
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for key, dtype, shape, size in entries:
        header[key] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    file = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o644)
    os.pwrite(file, struct.pack("<Q", len(text)) + text, 0)
    place, jobs = 8 + len(text), []
    for number, (key, dtype, shape, size) in enumerate(entries):
        for piece in source.pieces(dtype, kind(key, shape), size, (salt + number) * 7919 * 4096):
            jobs.append(pool.submit(put, file, piece, place))
            place += len(piece)
    return file, jobs


def put(file, piece, place):
    """Writes all of a piece."""
    while piece:
        written = os.pwrite(file, piece, place)
        piece, place = piece[written:], place + written


def write_component(manifest, folder, scale, source, pool):
    """Config and weights of one component; returns the open files and what is under way."""
    folder.mkdir(parents=True)
    config = json.loads((manifest / "config.json").read_text())
    if "torch_dtype" in config:
        config["torch_dtype"] = "bfloat16"
    if scale == "tiny" and not folder.name.endswith("vae"):
        config |= {name: value for name, value in TINY.items() if name in config}
    shared.write(folder / "config.json", config)
    files = shards(tensors(manifest, scale))
    stem = "model" if folder.name.startswith("text_encoder") else "diffusion_pytorch_model"
    names = [f"{stem}.safetensors"]
    if len(files) > 1:
        names = [f"{stem}-{number:05}-of-{len(files):05}.safetensors" for number in range(1, len(files) + 1)]
        places = {entry[0]: name for name, entries in zip(names, files) for entry in entries}
        total = sum(entry[3] for entries in files for entry in entries)
        shared.write(folder / f"{stem}{INDEX}", {"metadata": {"total_size": total}, "weight_map": places})
    salt = sum(folder.name.encode())
    return [write_file(folder / name, entries, source, pool, salt + number * 1009)
            for number, (name, entries) in enumerate(zip(names, files))]  # fmt: skip


def make(family, folder, scale="whole", device=None, threads=8):
    """Writes the checkpoint; returns its bytes and the seconds it took."""
    start, (manifest, tokenizers) = time.perf_counter(), MODELS[family]
    manifest = shared.GOLDENS / "manifests" / manifest
    components = sorted(path.parent.name for path in manifest.glob("*/keys.txt"))
    size = sum(SIZES[dtype] * torch.Size(shape).numel()
               for name in components for _, dtype, shape in tensors(manifest / name, scale))  # fmt: skip
    folder.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder.parent).free
    if free < size + 10**9:
        sys.exit(f"{folder} needs {size / 1e9:.0f} GB and has {free / 1e9:.0f} GB")
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    source = Source(device, 1 << (29 if scale == "whole" and device != "cpu" else 26))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for path in (shared.ROOT / tokenizers).glob("tokenizer*"):
        shutil.copytree(path, folder / path.name)
    shutil.copytree(manifest / "scheduler", folder / "scheduler")
    with ThreadPoolExecutor(threads) as pool:
        files = [file for name in components
                 for file in write_component(manifest / name, folder / name, scale, source, pool)]  # fmt: skip
        for file, jobs in files:
            for job in jobs:
                job.result()
            os.close(file)
    shutil.copy(manifest / "model_index.json", folder)  # last: a folder with it is whole
    return size, time.perf_counter() - start


def main():
    parser = shared.parser(__doc__, device=None)
    parser.add_argument("family", choices=MODELS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scale", default="whole", choices=["whole", "tiny"])
    parser.add_argument("--threads", type=int, default=8)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    size, seconds = make(arguments.family, arguments.folder, arguments.scale, arguments.device, arguments.threads)
    print(f"{arguments.folder}: {size / 1e9:.1f} GB in {seconds:.1f} s")
    shared.write(arguments.json, {"bytes": size, "seconds": seconds})


if __name__ == "__main__":
    shared.start(main)

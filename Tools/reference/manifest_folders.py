"""What the scripts share that write Tests/Goldens/manifests: texts of configs, lines of keys, and whole folders."""

import json
import shutil

from common import DTYPE_NAMES, GOLDENS

import torch


def text(value):
    """JSON as Hugging Face's libraries write configs."""
    return json.dumps(value, indent=2, sort_keys=True) + "\n"


def keys(state, dtype, tied=()):
    """The lines of a component's tensors, in the type of its files; tied tensors are stored under one name.

    What is not a floating-point number keeps its type; a number without dimensions has nothing behind its type.
    """
    lines = []
    for key, value in sorted(state.items()):
        if key not in tied:
            stored = dtype if value.is_floating_point() else value.dtype
            lines.append(f"{key} {DTYPE_NAMES[stored]} {','.join(map(str, value.shape))}".rstrip() + "\n")
    return "".join(lines)


def parameters(lines):
    """How many numbers a component has."""
    shapes = [line.split()[2:] for line in lines.splitlines()]
    return sum(torch.Size(map(int, shape[0].split(","))).numel() if shape else 1 for shape in shapes)


def write(name, texts):
    """Replaces a folder by texts by path, and prints what its components have."""
    folder = GOLDENS / "manifests" / name
    shutil.rmtree(folder, ignore_errors=True)
    for path, content in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content, encoding="utf-8")
    counts = {path.split("/")[0]: f"{content.count(chr(10))} keys, {parameters(content)} numbers"
              for path, content in texts.items() if path.endswith("keys.txt")}  # fmt: skip
    print(name, sum(map(len, texts.values())), "bytes", counts)


def write_all(checkpoints, files):
    """Replaces the folders of checkpoints by `files` of each, whose classes are built without memory."""
    for name, published in checkpoints.items():
        with torch.device("meta"):
            texts = files(published)
        write(name, texts)

"""Writes Tests/Goldens/cosmos3/sound-tokenizer-names.json: how older files of the sound tokenizer call its tensors.

`names` has, for each tensor of `cosmos3-tiny`'s sound tokenizer, the name in a file from before diffusers' class. There the
decoder is a row of layers, and `alpha` and `beta` have one dimension. Such files may also hold `weight` in the place of
`weight_g` and `weight_v`. The names are by public conversion tables, and were not compared with a published file.
"""

import re

from common import CHECKPOINTS, GOLDENS, write_json

from safetensors import safe_open

INNER = {"snake1": 0, "conv1": 1, "snake2": 2, "conv2": 3}


def older(name, blocks):
    """The older name of a tensor of a decoder with this many blocks; the encoder's are the same."""
    ends = {"conv1": 0, "snake1": blocks + 1, "conv2": blocks + 2}
    if match := re.fullmatch(r"decoder\.block\.(\d+)\.res_unit(\d)\.(\w+)\.(\w+)", name):
        block, unit, inner, leaf = match.groups()
        return f"decoder.layers.{int(block) + 1}.layers.{int(unit) + 1}.layers.{INNER[inner]}.{leaf}"
    if match := re.fullmatch(r"decoder\.block\.(\d+)\.(snake1|conv_t1)\.(\w+)", name):
        block, inner, leaf = match.groups()
        return f"decoder.layers.{int(block) + 1}.layers.{0 if inner == 'snake1' else 1}.{leaf}"
    if match := re.fullmatch(r"decoder\.(conv1|snake1|conv2)\.(\w+)", name):
        return f"decoder.layers.{ends[match[1]]}.{match[2]}"
    return name


def main():
    path = CHECKPOINTS / "cosmos3-tiny" / "sound_tokenizer" / "diffusion_pytorch_model.safetensors"
    with safe_open(path, "pt") as file:
        names = sorted(file.keys())
    blocks = len({name.split(".")[2] for name in names if name.startswith("decoder.block.")})
    write_json(GOLDENS / "cosmos3" / "sound-tokenizer-names.json", {"names": {name: older(name, blocks) for name in names}})


if __name__ == "__main__":
    main()

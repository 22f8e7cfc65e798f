"""The numbers of quantised attention: how queries, keys and values become those of each type, in float32, and how p is
rounded, in float64. `quantised_attention.py` says what the types are.
"""

import common  # noqa: F401

import torch

from quantised_numbers import E2M1_MAX, E4M3_MAX, GROUP, INT8_MAX, dequantised, e2m1_rounded, e4m3_rounded, nvfp4
from quantised_numbers import rounded_int8

TYPES = {"int8": (INT8_MAX, rounded_int8), "fp8": (E4M3_MAX, e4m3_rounded)}
MX_BLOCK = 32


def by_tokens(x, tokens, kind):
    """Values and scales of x in float32, `tokens` of which share a scale."""
    maximum, rounded = TYPES[kind]
    largest = torch.stack([part.abs().amax((-2, -1)) for part in x.split(tokens, -2)], -1)
    scale = torch.where(largest == 0, torch.ones_like(largest), largest / maximum)
    every = scale.repeat_interleave(tokens, -1)[..., : x.shape[-2], None]
    return rounded(x / every), scale, every


def by_blocks(x):
    """Values of x in MXFP8, the exponents of their scales, and the scales for every number."""
    largest = x.unflatten(-1, (-1, MX_BLOCK)).abs().amax(-1)
    exponent = (largest / E4M3_MAX).log2().ceil().clamp(-127, 127)
    every = exponent.exp2().repeat_interleave(MX_BLOCK, -1)
    return e4m3_rounded(x / every), exponent + 127, every


def in_4_bits(x):
    """The parts of x in NVFP4 by the end of their names, and what they stand for."""
    layer = nvfp4(x.flatten(0, -2))
    meant = dequantised(layer).reshape(x.shape)
    parts = {
        "values": layer["weight"].reshape(*x.shape[:-1], -1), "scale": layer["weight_scale"].reshape(*x.shape[:-1], -1),
        "scale_2": layer["weight_scale_2"],
    }  # fmt: skip
    return parts, meant


def value_scales(value, channels):
    """Values and scales of v, for each channel or all together."""
    largest = value.abs().amax(-2, keepdim=True) if channels else value.abs().max()
    scale = torch.where(largest == 0, torch.ones_like(largest), largest / E4M3_MAX)
    return e4m3_rounded(value / scale), scale


def p_in_8_bits(p):
    """448 p, rounded."""
    return e4m3_rounded(E4M3_MAX * p)


def p_in_4_bits(p):
    """448 p, rounded in groups with a scale each, of which the largest is that of p = 1."""
    groups = E4M3_MAX * p.unflatten(-1, (-1, GROUP))
    largest = groups.amax(-1, keepdim=True)
    scale = e4m3_rounded(torch.where(largest == 0, torch.ones_like(largest), largest).clamp(min=2.0**-9)) / E2M1_MAX
    return (e2m1_rounded(groups / scale) * scale).flatten(-2)


def query_and_key(kind, tokens, query, key):
    """The parts of a query and a smoothed key by name, and the query and the key that they stand for."""
    if kind == "nvfp4":
        (queries, query), (keys, key) = in_4_bits(query), in_4_bits(key)
        parts = {f"query.{kind}.{end}": part for end, part in queries.items()}
        return parts | {f"key.{kind}.{end}": part for end, part in keys.items()}, query, key
    if kind == "mxfp8":
        query8, query_scale, every_query = by_blocks(query)
        key8, key_scale, every_key = by_blocks(key)
        names = ("query.mxfp8", "exponent", "key.mxfp8")
    else:
        query8, query_scale, every_query = by_tokens(query, 1, kind)
        key8, key_scale, every_key = by_tokens(key, tokens, kind)
        names = (f"query.{kind}", "scale", f"key.{kind}.{tokens}")
    parts = {f"{names[0]}.values": query8, f"{names[0]}.{names[1]}": query_scale,
             f"{names[2]}.values": key8, f"{names[2]}.{names[1]}": key_scale}  # fmt: skip
    return parts, query8.double() * every_query.double(), key8.double() * every_key.double()


def quantised(query, key, value, recipe):
    """Everything quantised, by name, and the query, key, value and value's scale that it stands for."""
    kind, value_kind, _, tokens, channels = recipe
    parts = {}
    if kind != "bf16":
        mean = key.double().mean(-2, keepdim=True).float()
        parts, query, key = query_and_key(kind, tokens, query, key - mean)
        parts["key_mean"] = mean
    if value_kind == "nvfp4":
        values, value = in_4_bits(value.mT.contiguous())
        parts |= {f"value.nvfp4.{end}": part for end, part in values.items()}
        return parts, (query, key, value.mT, torch.ones(()))
    value8, value_scale = value_scales(value, channels)
    parts |= {f"value.{channels}.values": value8, f"value.{channels}.scale": value_scale}
    return parts, (query, key, value8, value_scale)


def as_bytes(name, value):
    """A part as it is stored."""
    if value.dtype in (torch.uint8, torch.float8_e4m3fn):
        return value
    if name.endswith("exponent"):
        return value.to(torch.uint8)
    if not name.endswith("values"):
        return value.float()
    return value.to(torch.int8 if "int8" in name else torch.float8_e4m3fn)

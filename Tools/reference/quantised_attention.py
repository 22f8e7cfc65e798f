"""Writes Tests/Goldens/quantised/attention.safetensors: quantised attention in float64, for every recipe.

`<case>.{query,key,value}` are `[batch, heads, tokens, width]` in 16 bits. A recipe `<qk>-<v>-<q>-<k>-<v>` has the types
and the tokens that share a scale (v: 1 is a scale for each channel, 0 one for all), as in `quant_attention_config`:
`<case>.<recipe>.{output,lse}`. The quantised numbers and their scales (`values`, `scale`) are beside them where a case
has few: `<case>.query.<type>.*`, `<case>.key.<type>.<tokens>.*` (less `<case>.key_mean`, but in bf16), and
`<case>.value.<tokens>.*`.

    key' = key - mean over keys;  scale = largest / 127 or 448, 1 where that is 0;  values = rounded(x / scale)
    scores = (query8 · key8) query_scale key_scale / √width;  p = exp(scores - largest of the row)
    output = value_scale (e4m3(448 p) · value8) / (448 Σ p)

The first line is float32 (of a mean that is correctly rounded): numbers of 16 bits often lie in the middle between two
quantised ones, and the quotient decides. The rest is float64. `attention.json` says, as relative Frobenius norms, how
far that is from exact attention, from what kernels compute that take the largest score of the keys so far, 64 or 128 at
a time, and from the same in float32.
"""

from common import GOLDENS, save_tensors, versions, write_json

import torch

from exact import distance
from inputs import draw
from quantised_numbers import E4M3_MAX, INT8_MAX, e4m3_rounded, rounded_int8

RECIPES = [("int8", 1), ("int8", 4), ("int8", 16), ("fp8", 1), ("fp8", 4), ("bf16", 0)]
TYPES = {"int8": (INT8_MAX, rounded_int8), "fp8": (E4M3_MAX, e4m3_rounded)}


def qkv(seed, heads, queries, keys, width, batch=1):
    """Query, key and value."""
    sizes = (queries, keys, keys)
    return [draw(seed + number, batch, heads, tokens, width) for number, tokens in enumerate(sizes)]


def biased():
    """Keys and values far from zero, as after projections with a bias."""
    query, key, value = qkv(10, 1, 9, 37, 128)
    return query, key + 4 * draw(13, 1, 1, 1, 128), value + 4 * draw(14, 1, 1, 1, 128)


def peaked():
    """More keys than a tile has, few of which matter; keys that stand out, a channel of zeros, tokens of zeros."""
    query, key, value = qkv(20, 1, 5, 150, 64)
    key[:, :, 17::40] *= 6
    value[..., 11] = 0
    query[:, :, 2] = 0
    return 4 * query, key, value


CASES = {
    "plain": lambda: qkv(1, 2, 21, 21, 64),
    "biased": biased,
    "peaked": peaked,
    "batch": lambda: qkv(30, 2, 3, 5, 64, batch=2),
    "one": lambda: qkv(40, 1, 1, 1, 64),
}


def by_tokens(x, tokens, kind):
    """Values and scales of x in float32, `tokens` of which share a scale."""
    maximum, rounded = TYPES[kind]
    largest = torch.stack([part.abs().amax((-2, -1)) for part in x.split(tokens, -2)], -1)
    scale = torch.where(largest == 0, torch.ones_like(largest), largest / maximum)
    every = scale.repeat_interleave(tokens, -1)[..., : x.shape[-2], None]
    return rounded(x / every), scale, every


def value_scales(value, channels):
    """Values and scales of v, for each channel or all together."""
    largest = value.abs().amax(-2, keepdim=True) if channels else value.abs().max()
    scale = torch.where(largest == 0, torch.ones_like(largest), largest / E4M3_MAX)
    return e4m3_rounded(value / scale), scale


def weighted(scores, values, tile):
    """e4m3(448 p) · values / 448 Σ p, and log Σ exp; p as of the largest score up to the end of a tile."""
    largest = torch.full_like(scores[..., :1], -torch.inf)
    total, product = 0, 0
    for part, rows in zip(scores.split(tile, -1), values.split(tile, -2)):
        before, largest = largest, torch.maximum(largest, part.amax(-1, keepdim=True))
        p, shrunk = (part - largest).exp(), (before - largest).exp()
        total = total * shrunk + p.sum(-1, keepdim=True)
        product = product * shrunk + e4m3_rounded(E4M3_MAX * p) @ rows
    return product / (E4M3_MAX * total), (total.log() + largest).squeeze(-1)


def quantised(query, key, value, kind, tokens):
    """Everything quantised, by name, and the query, key and value that it stands for."""
    parts = {}
    if kind != "bf16":
        mean = key.double().mean(-2, keepdim=True).float()
        query8, query_scale, every_query = by_tokens(query, 1, kind)
        key8, key_scale, every_key = by_tokens(key - mean, tokens, kind)
        parts = {
            "key_mean": mean, f"query.{kind}.values": query8, f"query.{kind}.scale": query_scale,
            f"key.{kind}.{tokens}.values": key8, f"key.{kind}.{tokens}.scale": key_scale,
        }  # fmt: skip
        query, key = query8.double() * every_query.double(), key8.double() * every_key.double()
    channels = int(kind != "bf16")
    value8, value_scale = value_scales(value, channels)
    parts |= {f"value.{channels}.values": value8, f"value.{channels}.scale": value_scale}
    return parts, (query, key, value8, value_scale)


def attention(query, parts, meant, dtype=torch.float64, tile=None):
    """The output and log Σ exp of the scores, of what `quantised` made of a query and others."""
    factor = query.shape[-1] ** -0.5
    query8, key8, value8, value_scale = (x.to(dtype) for x in meant)
    output, lse = weighted(query8 @ key8.mT * factor, value8, tile or key8.shape[-2])
    if "key_mean" in parts:
        lse = lse + (query.to(dtype) @ parts["key_mean"].to(dtype).mT * factor).squeeze(-1)
    return output * value_scale, lse


def as_bytes(name, value):
    """A part as it is stored."""
    if not name.endswith("values"):
        return value.float()
    return value.to(torch.int8 if "int8" in name else torch.float8_e4m3fn)


def frobenius(one, other):
    return distance(one, other)["relative_frobenius"]


def main():
    tensors, found = {}, {}
    for case, make in CASES.items():
        stored = {f"{case}.{name}": x.to(torch.bfloat16) for name, x in zip(("query", "key", "value"), make())}
        tensors |= stored
        query, key, value = (x.float() for x in stored.values())
        exact = (query.double() @ key.double().mT * query.shape[-1] ** -0.5).softmax(-1) @ value.double()
        for kind, tokens in RECIPES:
            recipe = f"{case}.{kind}-fp8-{int(tokens > 0)}-{tokens}-{int(tokens > 0)}"
            parts, meant = quantised(query, key, value, kind, tokens)
            output, lse = attention(query, parts, meant)
            tensors |= {f"{recipe}.output": output.float(), f"{recipe}.lse": lse.float()}
            if case in ("plain", "biased"):
                tensors |= {f"{case}.{name}": as_bytes(name, part) for name, part in parts.items()}
            others = {
                "tiles of 64": attention(query, parts, meant, tile=64),
                "tiles of 128": attention(query, parts, meant, tile=128),
                "float32": attention(query, parts, meant, torch.float32),
            }
            found[recipe] = {"exact": frobenius(output, exact)}
            found[recipe] |= {name: frobenius(other, output) for name, (other, _) in others.items()}
            print(recipe, found[recipe])
    if not all(value.float().isfinite().all() for value in tensors.values()):
        raise SystemExit("not finite")
    path = GOLDENS / "quantised" / "attention.safetensors"
    save_tensors(path, tensors, versions())
    write_json(path.with_suffix(".json"), {"versions": versions(), "recipes": found})
    print(path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()

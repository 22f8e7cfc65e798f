"""Writes Tests/Goldens/quantised/attention*.safetensors: quantised attention in float64, for every recipe.

`<case>.{query,key,value}` are `[batch, heads, tokens, width]` in 16 bits. A recipe `<qk>-<v>-<q>-<k>-<v>` has the types
and the tokens that share a scale (v: 1 is a scale for each channel, 0 one for all), as in `quant_attention_config`:
`<case>.<recipe>.{output,lse}`. The quantised numbers and their scales (`values`, `scale`) are beside them where a case
has few: `<case>.query.<type>.*`, `<case>.key.<type>.<tokens>.*` (less `<case>.key_mean`, but in bf16), and
`<case>.value.<tokens>.*`.

    key' = key - mean over keys;  scale = largest / 127 or 448, 1 where that is 0;  values = rounded(x / scale)
    scores = (query8 · key8) query_scale key_scale / √width;  p = exp(scores - largest of the row)
    output = value_scale (e4m3(448 p) · value8) / (448 Σ p)

The first line is float32 (of a mean that is correctly rounded): numbers of 16 bits often lie in the middle between two
quantised ones, and the quotient decides. The rest is float64.

`attention-long` has more queries and keys than a tile of any kernel. `attention-micro` has the recipes whose types have
blocks of their own, along the width (ModelOpt's formulas; what TensorRT-LLM's kernels do is not published): `mxfp8`,
E4M3 with a power of two for each 32 numbers, 2^ceil(log2(largest / 448)), stored as its exponent plus 127; `nvfp4`, as
`nvfp4` of `quantised_numbers.py` makes it of all rows, two codes in a byte. Values in `nvfp4` have their blocks along
the keys (`<case>.value.nvfp4.*` is `[batch, heads, width, keys]`), and so has p, whose last scale is 1 / (6 · 448), in
the place of e4m3(448 p) / 448. `attention.json` says, as relative Frobenius norms, how far that is from exact
attention, from what kernels compute that take the largest score of the keys so far, 64 or 128 at a time, and from the
same in float32.
"""

from common import GOLDENS, save_tensors, versions, write_json

import torch

from exact import distance
from inputs import draw
from quantised_attention_numbers import as_bytes, p_in_4_bits, p_in_8_bits, quantised
from quantised_numbers import E4M3_MAX

# The types of queries and keys, and of values; the tokens that share a scale.
RECIPES = [("int8", "fp8", 1, 1, 1), ("int8", "fp8", 1, 4, 1), ("int8", "fp8", 1, 16, 1), ("fp8", "fp8", 1, 1, 1),
           ("fp8", "fp8", 1, 4, 1), ("bf16", "fp8", 0, 0, 0)]  # fmt: skip
MICRO = [("mxfp8", "fp8", 0, 0, 0), ("mxfp8", "fp8", 0, 0, 1), ("nvfp4", "fp8", 0, 0, 0), ("nvfp4", "fp8", 0, 0, 1),
         ("nvfp4", "nvfp4", 0, 0, 0)]  # fmt: skip


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
LONG = {"long": lambda: qkv(50, 1, 67, 133, 128)}
# Only for values in 4 bits, which want as many queries as keys, and a multiple of 128 of them.
SQUARE = {"square": lambda: qkv(60, 1, 128, 128, 64)}
FILES = {"attention": (CASES, RECIPES), "attention-long": (LONG, RECIPES), "attention-micro": (CASES | SQUARE, MICRO)}


def weighted(scores, values, tile, rounded=p_in_8_bits):
    """rounded(p) · values / 448 Σ p, and log Σ exp; p as of the largest score up to the end of a tile."""
    largest = torch.full_like(scores[..., :1], -torch.inf)
    total, product = 0, 0
    for part, rows in zip(scores.split(tile, -1), values.split(tile, -2)):
        before, largest = largest, torch.maximum(largest, part.amax(-1, keepdim=True))
        p, shrunk = (part - largest).exp(), (before - largest).exp()
        total = total * shrunk + p.sum(-1, keepdim=True)
        product = product * shrunk + rounded(p) @ rows
    return product / (E4M3_MAX * total), (total.log() + largest).squeeze(-1)


def attention(query, parts, meant, dtype=torch.float64, tile=None):
    """The output and log Σ exp of the scores, of what `quantised` made of a query and others."""
    factor = query.shape[-1] ** -0.5
    query8, key8, value8, value_scale = (x.to(dtype) for x in meant)
    rounded = p_in_4_bits if "value.nvfp4.values" in parts else p_in_8_bits
    output, lse = weighted(query8 @ key8.mT * factor, value8, tile or key8.shape[-2], rounded)
    if "key_mean" in parts:
        lse = lse + (query.to(dtype) @ parts["key_mean"].to(dtype).mT * factor).squeeze(-1)
    return output * value_scale, lse


def frobenius(one, other):
    return distance(one, other)["relative_frobenius"]


def write(name, cases, recipes):
    """Writes a file; returns how far its recipes are from what else is computed."""
    tensors, found = {}, {}
    for case, make in cases.items():
        stored = {f"{case}.{part}": x.to(torch.bfloat16) for part, x in zip(("query", "key", "value"), make())}
        tensors |= stored
        query, key, value = (x.float() for x in stored.values())
        exact = (query.double() @ key.double().mT * query.shape[-1] ** -0.5).softmax(-1) @ value.double()
        for recipe in recipes:
            if (recipe[1] == "nvfp4") != (case == "square"):
                continue
            prefix = f"{case}.{'-'.join(map(str, recipe))}"
            parts, meant = quantised(query, key, value, recipe)
            output, lse = attention(query, parts, meant)
            tensors |= {f"{prefix}.output": output.float(), f"{prefix}.lse": lse.float()}
            if case in ("plain", "biased", "square"):
                tensors |= {f"{case}.{part}": as_bytes(part, numbers) for part, numbers in parts.items()}
            others = {
                "tiles of 64": attention(query, parts, meant, tile=64),
                "tiles of 128": attention(query, parts, meant, tile=128),
                "float32": attention(query, parts, meant, torch.float32),
            }
            found[prefix] = {"exact": frobenius(output, exact)}
            found[prefix] |= {other: frobenius(result, output) for other, (result, _) in others.items()}
            print(prefix, found[prefix])
    if not all(value.float().isfinite().all() for value in tensors.values()):
        raise SystemExit("not finite")
    path = GOLDENS / "quantised" / f"{name}.safetensors"
    save_tensors(path, tensors, versions())
    print(path.name, path.stat().st_size, "bytes")
    return found


def main():
    found = {}
    for name, (cases, recipes) in FILES.items():
        found |= write(name, cases, recipes)
    write_json(GOLDENS / "quantised" / "attention.json", {"versions": versions(), "recipes": found})


if __name__ == "__main__":
    main()

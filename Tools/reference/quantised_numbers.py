"""The numbers of quantised linear layers: how weights become bytes, what bytes mean, and how inputs are rounded.

Weights are quantised in float32 by ModelOpt's formulas, without its exceptions: the quotient is float32 whatever the
weight's type is, and a scale that would be below 2^-126 (all weights zero, or next to nothing) is 1 with zeros behind
it. Everything else here is float64.
"""

import common  # noqa: F401

import torch
from torch.nn import functional

E4M3_MAX, E2M1_MAX, INT8_MAX, BLOCK, GROUP = 448.0, 6.0, 127.0, 128, 16
SMALLEST = 2.0**-126


def safe(scale):
    """1 where a scale is too small to divide by."""
    return torch.where(scale < SMALLEST, torch.ones_like(scale), scale)


def e4m3(x):
    """float32 as E4M3: saturating, ties to even."""
    return x.clamp(-E4M3_MAX, E4M3_MAX).to(torch.float8_e4m3fn)


def stored(values, scale, too_small):
    """E4M3 of values / scale, zeros where there is no scale."""
    return e4m3(torch.where(too_small, torch.zeros_like(values), values / scale))


def fp8_tensor(weight):
    """One scale: largest / 448."""
    weight = weight.float()
    scale = weight.abs().max() / E4M3_MAX
    return {"weight": stored(weight, safe(scale), scale < SMALLEST), "weight_scale": safe(scale)}


def fp8_rows(weight):
    """A scale for each row."""
    weight = weight.float()
    scale = weight.abs().amax(1) / E4M3_MAX
    return {"weight": stored(weight, safe(scale)[:, None], (scale < SMALLEST)[:, None]), "weight_scale": safe(scale)}


def blocks(matrix):
    """A matrix `[rows, columns]` with zeros around it as `[row blocks, 128, column blocks, 128]`."""
    rows, columns = (-(-size // BLOCK) for size in matrix.shape)
    padded = functional.pad(matrix, (0, columns * BLOCK - matrix.shape[1], 0, rows * BLOCK - matrix.shape[0]))
    return padded.reshape(rows, BLOCK, columns, BLOCK)


def spread(scale, shape):
    """Scales `[row blocks, column blocks]` for each number of a matrix of a shape."""
    return scale.repeat_interleave(BLOCK, 0).repeat_interleave(BLOCK, 1)[: shape[0], : shape[1]]


def fp8_blocks(weight):
    """A scale for each 128 x 128 block, `[⌈rows / 128⌉, ⌈columns / 128⌉]`."""
    weight = weight.float()
    scale = blocks(weight.abs()).amax((1, 3)) / E4M3_MAX
    every = spread(scale, weight.shape)
    return {"weight": stored(weight, safe(every), every < SMALLEST), "weight_scale": safe(scale)}


def e2m1_codes(x):
    """The codes of float32 numbers: 0…7 of the magnitude, 8 for less than zero; ties to the even code."""
    bounds = torch.tensor([0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5.0])
    magnitude = x.abs().contiguous()
    code = torch.searchsorted(bounds, magnitude)
    for odd in (0.75, 1.75, 3.5):
        code += magnitude == odd
    return code + 8 * (x < 0)


def packed(codes):
    """Two codes in a byte, the first one in the low half."""
    return (codes[:, 0::2] | codes[:, 1::2] << 4).to(torch.uint8)


def nvfp4(weight, largest=None):
    """E2M1 with an E4M3 scale for each 16 numbers of a row, and one scale for those.

    `largest` is that of the weights that share the last scale, if there are others (q, k and v).
    """
    weight = weight.float()
    groups = weight.reshape(weight.shape[0], -1, GROUP)
    scale_2 = (weight.abs().max() if largest is None else largest) / (E2M1_MAX * E4M3_MAX)
    too_small, scale_2 = scale_2 < SMALLEST, safe(scale_2)
    ratio = groups.abs().amax(2) / (E2M1_MAX * scale_2)
    ratio = torch.where((ratio == 0) | too_small, torch.ones_like(ratio), ratio)
    scale = ratio.clamp(2.0**-9, E4M3_MAX).to(torch.float8_e4m3fn)
    quotient = groups / (scale.float() * scale_2)[:, :, None]
    codes = e2m1_codes(torch.zeros_like(quotient) if too_small else quotient)
    return {"weight": packed(codes.reshape(weight.shape)), "weight_scale": scale, "weight_scale_2": scale_2}


def int8_rows(weight):
    """A scale for each row, largest / 127; ties to even."""
    weight = weight.float()
    scale = weight.abs().amax(1) / INT8_MAX
    quotient = torch.where((scale < SMALLEST)[:, None], torch.zeros_like(weight), weight / safe(scale)[:, None])
    return {"weight": quotient.round().clamp(-128, 127).to(torch.int8), "weight_scale": safe(scale)}


def e4m3_rounded(x):
    """float64 rounded to E4M3 at once."""
    x = x.clamp(-E4M3_MAX, E4M3_MAX)
    step = torch.exp2(torch.frexp(x)[1].clamp(min=-5) - 4.0)
    return (x / step).round() * step


def e2m1_rounded(x):
    """float64 rounded to E2M1 at once."""
    x = x.clamp(-E2M1_MAX, E2M1_MAX)
    step = torch.exp2(torch.frexp(x)[1].clamp(min=1) - 2.0)
    return (x / step).round() * step


def unswizzled(scale, rows, columns):
    """Block scales `[rows, columns]` out of the layout of cuBLAS, which is padded to 128 rows and 4 columns."""
    tiles = scale.view(torch.uint8).reshape(scale.shape[0] // 128, scale.shape[1] // 4, 32, 4, 4)
    return tiles.permute(0, 3, 2, 1, 4).reshape(scale.shape)[:rows, :columns].view(torch.float8_e4m3fn)


def with_plain_scales(layer):
    """A layer whose block scales lie row after row."""
    rows, columns = layer["weight"].shape
    if layer["weight"].dtype != torch.uint8 or layer["weight_scale"].shape == (rows, columns // 8):
        return layer
    return layer | {"weight_scale": unswizzled(layer["weight_scale"], rows, columns // 8)}


def dequantised(layer):
    """The float64 weight of a layer's tensors (by the ends of their names); types and shapes say what they are."""
    layer = with_plain_scales(layer)
    weight, scale = layer["weight"], layer.get("weight_scale")
    if weight.dtype == torch.uint8:
        codes = torch.stack([weight & 15, weight >> 4], -1).reshape(weight.shape[0], -1).long()
        values = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6], dtype=torch.float64)
        values = torch.cat([values, -values])[codes]
        return values * (scale.double() * layer["weight_scale_2"].double()).repeat_interleave(GROUP, 1)
    values = weight.double()
    if scale is None:
        return values
    if scale.numel() == 1:
        return values * scale.double().reshape(())
    if scale.ndim == 1:
        return values * scale.double()[:, None]
    return values * spread(scale.double().reshape(-(-weight.shape[0] // BLOCK), -1), weight.shape)


def scaled(x, largest, maximum, round):
    """x rounded on a scale of largest / maximum."""
    scale = largest / maximum
    scale = torch.where(scale == 0, torch.ones_like(scale), scale)
    return round(x / scale) * scale


def rounded_int8(x):
    """Ties to even, between -128 and 127: below a static scale's range ModelOpt goes one further."""
    return x.round().clamp(-INT8_MAX - 1, INT8_MAX)


def static_fp8(x, layer):
    """The input of FP8 per tensor, with the checkpoint's scale."""
    scale = layer["input_scale"].double()
    return e4m3_rounded(x / scale) * scale


def dynamic_fp8(x, layer):
    """The same with the scale of this call."""
    return scaled(x, x.abs().max(), E4M3_MAX, e4m3_rounded)


def token_fp8(x, layer):
    """A scale for each token."""
    return scaled(x, x.abs().amax(-1, keepdim=True), E4M3_MAX, e4m3_rounded)


def block_fp8(x, layer):
    """A scale for each 128 numbers of a token; the last block may be smaller."""
    return torch.cat([token_fp8(part, layer) for part in x.split(BLOCK, -1)], -1)


def fp4(x, scale):
    """Two levels, as ModelOpt simulates them: a group's scale below 1e-5 is 1, and has no lower bound."""
    groups = x.reshape(*x.shape[:-1], -1, GROUP)
    ratio = groups.abs().amax(-1, keepdim=True) / (E2M1_MAX * scale)
    local = e4m3_rounded(ratio) * scale
    local = torch.where(local < 1e-5, torch.ones_like(local), local)
    return (e2m1_rounded(groups / local) * local).reshape(x.shape)


def static_fp4(x, layer):
    """The input of NVFP4, with the checkpoint's scale."""
    return fp4(x, layer["input_scale"].double())


def dynamic_fp4(x, layer):
    """The same with the scale of this call."""
    return fp4(x, x.abs().max() / (E2M1_MAX * E4M3_MAX))


def smoothed(x, layer):
    """x times the factors of its channels, if there are any."""
    return x * layer["pre_quant_scale"].double() if "pre_quant_scale" in layer else x


def static_int8(x, layer):
    """The input of W8A8, with the checkpoint's scale, after the channels' factors."""
    scale = layer["input_scale"].double()
    return rounded_int8(smoothed(x, layer) / scale) * scale


def token_int8(x, layer):
    """A scale for each token, after the channels' factors."""
    x = smoothed(x, layer)
    return scaled(x, x.abs().amax(-1, keepdim=True), INT8_MAX, rounded_int8)


# By format: what inputs may be rounded by. The first is what ModelOpt simulates; None leaves them as they are.
INPUTS = {
    "FP8": {"static": static_fp8, "dynamic": dynamic_fp8},
    "FP8_PER_CHANNEL_PER_TOKEN": {"token": token_fp8},
    "fp8_pb_wo": {"weights": smoothed, "block": block_fp8},
    "NVFP4": {"static": static_fp4, "dynamic": dynamic_fp4, "weights": smoothed},
    "W8A8_SQ_PER_CHANNEL": {"static": static_int8, "token": token_int8},
}

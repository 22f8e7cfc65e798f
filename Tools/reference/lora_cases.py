"""LoRA files in the spellings that people have, on the tiny checkpoints, with the weights that each must lead to.

A case names its modules as diffusers does; what a file calls them is given beside. Expected weights are the plain
formulas in float64, whatever diffusers makes of the file; `diffusers` says what that is: `right`, `wrong` (other numbers),
`nothing` (the weights stay as they were) or `error`.
"""

import json

import common

import numpy as np
import torch
from safetensors import safe_open

PEFT = ("lora_A.weight", "lora_B.weight")
KOHYA = ("lora_down.weight", "lora_up.weight")
XLABS = ("down.weight", "up.weight")
NAMED = ("lora_A.default.weight", "lora_B.default.weight")


def stored(model, component):
    """The weights of a component, in float64, under the names in its files."""
    weights = {}
    for path in sorted((common.CHECKPOINTS / model / component).glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            weights |= {key: file.get_tensor(key).double() for key in file.keys()}
    return weights


class Case:
    """One file, and the weights that it leads to."""

    def __init__(self, family, name, model, diffusers, dtype=torch.float16, component="transformer", metadata=None, **plan):
        self.family, self.name, self.model, self.diffusers = family, name, model, diffusers
        self.dtype, self.component, self.metadata, self.plan = dtype, component, metadata or {}, plan
        self.random = np.random.Generator(np.random.PCG64(sum(map(ord, family + name))))
        self.base = stored(model, component)
        self.tensors, self.expected = {}, {}
        # Modules that diffusers has and the golden leaves out: nothing that is made depends on them.
        self.unused = set()

    def draw(self, *shape, deviation=0.4):
        value = torch.from_numpy(self.random.standard_normal(shape) * deviation)
        return value.to(self.dtype)

    def shape(self, module):
        return self.base[module + ".weight"].shape

    def weight(self, key):
        return self.expected.setdefault(f"{self.component}/{key}", self.base[key].clone())

    def add(self, modules, change, end="weight", swapped=False):
        """Adds the rows of a change to the modules in a row, in this order."""
        change = change.double()
        if swapped:
            change = torch.cat(change.chunk(2)[::-1])
        start = 0
        for module in modules:
            weight = self.weight(f"{module}.{end}")
            weight += change[start : start + len(weight)].reshape(weight.shape)
            start += len(weight)
        assert start == len(change), (modules, start, len(change))

    def pair(self, name, modules, rank=2, ends=PEFT, alpha=None, scale=1.0, swapped=False, up=None, conv=False, alpha_dtype=None):
        """A low-rank pair; `scale` is what the file says elsewhere, or the user."""
        modules = [modules] if isinstance(modules, str) else modules
        shape = self.shape(modules[0])
        rows = sum(self.shape(module)[0] for module in modules)
        down = self.draw(rank, *(shape[1:] if conv else [shape[1:].numel()]))
        up = self.draw(rows, rank) if up is None else up.to(self.dtype)
        self.tensors[f"{name}.{ends[0]}"] = down
        self.tensors[f"{name}.{ends[1]}"] = up.reshape(rows, rank, *[1] * (len(shape) - 2)) if conv else up
        if alpha is not None:
            self.tensors[f"{name}.alpha"] = torch.tensor(alpha, dtype=alpha_dtype or self.dtype)
            scale *= alpha / rank
        self.add(modules, scale * (up.double() @ down.double().reshape(rank, -1)), swapped=swapped)
        return down.double().reshape(rank, -1), up.double()

    def difference(self, key, modules, end="bias", scale=1.0):
        modules = [modules] if isinstance(modules, str) else modules
        value = self.draw(*self.base[f"{modules[0]}.{end}"].shape)
        self.tensors[key] = value
        self.add(modules, scale * value.double(), end)

    def magnitude(self, key, module):
        """DoRA: the rows of the changed weight get these lengths."""
        lengths = self.draw(self.shape(module)[0]).abs() + 0.5
        self.tensors[key] = lengths if "vector" in key else lengths[:, None]
        weight = self.weight(f"{module}.weight")
        weight *= lengths.double()[:, None] / weight.norm(dim=1, keepdim=True)


def two_dimensional(case):
    """All linear layers of a component, sorted."""
    return sorted(key[:-7] for key, value in case.base.items() if key.endswith(".weight") and value.ndim == 2)


def block(case, part):
    """The linear layers of one block, without its name."""
    return [name[len(part) + 1 :] for name in two_dimensional(case) if name.startswith(part + ".")]


def flat(name):
    return name.replace(".", "_")


QKV = ["attn.to_q", "attn.to_k", "attn.to_v"]
ADDED_QKV = ["attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"]
FLUX1_DOUBLE = {
    "img_attn.qkv": QKV, "txt_attn.qkv": ADDED_QKV,
    "img_attn.proj": ["attn.to_out.0"], "txt_attn.proj": ["attn.to_add_out"],
    "img_mlp.0": ["ff.net.0.proj"], "img_mlp.2": ["ff.net.2"],
    "txt_mlp.0": ["ff_context.net.0.proj"], "txt_mlp.2": ["ff_context.net.2"],
    "img_mod.lin": ["norm1.linear"], "txt_mod.lin": ["norm1_context.linear"],
}  # fmt: skip
FLUX1_SINGLE = {"linear2": ["proj_out"], "modulation.lin": ["norm.linear"]}
FLUX1_TOP = {
    "img_in": "x_embedder", "txt_in": "context_embedder", "final_layer.linear": "proj_out",
    "final_layer.adaLN_modulation.1": "norm_out.linear",
} | {
    f"{name}_in.{side}_layer": f"time_text_embed.{module}_embedder.linear_{number}"
    for name, module in [("time", "timestep"), ("vector", "text"), ("guidance", "guidance")]
    for side, number in [("in", 1), ("out", 2)]
}  # fmt: skip


def doubles(case, spell, ends, alpha=None, table=FLUX1_DOUBLE, number=1):
    for name, modules in table.items():
        modules = [f"transformer_blocks.{number}.{module}" for module in modules]
        case.pair(spell(f"double_blocks.{number}.{name}"), modules, ends=ends, alpha=alpha)


def singles(case, spell, ends, alpha=None, table=FLUX1_SINGLE, number=1):
    for name, modules in table.items():
        modules = [f"single_transformer_blocks.{number}.{module}" for module in modules]
        case.pair(spell(f"single_blocks.{number}.{name}"), modules, ends=ends, alpha=alpha)


def top(case, spell, ends, alpha=None, table=FLUX1_TOP):
    for name, module in table.items():
        case.pair(spell(name), module, ends=ends, alpha=alpha, swapped="adaLN" in name)


def kohya(name):
    return "lora_unet_" + flat(name)


def comfy(name):
    return "diffusion_model." + name


def peft(name):
    return "transformer." + name


def flux1():
    model = "flux1-tiny-dev"
    block1 = "transformer_blocks.1"

    def new(name, diffusers, **plan):
        return Case("flux1", name, model, diffusers, **plan)

    case = new("peft", "right")
    for index, module in enumerate(two_dimensional(case)):
        case.pair(peft(module), module, rank=1 + index % 2)
    yield case
    for name, spell, ends, verdict in [
        ("peft-alpha", peft, PEFT, "right"), ("peft-down-alpha", peft, KOHYA, "wrong"),
        ("bare", str, PEFT, "nothing"), ("bare-named", str, NAMED, "nothing"),
    ]:  # fmt: skip
        case = new(name, verdict)
        for index, module in enumerate(block(case, block1)):
            alpha = [4, 1, 2][index % 3] if "alpha" in name else None
            case.pair(spell(f"{block1}.{module}"), f"{block1}.{module}", ends=ends, alpha=alpha)
        yield case
    case = new("peft-some-alpha", "wrong")
    for index, module in enumerate(QKV):
        case.pair(f"transformer.{block1}.{module}", f"{block1}.{module}", alpha=1 if index else None)
    yield case
    names = [f"{block1}.{module}" for module in QKV]
    adapter = {"r": 2, "lora_alpha": 4, "target_modules": names}
    for name, more, scale in [("metadata", {}, 2.0), ("metadata-rslora", {"use_rslora": True}, 8**0.5)]:
        header = {"lora_adapter_metadata": json.dumps({f"transformer.{k}": v for k, v in (adapter | more).items()})}
        case = new(name, "right", metadata=header)
        for module in names:
            case.pair(peft(module), module, scale=scale)
        yield case
    header = json.dumps({"transformer.r": 2, "transformer.lora_alpha": 4, "transformer.target_modules": names,
                         "transformer.alpha_pattern": {names[1]: 1}})  # fmt: skip
    case = new("metadata-pattern", "right", metadata={"lora_adapter_metadata": header})
    for index, module in enumerate(names):
        case.pair(peft(module), module, scale=0.5 if index == 1 else 2.0)
    yield case

    for name, spell, ends, alpha, verdict in [
        ("kohya", kohya, KOHYA, 1, "right"), ("kohya-noalpha", kohya, KOHYA, None, "right"),
        ("comfy-down", comfy, KOHYA, 1, "right"), ("comfy-peft", comfy, PEFT, None, "nothing"),
        ("base-model", lambda name: "base_model.model." + name, PEFT, None, "error"),
    ]:  # fmt: skip
        case = new(name, verdict)
        doubles(case, spell, ends, alpha)
        singles(case, spell, ends, alpha)
        yield case
    case = new("kohya-linear1", "error")
    singles(case, kohya, KOHYA, 1, {"linear1": QKV + ["proj_mlp"]})
    yield case
    case = new("kohya-top", "nothing")
    top(case, kohya, KOHYA, 1)
    yield case
    case = new("kohya-sparse", "right")
    rows = case.shape(names[0])[0]
    up = torch.zeros(3 * rows, 6)
    for index in range(3):
        up[index * rows : (index + 1) * rows, 2 * index : 2 * index + 2] = case.draw(rows, 2)
    case.pair("lora_unet_double_blocks_1_img_attn_qkv", names, rank=6, ends=KOHYA, alpha=3, up=up)
    yield case
    for name, prefix in [("xlabs", ""), ("xlabs-prefix", "diffusion_model.")]:
        case = new(name, "right")
        for processor, modules in [("qkv_lora1", QKV), ("proj_lora1", ["attn.to_out.0"]), ("qkv_lora2", ADDED_QKV),
                                   ("proj_lora2", ["attn.to_add_out"])]:  # fmt: skip
            modules = [f"{block1}.{module}" for module in modules]
            case.pair(f"{prefix}double_blocks.1.processor.{processor}", modules, ends=XLABS)
        for processor, modules in [("qkv_lora", QKV), ("proj_lora", ["proj_out"])]:
            modules = [f"single_transformer_blocks.0.{module}" for module in modules]
            case.pair(f"{prefix}single_blocks.0.processor.{processor}", modules, ends=XLABS)
        yield case
    case = new("onetrainer", "error")
    for module in block(case, block1):
        case.pair(f"lora_transformer_{flat(f'{block1}.{module}')}", f"{block1}.{module}", ends=KOHYA, alpha=1)
    yield case
    case = new("control", "error")
    down, up = case.pair("double_blocks.1.img_attn.qkv", names)
    bias = case.draw(3 * rows)
    case.tensors["double_blocks.1.img_attn.qkv.lora_B.bias"] = bias
    inner = case.draw(2)
    case.tensors["double_blocks.1.img_attn.qkv.lora_A.bias"] = inner
    case.add(names, bias.double() + up @ inner.double(), "bias")
    for name, module in [("img_attn.norm.query_norm", "norm_q"), ("img_attn.norm.key_norm", "norm_k"),
                         ("txt_attn.norm.query_norm", "norm_added_q"), ("txt_attn.norm.key_norm", "norm_added_k")]:  # fmt: skip
        key = f"{block1}.attn.{module}.weight"
        case.tensors[f"double_blocks.1.{name}.scale"] = case.draw(*case.base[key].shape)
        case.weight(key).copy_(case.tensors[f"double_blocks.1.{name}.scale"].double())
    yield case
    case = new("dora", "right", dtype=torch.float32)
    for module in names:
        case.pair(peft(module), module)
        case.magnitude(f"transformer.{module}.lora_magnitude_vector", module)
    yield case
    # Of a layer that devices share by its inputs.
    case = new("dora-input", "right", dtype=torch.float32)
    for module in [f"{block1}.ff.net.2", f"{block1}.attn.to_out.0"]:
        case.pair(peft(module), module)
        case.magnitude(f"transformer.{module}.lora_magnitude_vector", module)
    yield case
    case = new("kohya-dora", "wrong")
    case.pair("lora_unet_double_blocks_1_img_attn_proj", f"{block1}.attn.to_out.0", ends=KOHYA, alpha=1)
    case.magnitude("lora_unet_double_blocks_1_img_attn_proj.dora_scale", f"{block1}.attn.to_out.0")
    yield case
    case = new("bias", "right")
    for module in names:
        case.pair(peft(module), module)
        case.difference(f"transformer.{module}.lora_B.bias", module)
    yield case
    case = new("kohya-diff", "wrong")
    case.pair("lora_unet_double_blocks_1_img_attn_proj", f"{block1}.attn.to_out.0", ends=KOHYA, alpha=1)
    case.difference("lora_unet_double_blocks_1_img_attn_proj.diff_b", f"{block1}.attn.to_out.0")
    yield case
    query = names[0]
    case = new("lokr", "error")
    one, two = case.draw(4, 4), case.draw(rows // 4, rows // 4)
    case.tensors = {f"transformer.{query}.lokr_w1": one, f"transformer.{query}.lokr_w2": two}
    case.add([query], torch.kron(one.double(), two.double()))
    yield case
    case = new("loha", "error")
    a, b, c, d = (case.draw(rows, 2), case.draw(2, rows), case.draw(rows, 2), case.draw(2, rows))
    name = "lora_unet_double_blocks_1_img_attn_proj"
    case.tensors = {f"{name}.hada_w1_a": a, f"{name}.hada_w1_b": b, f"{name}.hada_w2_a": c, f"{name}.hada_w2_b": d,
                    f"{name}.alpha": torch.tensor(1, dtype=torch.int64)}  # fmt: skip
    case.add([f"{block1}.attn.to_out.0"], 0.5 * (a.double() @ b.double()) * (c.double() @ d.double()))
    yield case
    case = new("fp8", "right", dtype=torch.float8_e4m3fn)
    case.pair(peft(query), query)
    yield case
    case = new("float32", "right", dtype=torch.float32)
    case.pair(peft(query), query)
    yield case
    case = new("integer-alpha", "error", dtype=torch.bfloat16)
    case.pair(peft(query), query, alpha=4, alpha_dtype=torch.int64)
    yield case

    layer = "text_model.encoder.layers.1."
    for name, spell, ends, alpha, verdict in [
        ("clip-kohya", lambda name: "lora_te1_" + flat(layer + name), KOHYA, 1, "right"),
        ("clip-kohya-short", lambda name: "lora_te_" + flat(layer + name), KOHYA, 1, "right"),
        ("clip-peft", lambda name: "text_encoder." + layer + name, PEFT, None, "right"),
        ("clip-peft-short", lambda name: "text_encoder." + layer[11:] + name, PEFT, None, "right"),
        ("clip-old", lambda name: f"text_encoder.{layer}{name}.lora_linear_layer", XLABS, None, "right"),
        ("clip-comfy", lambda name: "text_encoders.clip_l.transformer." + layer + name, KOHYA, None, "right"),
    ]:  # fmt: skip
        case = new(name, verdict, component="text_encoder")
        for module in block(case, layer[:-1]):
            case.pair(spell(module), layer + module, ends=ends, alpha=alpha)
        yield case
    for name, prefix in [("t5-kohya", "lora_te2_"), ("t5-comfy", "text_encoders.t5xxl.transformer.")]:
        case = new(name, "error", component="text_encoder_2")
        for module in [name for name in two_dimensional(case) if ".0.layer." in name and "bias" not in name]:
            spelt = prefix + (flat(module) if prefix.endswith("_") else module)
            case.pair(spelt, module, ends=KOHYA)
        yield case
    case = new("halved", "right", scale=0.5)
    case.pair(peft(query), query, scale=0.5)
    yield case
    case = new("mapped", "nothing", strip_prefixes=["mine."], key_map={"blocks": "double_blocks", "in": "x_embedder"})
    case.pair("mine.blocks.1.img_attn.proj", f"{block1}.attn.to_out.0")
    case.pair("mine.in", "x_embedder")
    yield case


FLUX2_DOUBLE = {
    "img_attn.qkv": QKV, "txt_attn.qkv": ADDED_QKV,
    "img_attn.proj": ["attn.to_out.0"], "txt_attn.proj": ["attn.to_add_out"],
    "img_mlp.0": ["ff.linear_in"], "img_mlp.2": ["ff.linear_out"],
    "txt_mlp.0": ["ff_context.linear_in"], "txt_mlp.2": ["ff_context.linear_out"],
}  # fmt: skip
FLUX2_SINGLE = {"linear1": ["attn.to_qkv_mlp_proj"], "linear2": ["attn.to_out"]}
FLUX2_TOP = {
    "img_in": "x_embedder", "txt_in": "context_embedder", "final_layer.linear": "proj_out",
    "time_in.in_layer": "time_guidance_embed.timestep_embedder.linear_1",
    "time_in.out_layer": "time_guidance_embed.timestep_embedder.linear_2",
    "guidance_in.in_layer": "time_guidance_embed.guidance_embedder.linear_1",
    "guidance_in.out_layer": "time_guidance_embed.guidance_embedder.linear_2",
    "single_stream_modulation.lin": "single_stream_modulation.linear",
    "double_stream_modulation_img.lin": "double_stream_modulation_img.linear",
    "double_stream_modulation_txt.lin": "double_stream_modulation_txt.linear",
}  # fmt: skip
ADALN = {"final_layer.adaLN_modulation.1": "norm_out.linear"}


def flux2():
    block1 = "transformer_blocks.1"

    def new(name, diffusers, **plan):
        return Case("flux2", name, "flux2-tiny-dev", diffusers, **plan)

    case = new("peft", "right")
    for index, module in enumerate(two_dimensional(case)):
        case.pair(peft(module), module, rank=1 + index % 2)
    yield case
    for name, spell, ends, alpha, more, verdict in [
        ("comfy-peft", comfy, PEFT, None, FLUX2_TOP, "right"), ("adaln", comfy, PEFT, None, ADALN, "wrong"),
        ("comfy-peft-alpha", comfy, PEFT, 1, {}, "error"), ("comfy-down", comfy, KOHYA, None, {}, "nothing"),
        ("base-model", lambda name: "base_model.model." + name, PEFT, None, {}, "right"),
        ("kohya", kohya, KOHYA, 1, {}, "right"), ("kohya-top", kohya, KOHYA, 1, FLUX2_TOP | ADALN, "wrong"),
    ]:  # fmt: skip
        case = new(name, verdict)
        if name not in ("adaln", "kohya-top"):
            doubles(case, spell, ends, alpha, FLUX2_DOUBLE)
            singles(case, spell, ends, alpha, FLUX2_SINGLE)
        top(case, spell, ends, alpha, more)
        yield case
    for name, spell, ends, verdict in [
        ("sformer", lambda module: comfy(module[len("tran") :]), PEFT, "right"),
        ("own-names", comfy, PEFT, "right"), ("bare-named", str, NAMED, "nothing"),
    ]:  # fmt: skip
        case = new(name, verdict)
        for module in [f"transformer_blocks.{number}.{module}" for number in range(2) for module in QKV]:
            case.pair(spell(module), module, ends=ends)
        yield case
    names = [f"{block1}.{module}" for module in QKV]
    case = new("lokr-fused", "right")
    rows = case.shape(names[0])[0]
    one, two = case.draw(4, 4), case.draw(3 * rows // 4, rows // 4)
    name = "diffusion_model.double_blocks.1.img_attn.qkv"
    case.tensors = {f"{name}.lokr_w1": one, f"{name}.lokr_w2": two, f"{name}.alpha": torch.tensor(1.0)}
    case.add(names, torch.kron(one.double(), two.double()))
    yield case
    for name, prefix, spell in [("lokr-factors", "", str), ("lycoris", "lycoris_", flat)]:
        case = new(name, "right")
        one, a, b = case.draw(4, 4), case.draw(rows // 4, 2), case.draw(2, rows // 4)
        module = prefix + spell(names[0])
        case.tensors = {f"{module}.lokr_w1": one, f"{module}.lokr_w2_a": a, f"{module}.lokr_w2_b": b,
                        f"{module}.alpha": torch.tensor(1.0)}  # fmt: skip
        case.add(names[:1], torch.kron(one.double(), a.double() @ b.double()) / 2)
        yield case


WAN_BLOCK = {
    "self_attn.q": "attn1.to_q", "self_attn.k": "attn1.to_k", "self_attn.v": "attn1.to_v", "self_attn.o": "attn1.to_out.0",
    "cross_attn.q": "attn2.to_q", "cross_attn.k": "attn2.to_k", "cross_attn.v": "attn2.to_v",
    "cross_attn.o": "attn2.to_out.0", "ffn.0": "ffn.net.0.proj", "ffn.2": "ffn.net.2",
}  # fmt: skip
WAN_IMAGE = {"cross_attn.k_img": "attn2.add_k_proj", "cross_attn.v_img": "attn2.add_v_proj"}
WAN_TOP = {
    "time_projection.1": "condition_embedder.time_proj", "head.head": "proj_out",
    "text_embedding.0": "condition_embedder.text_embedder.linear_1",
    "text_embedding.2": "condition_embedder.text_embedder.linear_2",
    "time_embedding.0": "condition_embedder.time_embedder.linear_1",
    "time_embedding.2": "condition_embedder.time_embedder.linear_2",
}  # fmt: skip
WAN_IMAGE_TOP = {
    "img_emb.proj.1": "condition_embedder.image_embedder.ff.net.0.proj",
    "img_emb.proj.3": "condition_embedder.image_embedder.ff.net.2",
}  # fmt: skip


def wan():
    model, image = "wan2.1-tiny-t2v", "wan2.1-tiny-i2v"

    def new(name, diffusers, model=model, **plan):
        return Case("wan", name, model, diffusers, **plan)

    def blocks(case, spell, ends, alpha=None, table=WAN_BLOCK):
        # diffusers counts these from the first block on.
        number = 0 if spell is kohya else 1
        for name, module in table.items():
            case.pair(spell(f"blocks.{number}.{name}"), f"blocks.{number}.{module}", ends=ends, alpha=alpha)

    case = new("peft", "right")
    for index, module in enumerate(two_dimensional(case)):
        case.pair(peft(module), module, rank=1 + index % 2)
    yield case
    case = new("convolution", "right")
    case.pair("transformer.patch_embedding", "patch_embedding", conv=True)
    yield case
    for name, spell, ends, alpha, more, verdict in [
        ("comfy-peft", comfy, PEFT, None, WAN_TOP, "right"), ("comfy-down-alpha", comfy, KOHYA, 1, {}, "right"),
        ("top-alpha", comfy, KOHYA, 1, WAN_TOP, "error"), ("musubi", kohya, KOHYA, 1, {}, "right"),
        ("musubi-noalpha", kohya, KOHYA, None, {}, "error"), ("bare-named", str, NAMED, None, {}, "nothing"),
        ("bare", str, PEFT, None, {}, "nothing"),
    ]:  # fmt: skip
        case = new(name, verdict)
        blocks(case, spell, ends, alpha)
        for key, module in more.items():
            case.pair(comfy(key), module, ends=ends, alpha=alpha)
        yield case
    case = new("musubi-attention", "error")
    blocks(case, kohya, KOHYA, 1, {key: value for key, value in WAN_BLOCK.items() if "attn" in key})
    yield case
    case = new("image", "right", image)
    blocks(case, comfy, PEFT, table=WAN_BLOCK | WAN_IMAGE)
    for key, module in WAN_IMAGE_TOP.items():
        case.pair(comfy(key), module)
    yield case
    case = new("biases", "right")
    for name, module in WAN_BLOCK.items():
        case.pair(comfy(f"blocks.1.{name}"), f"blocks.1.{module}", ends=KOHYA)
        case.difference(comfy(f"blocks.1.{name}.diff_b"), f"blocks.1.{module}")
    # Zeros, as published files have them for norms that the model does not have.
    case.tensors["diffusion_model.blocks.1.norm1.diff"] = torch.zeros(30, dtype=case.dtype)
    yield case
    case = new("differences", "wrong")
    blocks(case, comfy, KOHYA, table={"ffn.0": "ffn.net.0.proj"})
    for key, module, end in [
        ("head.head.diff", "proj_out", "weight"), ("head.head.diff_b", "proj_out", "bias"),
        ("blocks.1.norm3.diff", "blocks.1.norm2", "weight"), ("blocks.1.norm3.diff_b", "blocks.1.norm2", "bias"),
        ("blocks.1.self_attn.norm_q.diff", "blocks.1.attn1.norm_q", "weight"),
        ("blocks.1.cross_attn.norm_k.diff", "blocks.1.attn2.norm_k", "weight"),
        ("patch_embedding.diff", "patch_embedding", "weight"), ("patch_embedding.diff_b", "patch_embedding", "bias"),
    ]:  # fmt: skip
        case.difference(comfy(key), module, end)
    for key, module in [("blocks.1.diff_m", "blocks.1.scale_shift_table"), ("head.modulation.diff_m", "scale_shift_table")]:
        case.tensors[comfy(key)] = case.draw(*case.base[module].shape)
        case.weight(module).add_(case.tensors[comfy(key)].double())
    yield case
    case = new("head-difference", "right", dtype=torch.float32)
    blocks(case, comfy, KOHYA)
    case.difference("diffusion_model.head.head.diff", "proj_out", "weight")
    case.difference("diffusion_model.head.head.diff_b", "proj_out")
    yield case
    case = new("dora", "error")
    case.pair("diffusion_model.blocks.1.self_attn.q", "blocks.1.attn1.to_q")
    case.magnitude("diffusion_model.blocks.1.self_attn.q.dora_scale", "blocks.1.attn1.to_q")
    yield case
    case = new("second", "right", "wan2.2-tiny-t2v-a14b", component="transformer_2", target_components=["transformer_2"])
    case.pair("diffusion_model.blocks.1.self_attn.q", "blocks.1.attn1.to_q")
    yield case


def qwen_image():
    block1 = "transformer_blocks.1"
    for name, spell, ends, alpha, verdict in [
        ("peft", peft, PEFT, None, "right"), ("peft-alpha", peft, PEFT, 1, "error"),
        ("lightning", str, KOHYA, 1, "right"), ("bare-alpha", str, PEFT, 1, "right"),
        ("comfy-peft", comfy, PEFT, None, "right"), ("musubi", kohya, KOHYA, 1, "right"),
        ("musubi-noalpha", kohya, KOHYA, None, "right"), ("bare-named", str, NAMED, None, "right"),
        ("bare", str, PEFT, None, "nothing"),
    ]:  # fmt: skip
        case = Case("qwen-image", name, "qwen-image-tiny", verdict)
        modules = two_dimensional(case)
        if name not in ("peft", "musubi"):
            modules = [module for module in modules if module.startswith(block1)]
        for index, module in enumerate(modules):
            case.pair(spell(module), module, rank=1 + index % 2, ends=ends, alpha=alpha)
        yield case


# By the names of NVIDIA's own training.
COSMOS3_ATTENTION = {
    "q_proj": "to_q", "k_proj": "to_k", "v_proj": "to_v", "o_proj": "to_out",
    "q_proj_moe_gen": "add_q_proj", "k_proj_moe_gen": "add_k_proj", "v_proj_moe_gen": "add_v_proj",
    "o_proj_moe_gen": "to_add_out",
}  # fmt: skip
COSMOS3_TOP = {
    "vae2llm": "proj_in", "llm2vae": "proj_out", "time_embedder.mlp.0": "time_embedder.linear_1",
    "time_embedder.mlp.2": "time_embedder.linear_2", "sound2llm": "audio_proj_in", "llm2sound": "audio_proj_out",
}  # fmt: skip


def cosmos3():
    block1 = "layers.1"
    # Of the tower that reads, the last layer's keys and values alone go on.
    last = ["self_attn.to_q", "self_attn.to_out", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"]

    def new(name, diffusers, **plan):
        case = Case("cosmos3", name, "cosmos3-tiny", diffusers, **plan)
        case.unused = {f"transformer/{name}.weight" for name in [f"layers.2.{module}" for module in last] + ["lm_head"]}
        return case

    def linears(case, part=""):
        # The others are tables.
        names = [name for name in two_dimensional(case) if "embed_tokens" not in name and "action" not in name]
        return [name for name in names if name.startswith(part)]

    case = new("peft", "right")
    for index, module in enumerate(linears(case)):
        case.pair(peft(module), module, rank=1 + index % 2)
    yield case
    for name, spell, ends, alpha, verdict in [
        ("peft-alpha", peft, PEFT, 4, "wrong"), ("bare", str, PEFT, None, "nothing"),
        ("bare-named", str, NAMED, None, "nothing"), ("comfy-peft", comfy, PEFT, None, "nothing"),
        ("base-model", lambda name: "base_model.model." + name, PEFT, None, "nothing"),
        ("kohya", kohya, KOHYA, 1, "nothing"),
    ]:  # fmt: skip
        case = new(name, verdict)
        for module in linears(case, f"{block1}.self_attn"):
            case.pair(spell(module), module, ends=ends, alpha=alpha)
        yield case
    names = [f"{block1}.self_attn.{module}" for module in ("to_q", "add_q_proj")]
    header = {"transformer.r": 2, "transformer.lora_alpha": 4, "transformer.target_modules": names}
    case = new("metadata", "wrong", metadata={"lora_adapter_metadata": json.dumps(header)})
    for module in names:
        case.pair(peft(module), module, scale=2.0)
    yield case
    for name, prefix, layers, scale, verdict in [
        ("authors", "net.", "net.language_model.model.", 2.0, "nothing"),
        ("authors-bare", "", "language_model.model.", 1.0, "nothing"),
        ("authors-peft", "transformer.", "transformer.", 1.0, "wrong"),
    ]:
        case = new(name, verdict, **({} if scale == 1 else {"scale": scale}))
        for own, module in COSMOS3_ATTENTION.items():
            case.pair(f"{layers}{block1}.self_attn.{own}", f"{block1}.self_attn.{module}", scale=scale)
        case.pair(f"{layers}{block1}.mlp_moe_gen.up_proj", f"{block1}.mlp_moe_gen.up_proj", scale=scale)
        for own, module in COSMOS3_TOP.items():
            case.pair(f"{prefix}{own}", module, scale=scale)
        yield case


def all_cases():
    for family in (flux1, flux2, wan, qwen_image, cosmos3):
        yield from family()

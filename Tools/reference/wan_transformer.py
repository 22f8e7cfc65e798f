"""Writes tiny WanTransformer3DModels and what they compute.

`checkpoints/wan-tiny-transformers/<kind>` holds a model for each kind of Wan checkpoint: 2 layers, 3 heads of 10, and
weights that 16 bits hold exactly. `wan/transformer-<kind>.safetensors` holds inputs and outputs: `prompt` and `image` for
two videos, of which a case of one takes the first (of two images each for `flf2v`); for each case `<case>.latents`, `<case>.timestep` (one for each token
for TI2V) and `<case>.output`; of the case `batch` also inner values, and the output of the model in bfloat16 (with
bfloat16 inputs, as the pipelines run it), `batch.output.bfloat16`.
"""

import shutil

from common import CHECKPOINTS, GOLDENS, redraw, save_tensors, versions, write_json

import torch
from diffusers import WanTransformer3DModel

from inputs import draw
from recording import Notes

TINY = {
    "attention_head_dim": 10, "num_attention_heads": 3, "num_layers": 2, "ffn_dim": 44, "text_dim": 8, "freq_dim": 24,
    "patch_size": [1, 2, 2], "cross_attn_norm": True, "qk_norm": "rms_norm_across_heads", "eps": 1e-6,
    "rope_max_seq_len": 1024,
}  # fmt: skip
IMAGE = {"image_dim": 14, "added_kv_proj_dim": 30}
KINDS = {
    "t2v": {"in_channels": 16, "out_channels": 16},
    "i2v-2.1": {"in_channels": 36, "out_channels": 16} | IMAGE,
    "i2v-2.2": {"in_channels": 36, "out_channels": 16, "cross_attn_norm": True},
    "ti2v": {"in_channels": 48, "out_channels": 48},
    "flf2v": {"in_channels": 36, "out_channels": 16, "pos_embed_seq_len": 10} | IMAGE,
}
IMAGE_TOKENS = 5
# Batch, frames, height and width of the latents; the second has sizes that fill no patch.
CASES = {"batch": (2, 3, 4, 6), "odd": (1, 2, 5, 7), "frame": (1, 1, 4, 10)}
TIMESTEPS = {"batch": 875.0, "odd": 12.0, "frame": 999.0}


def drawn(config, seed):
    """A model whose inputs all show in its output, with weights that 16 bits hold."""
    model = WanTransformer3DModel(**config)
    gains = {
        "patch_embedding.weight": (4 * config["in_channels"]) ** -0.5,
        "scale_shift_table": 4.0,
        "pos_embed": 6.0,
        "time_proj.weight": 0.7,
    }
    redraw(model, seed, gains=gains)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.to(torch.bfloat16).float())
    return model


def save(model, config, folder):
    """Writes a model of such weights in half of the bytes."""
    write_json(folder / "config.json", config)
    state = {key: value.to(torch.bfloat16) for key, value in model.state_dict().items()}
    save_tensors(folder / "diffusion_pytorch_model.safetensors", state, {"format": "pt"})


def model_of(kind, seed):
    """The model of a kind, and the folder that holds it."""
    config = TINY | KINDS[kind]
    model = drawn(config, seed)
    folder = CHECKPOINTS / "wan-tiny-transformers" / kind
    shutil.rmtree(folder, ignore_errors=True)
    name = {"_class_name": "WanTransformer3DModel", "_diffusers_version": versions()["diffusers"]}
    save(model, name | dict(sorted(config.items())), folder)
    return model, folder


def timestep_of(kind, case):
    """One number, or for TI2V one for each token."""
    batch, frames, height, width = CASES[case]
    if kind != "ti2v":
        return torch.full((batch,), TIMESTEPS[case])
    tokens = (height // 2) * (width // 2)
    rows = torch.full((frames, tokens), TIMESTEPS[case])
    if case == "batch":
        rows[0] = 0.0  # a frame that is given
    if case == "frame":
        rows = rows - 100 * torch.arange(tokens)[None]
    return rows.flatten()[None].repeat(batch, 1)


def inputs(kind, notes, case, batch):
    """What goes into a case."""
    asked = {
        "hidden_states": notes[f"{case}.latents"],
        "timestep": notes[f"{case}.timestep"],
        "encoder_hidden_states": notes["prompt"][:batch],
    }
    if "image" in notes:
        asked["encoder_hidden_states_image"] = notes["image"][: len(notes["image"]) * batch // 2]
    return asked


def watch(notes, model):
    """Notes inner values of the next call."""
    for number, block in enumerate(model.blocks):
        notes.output(block, f"batch.block.{number}")
    if "image" not in notes and notes["batch.timestep"].ndim == 1:
        notes.output(model.condition_embedder, "batch.time", "batch.modulation", "batch.text", None)
        notes.output(model.rope, "batch.rotary.cos", "batch.rotary.sin")


def changes(model, asked, output):
    """How much the output moves when one input does."""
    for name, value in asked.items():
        other = value * 0.9 if name == "timestep" else value.roll(1, -1)
        moved = model(**asked | {name: other}).sample
        print(f"    {name:28} {(moved - output).abs().max():.3f}")


@torch.no_grad()
def main():
    for number, kind in enumerate(KINDS):
        model, folder = model_of(kind, 40 + number)
        notes = Notes()
        text_tokens = 512 if "image_dim" in KINDS[kind] else 7
        notes["prompt"] = draw(100 + number, 2, text_tokens, TINY["text_dim"])
        notes["prompt"][:, text_tokens * 2 // 3 :] = 0
        if "image_dim" in KINDS[kind]:
            images = 4 if "pos_embed_seq_len" in KINDS[kind] else 2
            notes["image"] = draw(200 + number, images, IMAGE_TOKENS, KINDS[kind]["image_dim"])
        for case, (batch, *sizes) in CASES.items():
            notes[f"{case}.latents"] = draw(300 + number, batch, KINDS[kind]["in_channels"], *sizes)
            notes[f"{case}.timestep"] = timestep_of(kind, case)
            asked = inputs(kind, notes, case, batch)
            if case == "batch":
                watch(notes, model)
            notes[f"{case}.output"] = model(**asked).sample
            if case == "batch":
                notes.done()
        asked = inputs(kind, notes, "batch", 2)
        print(kind, "changes of", f"{notes['batch.output'].abs().max():.2f}")
        changes(model, asked, notes["batch.output"])
        half = WanTransformer3DModel.from_pretrained(folder, torch_dtype=torch.bfloat16)
        cast = {key: value if key == "timestep" else value.to(torch.bfloat16) for key, value in asked.items()}
        notes["batch.output.bfloat16"] = half(**cast).sample
        kept = [name for name, value in half.named_parameters() if value.dtype == torch.float32]
        error = (notes["batch.output.bfloat16"].float() - notes["batch.output"]).norm() / notes["batch.output"].norm()
        print(f"    bfloat16: {error:.4f}, {len(kept)} tensors in float32")
        path = GOLDENS / "wan" / f"transformer-{kind}.safetensors"
        save_tensors(path, notes, versions())
        print("   ", path.name, path.stat().st_size, "bytes", sum(f.stat().st_size for f in folder.iterdir()))


if __name__ == "__main__":
    main()

"""Writes a tiny UMT5 encoder as Wan's checkpoints hold one, and what transformers encodes with it.

The checkpoint goes to Tests/Goldens/checkpoints/wan-umt5/text_encoder, the golden to Tests/Goldens/wan/umt5.safetensors:
`input_ids` and `attention_mask` `[batch, tokens]`, `block.N` after block N, `last_hidden_state`, `unmasked` (no mask
given), `float16` (weights in half precision, but for those that the reference keeps in single precision).
"""

from common import CHECKPOINTS, GOLDENS, redraw, save_tensors, versions, write_json

import torch
from transformers import UMT5Config, UMT5EncoderModel

FOLDER = CHECKPOINTS / "wan-umt5" / "text_encoder"
# No width is a power of two; 37 tokens are further apart than the last distance with a bucket of its own.
CONFIG = dict(
    vocab_size=60, d_model=20, d_kv=6, d_ff=28, num_layers=3, num_heads=3, relative_attention_num_buckets=12,
    relative_attention_max_distance=24,
)  # fmt: skip
TOKENS = 37
# What the published file has beyond the class's own fields.
PUBLISHED = {
    "architectures": ["UMT5EncoderModel"], "output_past": True, "scalable_attention": True,
    "tie_word_embeddings": False, "tokenizer_class": "T5Tokenizer", "torch_dtype": "bfloat16",
}  # fmt: skip


def drawn(config, seed):
    """A random encoder."""
    return redraw(UMT5EncoderModel(UMT5Config(**config)), seed, gains={"SelfAttention.q": 0.5, ".wo": 0.7})


def save_weights(model, folder):
    """Writes what the published files hold: one of the two tied embeddings."""
    tensors = {name: value for name, value in model.state_dict().items() if name != "encoder.embed_tokens.weight"}
    save_tensors(folder / "model.safetensors", tensors, {"format": "pt"})


def checkpoint():
    """Makes, saves and returns the encoder."""
    model = drawn(CONFIG, seed=41)
    save_weights(model, FOLDER)
    config = {name: value for name, value in model.config.to_diff_dict().items() if name != "dtype"}
    write_json(FOLDER / "config.json", dict(sorted((config | PUBLISHED).items())))
    return model


def inputs():
    """Two texts, one of them padded after eleven tokens."""
    generator = torch.Generator().manual_seed(7)
    ids = torch.randint(3, CONFIG["vocab_size"], (2, TOKENS), generator=generator)
    mask = torch.ones(2, TOKENS, dtype=torch.long)
    ids[0, -1], ids[1, 10], ids[1, 11:], mask[1, 11:] = 1, 1, 0, 0
    return ids, mask


@torch.no_grad()
def main():
    model = checkpoint()
    ids, mask = inputs()
    notes = {"input_ids": ids, "attention_mask": mask}
    for number, block in enumerate(model.encoder.block):
        block.register_forward_hook(lambda _, __, output, n=number: notes.__setitem__(f"block.{n}", output.clone()))
    notes["last_hidden_state"] = model(ids, mask).last_hidden_state
    masked = dict(notes)
    masked["unmasked"] = model(ids).last_hidden_state
    half = UMT5EncoderModel.from_pretrained(FOLDER, dtype=torch.float16)
    assert half.encoder.block[0].layer[1].DenseReluDense.wo.weight.dtype == torch.float32
    masked["float16"] = half(ids, mask).last_hidden_state.float()
    path = GOLDENS / "wan" / "umt5.safetensors"
    save_tensors(path, masked, {"model": "wan-umt5"} | versions())
    print(path.name, path.stat().st_size, "bytes")
    for name, value in masked.items():
        print(f"    {name:30} {list(value.shape)} {value.float().abs().max():.3f} {value.float().std():.3f}")
    print("    mask moves", (masked["unmasked"] - masked["last_hidden_state"]).abs().max().item())
    print("    float16 moves", (masked["float16"] - masked["last_hidden_state"]).abs().max().item())


if __name__ == "__main__":
    main()

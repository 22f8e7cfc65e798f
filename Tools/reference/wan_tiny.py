"""Makes tiny random Wan checkpoints in the Diffusers layout, one for each kind of published checkpoint.

| folder               | stands for                | what is its own                                                   |
|----------------------|---------------------------|-------------------------------------------------------------------|
| wan2.1-tiny-t2v      | T2V 1.3B and 14B          |                                                                   |
| wan2.1-tiny-i2v      | I2V 14B 480P and 720P     | image encoder; 36 channels go in                                  |
| wan2.1-tiny-flf2v    | FLF2V 14B 720P            | as above, with position embeddings of two images                |
| wan2.2-tiny-t2v-a14b | T2V A14B                  | two transformers                                                  |
| wan2.2-tiny-i2v-a14b | I2V A14B                  | two transformers, 36 channels, no image encoder                   |
| wan2.2-tiny-ti2v-5b  | TI2V 5B                   | a time for each token; the autoencoder of 2.2 with 48 channels    |

The configs are the published ones with small sizes. As with the published checkpoints, text encoder, tokenizer, image
encoder and the autoencoder of 2.1 are the same bytes in all folders. Weights of transformers are stored in 16 bits,
which hold them exactly, of the first I2V expert in two shards; the keys of the image encoder have the prefix and the
projection of the published files.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from common import CHECKPOINTS, redraw, save_tensors, write_json

import torch
from diffusers import WanTransformer3DModel
from safetensors.torch import load_file
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

import wan_published
import wan_text
import wan_tokenizer
import wan_transformer
import wan_vae
from tiny_tokenizers import SENTENCES

TEXT = {
    "d_model": 12, "d_kv": 6, "d_ff": 28, "num_layers": 2, "num_decoder_layers": 2, "num_heads": 3,
    "relative_attention_num_buckets": 12, "relative_attention_max_distance": 24,
}  # fmt: skip
IMAGE = {
    "hidden_size": 14, "intermediate_size": 24, "num_hidden_layers": 3, "num_attention_heads": 2, "image_size": 20,
    "patch_size": 6, "projection_dim": 8,
}  # fmt: skip
IMAGE_TOKENS = (IMAGE["image_size"] // IMAGE["patch_size"]) ** 2 + 1
TRANSFORMER = {
    "attention_head_dim": 10, "num_attention_heads": 3, "num_layers": 2, "ffn_dim": 44, "freq_dim": 24,
    "text_dim": TEXT["d_model"],
}  # fmt: skip
VAES = {
    16: {"base_dim": 6, "dim_mult": [1, 1, 1, 2], "num_res_blocks": 1},
    48: {"base_dim": 4, "decoder_base_dim": 4, "dim_mult": [1, 2, 2, 2], "num_res_blocks": 1},
}
# Pieces of the tokenizer, of which 256 are bytes, and names for the gaps of the span corruption.
PIECES, EXTRA_IDS = 460, 5
FOLDERS = {
    "wan2.1-tiny-t2v": "wan2.1-t2v-1.3b",
    "wan2.1-tiny-i2v": "wan2.1-i2v-14b-480p",
    "wan2.1-tiny-flf2v": "wan2.1-flf2v-14b-720p",
    "wan2.2-tiny-t2v-a14b": "wan2.2-t2v-a14b",
    "wan2.2-tiny-i2v-a14b": "wan2.2-i2v-a14b",
    "wan2.2-tiny-ti2v-5b": "wan2.2-ti2v-5b",
}


def save_tokenizer(folder):
    """Writes a tokenizer with the structure of UMT5's; returns how many ids it has."""
    with tempfile.TemporaryDirectory() as scratch:
        model = wan_tokenizer.train(Path(scratch), SENTENCES, PIECES)
    model.trainer_spec.ClearField("model_prefix")  # in a scratch folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in wan_tokenizer.contents(model, EXTRA_IDS).items():
        compact = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        (folder / name).write_text(compact, encoding="utf-8")
    (folder / "spiece.model").write_bytes(model.SerializeToString(deterministic=True))
    return len(model.pieces) + EXTRA_IDS


def save_text_encoder(folder, config, ids):
    """The vocabulary is padded beyond the tokenizer's, as the published one's is."""
    config = config | TEXT | {"vocab_size": ids + 7}
    model = wan_text.drawn({key: value for key, value in config.items() if key != "torch_dtype"}, seed=3001)
    wan_text.save_weights(model, folder)
    write_json(folder / "config.json", config)


def save_image_encoder(folder):
    """CLIP's vision model with the projection, which nothing uses."""
    config = wan_published.IMAGE_ENCODER | IMAGE
    own = {key: value for key, value in config.items() if key not in ("torch_dtype", "transformers_version")}
    model = redraw(CLIPVisionModelWithProjection(CLIPVisionConfig(**own)), seed=3002, gains={"class_embedding": 1.0})
    state = model.state_dict()
    assert all(key.startswith(("vision_model.", "visual_projection.")) for key in state)
    save_tensors(folder / "model.safetensors", state, {"format": "pt"})
    write_json(folder / "config.json", config)


def save_image_processor(folder):
    """The published one's file with a small size."""
    side = IMAGE["image_size"]
    size = {"crop_size": {"height": side, "width": side}, "size": {"shortest_edge": side}}
    write_json(folder / "preprocessor_config.json", wan_published.IMAGE_PROCESSOR | size)


def save_vae(folder, config):
    """An autoencoder with the published means and deviations."""
    config = config | VAES[config["z_dim"]]
    own = {key: value for key, value in config.items() if key[0] != "_" and key != "clip_output"}
    model = wan_vae.drawn(own, seed=3003 + config["z_dim"])
    save_tensors(folder / "diffusion_pytorch_model.safetensors", model.state_dict(), {"format": "pt"})
    write_json(folder / "config.json", config)


def save_transformer(folder, config, seed, shards=1):
    """A transformer of the published kind."""
    config = config | TRANSFORMER
    if config["image_dim"] is not None:
        config |= {"image_dim": IMAGE["hidden_size"], "added_kv_proj_dim": 3 * config["attention_head_dim"]}
    if config.get("pos_embed_seq_len") is not None:
        config["pos_embed_seq_len"] = 2 * IMAGE_TOKENS
    own = {key: value for key, value in config.items() if key[0] != "_"}
    model = wan_transformer.drawn(own, seed)
    if shards == 1:
        wan_transformer.save(model, config, folder)
        return
    bfloat16 = WanTransformer3DModel(**own)
    bfloat16.load_state_dict(model.state_dict())
    bfloat16.to(torch.bfloat16).save_pretrained(folder, max_shard_size="60KB")
    write_json(folder / "config.json", config)


def make(folder, published, seed):
    """Writes one checkpoint into an empty folder."""
    index = published["model_index"]
    write_json(folder / "model_index.json", dict(sorted(index.items())))
    write_json(folder / "scheduler" / "scheduler_config.json", published["scheduler"])
    save_text_encoder(folder / "text_encoder", published["text_encoder"], save_tokenizer(folder / "tokenizer"))
    save_vae(folder / "vae", published["vae"])
    if wan_published.has(index, "image_encoder"):
        save_image_encoder(folder / "image_encoder")
        save_image_processor(folder / "image_processor")
    in_two = index["_class_name"] == "WanImageToVideoPipeline" and "boundary_ratio" in index
    save_transformer(folder / "transformer", published["transformer"], seed, shards=2 if in_two else 1)
    if wan_published.has(index, "transformer_2"):
        save_transformer(folder / "transformer_2", published["transformer"], seed + 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=CHECKPOINTS)
    output = parser.parse_args().output
    for number, (name, published) in enumerate(FOLDERS.items()):
        folder = output / name
        shutil.rmtree(folder, ignore_errors=True)
        make(folder, wan_published.CHECKPOINTS[published], 3100 + 10 * number)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        weights = sum(value.numel() for path in folder.rglob("*.safetensors") for value in load_file(path).values())
        print(f"{folder.name}: {size} bytes, {weights} numbers in weights")


if __name__ == "__main__":
    main()

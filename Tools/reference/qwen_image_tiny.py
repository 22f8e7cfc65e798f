"""Makes tiny random Qwen-Image checkpoints in the Diffusers layout.

| folder                         | stands for            | what is its own                                     |
|--------------------------------|-----------------------|-----------------------------------------------------|
| qwen-image-tiny                | Qwen-Image and -2512  |                                                     |
| qwen-image-edit-tiny           | Qwen-Image-Edit       | a processor                                         |
| qwen-image-edit-plus-tiny      | Qwen-Image-Edit-2509  | as above                                            |
| qwen-image-edit-plus-tiny-zero | Qwen-Image-Edit-2511  | as above, with `zero_cond_t`                        |

All have the same weights: three layers of Qwen2.5-VL with two of its vision tower, of which the first looks through
windows and whose patches have 4 pixels; two blocks of 2 heads x 10 with axes 2 4 4; an autoencoder of factor 8 with 4
channels. The keys of the text encoder are the published ones, from before transformers 5; the config has its fields
twice, as published.
"""

import argparse
import json
import shutil
from pathlib import Path

from common import CHECKPOINTS, redraw, save_tensors, write_json

from diffusers import AutoencoderKLQwenImage, QwenImageTransformer2DModel
from safetensors.torch import load_file
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

import qwen_image_published as published
import tiny_chat_tokenizers as tokenizers

SEED = 5000
TEXT = {
    "hidden_size": 12, "intermediate_size": 20, "num_attention_heads": 2, "num_key_value_heads": 1,
    "num_hidden_layers": 3, "max_window_layers": 3, "max_position_embeddings": 2048,
    "rope_scaling": {"mrope_section": [1, 1, 1], "rope_type": "default", "type": "default"},
}  # fmt: skip
VISION = {"depth": 2, "fullatt_block_indexes": [1], "hidden_size": 16, "intermediate_size": 12, "num_heads": 2,
          "out_hidden_size": 12, "patch_size": 4, "spatial_patch_size": 4, "window_size": 32}  # fmt: skip
TRANSFORMER = {"attention_head_dim": 10, "axes_dims_rope": [2, 4, 4], "in_channels": 16, "joint_attention_dim": 12,
               "num_attention_heads": 2, "num_layers": 2, "out_channels": 4}  # fmt: skip
VAE = {"base_dim": 4, "dim_mult": [1, 1, 1, 2], "num_res_blocks": 1, "z_dim": 4,
       "latents_mean": [-0.7571, 0.4134, 0.1075, -0.2921], "latents_std": [2.8184, 1.4541, 0.8251, 1.916]}  # fmt: skip
# What stands before prompts; the tokenizer knows its words, so that it has the published 34 and 64 tokens.
TEMPLATES = [
    "<|im_start|>system\nDescribe the image by detailing the color, shape, size, texture, quantity, text, spatial "
    "relationships of the objects and background:<|im_end|>\n<|im_start|>user\n",
    "<|im_start|>system\nDescribe the key features of the input image (color, shape, size, texture, objects, "
    "background), then explain how the user's text instruction should alter or modify the image. Generate a new image "
    "that meets the user's requirements while maintaining consistency with the original input where appropriate."
    "<|im_end|>\n<|im_start|>user\nPicture 1: ",
]


def make_text_encoder(first_token, vocabulary):
    """Qwen2.5-VL and its config; ids of its tokens are places behind the first added one."""
    ids = {"bos_token_id": first_token, "eos_token_id": first_token + 2}
    places = {"vision_start_token_id": 9, "vision_end_token_id": 10, "vision_token_id": 11, "image_token_id": 12,
              "video_token_id": 13}  # fmt: skip
    config = published.text_encoder(
        published.TEXT | TEXT | ids | {"vocab_size": vocabulary}, published.VISION | VISION, torch_dtype="float32",
        **{name: first_token + place for name, place in places.items()},
    )  # fmt: skip
    model = Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(**config)).float()
    gains = {"q_proj.weight": 1.5, "k_proj.weight": 1.5, "v_proj.weight": 1.5, "proj.bias": 3, "embed_tokens": 1.5,
             "patch_embed": 1.5, "qkv.weight": 1.3}  # fmt: skip
    return redraw(model, SEED + 1, gains=gains), config


def published_keys(model):
    """Qwen2.5-VL's tensors under the names of before transformers 5."""
    names = {"model.language_model.": "model.", "model.visual.": "visual.", "lm_head.": "lm_head."}
    tensors = {}
    for key, value in model.state_dict().items():
        old, new = next((old, new) for old, new in names.items() if key.startswith(old))
        tensors[new + key.removeprefix(old)] = value
    return tensors


def make_transformer(**fields):
    """The denoiser. Modulation comes half from the timestep and half from its biases."""
    model = QwenImageTransformer2DModel.from_config(published.TRANSFORMER | TRANSFORMER | fields)
    gains = {
        "mod.1.bias": 3, "norm_out.linear.bias": 3, "mod.1.weight": 0.6, "norm_out.linear.weight": 0.6,
        "timestep_embedder.linear_1.weight": 1.5, "norm_q": 1.6, "norm_k": 1.6, "norm_added": 1.6, "to_v.weight": 1.5,
        "add_v": 1.5, "to_out": 1.5, "to_add_out": 1.5, "txt_in.weight": 1.5,
    }  # fmt: skip
    return redraw(model, SEED + 3, gain=1.1, gains=gains)


def make_vae():
    """The autoencoder; what it decodes lies within about -1 to 1, where it clamps."""
    model = AutoencoderKLQwenImage.from_config(published.VAE | VAE)
    return redraw(model, SEED + 4, gain=1.1, gains={"decoder.conv_out.weight": 1.5, "decoder.conv_out.bias": 0.3})


def make(folder):
    """Writes the checkpoint of text to image into an empty folder."""
    vocabulary = tokenizers.save_qwen(folder / "tokenizer", tokenizers.QWEN_WORDS, TEMPLATES * 4, merges=260)
    first = vocabulary - len(tokenizers.QWEN_TOKENS) - len(tokenizers.QWEN_WORDS)
    text_encoder, config = make_text_encoder(first, vocabulary + 10)
    save_tensors(folder / "text_encoder" / "model.safetensors", published_keys(text_encoder), {"format": "pt"})
    write_json(folder / "text_encoder" / "config.json", config)
    make_transformer().save_pretrained(folder / "transformer")
    make_vae().save_pretrained(folder / "vae")
    for component in ("transformer", "vae"):
        path = folder / component / "config.json"
        write_json(path, {key: value for key, value in json.loads(path.read_text()).items() if key != "_name_or_path"})
    path = folder / "transformer" / "config.json"
    # Published before these were options.
    own = {"zero_cond_t", "use_additional_t_cond", "use_layer3d_rope"}
    write_json(path, {key: value for key, value in json.loads(path.read_text()).items() if key not in own})
    write_json(folder / "scheduler" / "scheduler_config.json", published.SCHEDULER)
    write_json(folder / "model_index.json", published.CHECKPOINTS["qwen-image"]["model_index"])


def make_edit(plain, folder, published_name):
    """Writes a checkpoint for edits: the other with a processor."""
    shutil.copytree(plain, folder)
    checkpoint = published.CHECKPOINTS[published_name]
    write_json(folder / "model_index.json", checkpoint["model_index"])
    path = folder / "transformer" / "config.json"
    if "zero_cond_t" in checkpoint["transformer"]:
        write_json(path, json.loads(path.read_text()) | {"zero_cond_t": True})
    shutil.copytree(folder / "tokenizer", folder / "processor")
    path = folder / "processor" / "preprocessor_config.json"
    write_json(path, published.IMAGE_PROCESSOR | {"min_pixels": 256, "patch_size": 4})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=CHECKPOINTS)
    output = parser.parse_args().output
    plain = "qwen-image-tiny"
    edits = {"qwen-image-edit-tiny": "qwen-image-edit", "qwen-image-edit-plus-tiny": "qwen-image-edit-2509",
             "qwen-image-edit-plus-tiny-zero": "qwen-image-edit-2511"}  # fmt: skip
    for name in (plain, *edits):
        folder = output / name
        shutil.rmtree(folder, ignore_errors=True)
        if name == plain:
            folder.mkdir(parents=True)
            make(folder)
        else:
            make_edit(output / plain, folder, edits[name])
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        weights = sum(value.numel() for path in folder.rglob("*.safetensors") for value in load_file(path).values())
        print(f"{folder.name}: {size} bytes, {weights} numbers in weights")


if __name__ == "__main__":
    main()

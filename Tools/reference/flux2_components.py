"""Writes Tests/Goldens/flux2/components-<model>.safetensors: inputs and inner values of each part of a FLUX.2 model.

Keys are `<component>.<value>`; a number in a key counts layers from 0. They are computed in float64 and stored in
float32, but the token ids and masks (int64). `flux2/floors.json` gets how far float32 is from them on this processor.
`image.*` is how a reference becomes tokens: the pixels that the autoencoder takes, its mean, the tokens, their places.
"""

import functools

import common  # noqa: F401

import torch
from PIL import Image

from flux1_cases import LONG
from flux2_cases import FOLDER
from flux2_exact import Exact, language_model
from image_goldens import write_components
from inputs import draw
from recording import Notes

TEXTS = ["A cat", LONG]
LENGTHS = {"dev": 80, "klein": 40, "klein-base": 40}
# Layers whose states are kept: first, those that make embeddings, and the last one, which nothing reads.
LAYERS = {"dev": [0, 1, 9, 19, 29], "klein": [0, 1, 8, 17, 26], "klein-base": [0, 8, 17, 26]}


def text_encoder(pipe, variant):
    """Two texts, of which one leaves room and the other is cut off."""
    notes, model = Notes(), language_model(pipe)
    notes.output(model.embed_tokens, "text_encoder.embeddings")
    notes.output(model.rotary_emb, "text_encoder.rotary.cos", "text_encoder.rotary.sin")
    for number in LAYERS[variant]:
        notes.output(model.layers[number], f"text_encoder.layers.{number}")
    notes.output(model.layers[0].self_attn, "text_encoder.layers.0.self_attn", None)

    def note_inputs(_, args, kwargs):
        for name in ("input_ids", "attention_mask"):
            notes[f"text_encoder.{name}"] = kwargs[name]

    notes.hooks.append(pipe.text_encoder.register_forward_pre_hook(note_inputs, with_kwargs=True))
    notes["text_encoder.prompt_embeds"] = pipe.encode_prompt(TEXTS, max_sequence_length=LENGTHS[variant])[0]
    notes.done()
    return notes


def transformer(pipe, variant):
    """Two calls: two samples at different times of 3 x 5 image tokens and 7 text tokens, and one with references."""
    notes, model = Notes(), pipe.transformer
    config, dtype = model.config, model.dtype
    references = [torch.zeros(1, 1, 2, 3), torch.zeros(1, 1, 4, 2)]
    image_ids = pipe._prepare_latent_ids(torch.zeros(1, 1, 3, 5))[0]
    reference_ids = pipe._prepare_image_ids(references)[0]
    inputs = {
        "hidden_states": draw(1, 2, 15, config.in_channels),
        "encoder_hidden_states": 3 * draw(2, 2, 7, config.joint_attention_dim),
        "timestep": torch.tensor([0.9375, 0.25]),
        "img_ids": image_ids,
        "txt_ids": pipe._prepare_text_ids(torch.zeros(1, 7, 1))[0],
    }
    if config.guidance_embeds:
        inputs["guidance"] = torch.tensor([3.5, 1.25])
    inputs = {name: value.to(dtype) if value.is_floating_point() else value for name, value in inputs.items()}
    notes |= {f"transformer.{name}": value for name, value in inputs.items()}
    notes.output(model.x_embedder, "transformer.x_embedder")
    notes.output(model.context_embedder, "transformer.context_embedder")
    notes.output(model.time_guidance_embed, "transformer.time_guidance_embed")
    for name in ("double_stream_modulation_img", "double_stream_modulation_txt", "single_stream_modulation"):
        notes.output(getattr(model, name), f"transformer.{name}")
    for number, block in enumerate(model.transformer_blocks):
        name = f"transformer.transformer_blocks.{number}"
        notes.output(block, f"{name}.encoder_hidden_states", f"{name}.hidden_states")
    for number, block in enumerate(model.single_transformer_blocks):
        notes.output(block, f"transformer.single_transformer_blocks.{number}")
    notes.output(model.norm_out, "transformer.norm_out")
    notes["transformer.output"] = model(**inputs).sample
    notes.done()
    # The tables are float32 in any case, and each call makes two.
    for name, ids in (("image", image_ids), ("reference", reference_ids), ("text", inputs["txt_ids"])):
        notes[f"transformer.rotary.{name}.cos"], notes[f"transformer.rotary.{name}.sin"] = model.pos_embed(ids)
    tokens = draw(3, 1, 15 + len(reference_ids), config.in_channels).to(dtype)
    inputs |= {"hidden_states": tokens, "img_ids": torch.cat([image_ids, reference_ids])}
    for name in ("encoder_hidden_states", "timestep", "guidance"):
        if name in inputs:
            inputs[name] = inputs[name][:1]
    notes["transformer.references.hidden_states"] = tokens
    notes["transformer.references.img_ids"] = inputs["img_ids"]
    notes["transformer.references.output"] = model(**inputs).sample
    return notes


def vae(pipe, variant):
    """Encoding of two images that are not square; decoding of a random latent; the statistics of latents."""
    notes, model = Notes(), pipe.vae
    notes["vae.encode.input"] = draw(4, 2, 3, 48, 32).clamp(-1, 1).to(model.dtype)
    notes.output(model.encoder, "vae.encode.encoder")
    posterior = model.encode(notes["vae.encode.input"]).latent_dist
    notes["vae.encode.mean"], notes["vae.encode.logvar"] = posterior.mean, posterior.logvar
    notes["vae.decode.input"] = draw(5, 2, model.config.latent_channels, 4, 6).to(model.dtype)
    notes.output(model.post_quant_conv, "vae.decode.post_quant_conv")
    notes.output(model.decoder.mid_block, "vae.decode.mid_block")
    notes["vae.decode.output"] = model.decode(notes["vae.decode.input"]).sample
    notes.done()
    return notes


def image(pipe, variant):
    """A reference whose sides are no multiples of what a token covers."""
    notes, unit = Notes(), 2 * pipe.vae_scale_factor
    picture = Image.open(FOLDER / "pictures" / "odd.png")
    width, height = (side // unit * unit for side in picture.size)
    pixels = pipe.image_processor.preprocess(picture, height=height, width=width, resize_mode="crop")
    tokens, ids = pipe.prepare_image_latents([pixels], 1, None, "cpu", pipe.vae.dtype)
    notes |= {"image.pixels": pixels, "image.tokens": tokens, "image.ids": ids[0]}
    notes["image.mean"] = pipe.vae.encode(pixels.to(pipe.vae.dtype)).latent_dist.mean
    return notes


@torch.no_grad()
def notes(variant, dtype):
    """Everything of a model computed in a type."""
    exact = Exact(f"flux2-tiny-{variant}", dtype)
    result = {}
    with exact.mode:
        for part in (text_encoder,) if variant == "klein-base" else (text_encoder, transformer, vae, image):
            result |= part(exact.pipe, variant)
    return result


def main():
    for variant in LENGTHS:
        path = FOLDER / f"components-{variant}.safetensors"
        write_components(path, functools.partial(notes, variant), model=f"flux2-tiny-{variant}")


if __name__ == "__main__":
    main()

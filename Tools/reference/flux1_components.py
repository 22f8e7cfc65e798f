"""Writes Tests/Goldens/flux1/components-<variant>.safetensors: inputs and inner values of each part of a FLUX.1 model.

Keys are `<component>.<value>`; a number in a key counts layers from 0. They are computed in float64 and stored in
float32, but the token ids (int64). `flux1/floors.json` gets how far float32 is from them on this processor.
"""

import functools

from common import GOLDENS

import torch

from flux1_cases import LONG, TWO
from flux1_exact import Exact
from image_goldens import write_components
from inputs import draw
from recording import Notes

SAMPLE_SEED = 123


def clip(pipe):
    """Two texts of 77 tokens, one of them full."""
    notes, model = Notes(), pipe.text_encoder
    ids = pipe.tokenizer([TWO[0], LONG], padding="max_length", max_length=77, truncation=True, return_tensors="pt")
    notes["text_encoder.input_ids"] = ids.input_ids
    notes.output(model.embeddings, "text_encoder.embeddings")
    for number, layer in enumerate(model.encoder.layers):
        notes.output(layer, f"text_encoder.layers.{number}")
    result = model(ids.input_ids)
    notes["text_encoder.last_hidden_state"] = result.last_hidden_state
    notes["text_encoder.pooled"] = result.pooler_output
    notes.done()
    return notes


def t5(pipe):
    """One text in 140 tokens: longer than the 128 after which all distances share a bucket."""
    notes, model = Notes(), pipe.text_encoder_2
    ids = pipe.tokenizer_2([LONG], padding="max_length", max_length=140, truncation=True, return_tensors="pt").input_ids
    notes["text_encoder_2.input_ids"] = ids
    notes.output(model.encoder.embed_tokens, "text_encoder_2.embeddings")
    for number, block in enumerate(model.encoder.block):
        notes.output(block, f"text_encoder_2.block.{number}")
    notes["text_encoder_2.last_hidden_state"] = model(ids).last_hidden_state
    # [1, heads, 2, keys]: what the first and the last query add to their scores.
    bias = model.encoder.block[0].layer[0].SelfAttention.compute_bias(140, 140)
    notes["text_encoder_2.position_bias"] = bias[:, :, [0, -1]]
    notes.done()
    return notes


def transformer(pipe):
    """One call: two samples at different times, 3 x 5 image tokens, 7 text tokens."""
    notes, model = Notes(), pipe.transformer
    config, dtype = model.config, model.dtype
    inputs = {
        "hidden_states": draw(1, 2, 15, config.in_channels),
        "encoder_hidden_states": draw(2, 2, 7, config.joint_attention_dim),
        "pooled_projections": draw(3, 2, config.pooled_projection_dim),
        "timestep": torch.tensor([0.9375, 0.25]),
        "img_ids": pipe._prepare_latent_image_ids(2, 3, 5, "cpu", torch.float32),
        "txt_ids": torch.zeros(7, 3),
    }
    if config.guidance_embeds:
        inputs["guidance"] = torch.tensor([3.5, 1.25])
    inputs = {name: value.to(dtype) for name, value in inputs.items()}
    notes |= {f"transformer.{name}": value for name, value in inputs.items()}
    notes.output(model.x_embedder, "transformer.x_embedder")
    notes.output(model.context_embedder, "transformer.context_embedder")
    notes.output(model.time_text_embed, "transformer.time_text_embed")
    notes.output(model.pos_embed, "transformer.rotary.cos", "transformer.rotary.sin")
    for kind in ("transformer_blocks", "single_transformer_blocks"):
        for number, block in enumerate(getattr(model, kind)):
            name = f"transformer.{kind}.{number}"
            notes.output(block, f"{name}.encoder_hidden_states", f"{name}.hidden_states")
    notes.output(model.norm_out, "transformer.norm_out")
    notes["transformer.output"] = model(**inputs).sample
    notes.done()
    return notes


def vae(pipe):
    """Encoding of an image of two samples, not square, with a seeded draw; decoding of a random latent."""
    notes, model = Notes(), pipe.vae
    notes["vae.encode.input"] = draw(4, 2, 3, 48, 32).clamp(-1, 1).to(model.dtype)
    for number, block in enumerate(model.encoder.down_blocks):
        notes.output(block, f"vae.encode.down_blocks.{number}")
    notes.output(model.encoder.mid_block, "vae.encode.mid_block")
    posterior = model.encode(notes["vae.encode.input"]).latent_dist
    notes["vae.encode.mean"], notes["vae.encode.logvar"] = posterior.mean, posterior.logvar
    # What `posterior.sample` does, with a draw in float32 whatever the model computes in.
    noise = torch.randn(posterior.mean.shape, generator=torch.Generator("cpu").manual_seed(SAMPLE_SEED))
    notes["vae.encode.sample"] = posterior.mean + posterior.std * noise
    notes["vae.decode.input"] = draw(5, 2, model.config.latent_channels, 4, 6).to(model.dtype)
    notes.output(model.decoder.conv_in, "vae.decode.conv_in")
    notes.output(model.decoder.mid_block, "vae.decode.mid_block")
    for number, block in enumerate(model.decoder.up_blocks):
        notes.output(block, f"vae.decode.up_blocks.{number}")
    notes["vae.decode.output"] = model.decode(notes["vae.decode.input"]).sample
    notes.done()
    return notes


@torch.no_grad()
def notes(variant, dtype):
    """Everything of a model computed in a type."""
    exact = Exact(f"flux1-tiny-{variant}", dtype)
    with exact.mode:
        return clip(exact.pipe) | t5(exact.pipe) | transformer(exact.pipe) | vae(exact.pipe)


def main():
    for variant in ("dev", "schnell"):
        path = GOLDENS / "flux1" / f"components-{variant}.safetensors"
        described = {"model": f"flux1-tiny-{variant}", "vae_sample_seed": str(SAMPLE_SEED)}
        write_components(path, functools.partial(notes, variant), **described)


if __name__ == "__main__":
    main()

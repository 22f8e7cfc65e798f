"""Writes Tests/Goldens/qwen-image/components.safetensors: inputs and inner values of each part of Qwen-Image's models.

Keys are `<component>.<value>`; a number in a key counts layers from 0. They are computed in float64 and stored in
float32, but token ids, masks and places (int64). `qwen-image/floors.json` gets how far float32 is from them here.
`transformer.*` are calls of the plain model with a text that is padded and one that is not, `references.*` is a call
with two more images, and `zero.*` the same of a model with `zero_cond_t`. `vision.*` are two images of different sizes,
which the language model then reads at places in three dimensions (`multimodal.*`).
"""

import common  # noqa: F401

import torch

from flux1_cases import LONG
from image_goldens import write_components
from inputs import draw
from qwen_image_cases import FOLDER
from qwen_image_exact import Exact
from recording import Notes

# Rows and columns of patches of the images, of which four make a token; a window is 4 x 4 tokens.
GRIDS = [(8, 12), (6, 4)]


def text_encoder(pipe):
    """Two texts of different lengths."""
    notes, model = Notes(), pipe.text_encoder.model.language_model
    notes.output(model.embed_tokens, "text_encoder.embeddings")
    for number, layer in enumerate(model.layers):
        notes.output(layer, f"text_encoder.layers.{number}")
    notes.output(model.norm, "text_encoder.norm")

    def note_inputs(_, args, kwargs):
        for name in ("input_ids", "attention_mask"):
            notes[f"text_encoder.{name}"] = kwargs[name]

    notes.hooks.append(pipe.text_encoder.register_forward_pre_hook(note_inputs, with_kwargs=True))
    notes["text_encoder.prompt_embeds"], notes["text_encoder.prompt_embeds_mask"] = pipe.encode_prompt(["A cat", LONG])
    notes.done()
    return notes


def transformer(pipe):
    """Calls of two samples at different times, 3 x 5 image tokens, 7 text tokens."""
    notes, model = Notes(), pipe.transformer
    config, dtype = model.config, model.dtype
    inputs = {
        "hidden_states": draw(1, 2, 15, config.in_channels).to(dtype),
        "encoder_hidden_states": draw(2, 2, 7, config.joint_attention_dim).to(dtype),
        "timestep": torch.tensor([0.9375, 0.25]).to(dtype),
    }
    mask = torch.tensor([[1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0, 0]])
    shapes = [[(1, 3, 5)]] * 2
    notes |= {f"transformer.{name}": value for name, value in inputs.items()}
    notes["transformer.encoder_hidden_states_mask"] = mask
    notes.output(model.img_in, "transformer.img_in")
    notes.output(model.txt_norm, "transformer.txt_norm")
    notes.output(model.txt_in, "transformer.txt_in")
    notes.output(model.time_text_embed, "transformer.time_text_embed")
    for number, block in enumerate(model.transformer_blocks):
        name = f"transformer.transformer_blocks.{number}"
        notes.output(block, f"{name}.encoder_hidden_states", f"{name}.hidden_states")
    notes.output(model.norm_out, "transformer.norm_out")
    notes["transformer.output"] = model(**inputs, img_shapes=shapes).sample
    notes.done()
    notes["transformer.masked_output"] = model(**inputs, encoder_hidden_states_mask=mask, img_shapes=shapes).sample
    for name, table in zip(("image", "text"), model.pos_embed(shapes, max_txt_seq_len=7)):
        notes[f"transformer.rotary.{name}.cos"], notes[f"transformer.rotary.{name}.sin"] = table.real, table.imag
    return notes


def references(model, name):
    """A call with two images behind the one that is made."""
    shapes = [[(1, 3, 5), (1, 4, 2), (1, 1, 7)]] * 2
    inputs = {
        "hidden_states": draw(6, 2, 30, model.config.in_channels).to(model.dtype),
        "encoder_hidden_states": draw(2, 2, 7, model.config.joint_attention_dim).to(model.dtype),
        "timestep": torch.tensor([0.9375, 0.25]).to(model.dtype),
    }
    output = model(**inputs, img_shapes=shapes).sample
    notes = {f"{name}.hidden_states": inputs["hidden_states"], f"{name}.output": output}
    for part, table in zip(("image", "text"), model.pos_embed(shapes, max_txt_seq_len=7)):
        notes[f"{name}.rotary.{part}.cos"], notes[f"{name}.rotary.{part}.sin"] = table.real, table.imag
    return notes


def vae(pipe):
    """Encoding of two images that are not square; decoding of a random latent."""
    notes, model = Notes(), pipe.vae
    notes["vae.encode.input"] = draw(4, 2, 3, 1, 48, 32).clamp(-1, 1).to(model.dtype)
    posterior = model.encode(notes["vae.encode.input"]).latent_dist
    notes["vae.encode.mean"], notes["vae.encode.logvar"] = posterior.mean, posterior.logvar
    notes["vae.decode.input"] = draw(5, 2, model.config.z_dim, 1, 4, 6).to(model.dtype)
    notes.output(model.decoder.mid_block, "vae.decode.mid_block")
    notes["vae.decode.output"] = model.decode(notes["vae.decode.input"]).sample
    notes.done()
    return notes


def vision(pipe):
    """The vision tower, and the language model on what it sees."""
    notes, model = Notes(), pipe.text_encoder.model
    visual, config = model.visual, pipe.text_encoder.config
    grids = torch.tensor([[1, rows, columns] for rows, columns in GRIDS])
    patches = draw(7, int(grids.prod(-1).sum()), 3 * 2 * visual.config.patch_size**2)
    notes["vision.pixel_values"], notes["vision.image_grid_thw"] = patches.to(visual.dtype), grids
    notes.output(visual.patch_embed, "vision.patch_embed")
    for number, block in enumerate(visual.blocks):
        notes.output(block, f"vision.blocks.{number}")
    notes["vision.output"] = visual(notes["vision.pixel_values"], grid_thw=grids).pooler_output
    start, end, pad = config.vision_start_token_id, config.vision_end_token_id, config.image_token_id
    ids = [5, 6]
    for rows, columns in GRIDS:
        ids += [start, *[pad] * (rows * columns // 4), end, 9]
    ids = torch.tensor([[*ids, 10, 11]])
    kinds = (ids == pad).int()
    places, _ = model.get_rope_index(ids, mm_token_type_ids=kinds, image_grid_thw=grids)
    given = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "image_grid_thw": grids,
             "pixel_values": notes["vision.pixel_values"]}  # fmt: skip
    notes.done()
    notes["multimodal.input_ids"], notes["multimodal.position_ids"] = ids, places[-3:]
    notes["multimodal.three_dimensions"] = model(**given, mm_token_type_ids=kinds).last_hidden_state
    model.rope_deltas = None
    # As the pipelines of this version of diffusers call it.
    notes["multimodal.one_dimension"] = model(**given).last_hidden_state
    return notes


@torch.no_grad()
def notes(dtype):
    """Everything computed in a type."""
    exact = Exact("qwen-image-tiny", dtype)
    pipe = exact.pipe
    visual = pipe.text_encoder.model.visual.rotary_pos_emb
    exact.mode.fixed_angles(visual, 10000.0, 2 * len(visual.inv_freq))
    with exact.mode:
        result = text_encoder(pipe) | transformer(pipe) | references(pipe.transformer, "references") | vae(pipe)
        result |= vision(pipe)
        pipe.transformer.zero_cond_t = True
        for block in pipe.transformer.transformer_blocks:
            block.zero_cond_t = True
        zero = references(pipe.transformer, "zero")
        return result | {name: value for name, value in zero.items() if "rotary" not in name}


def main():
    write_components(FOLDER / "components.safetensors", notes, model="qwen-image-tiny")


if __name__ == "__main__":
    main()

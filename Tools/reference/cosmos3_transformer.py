"""Writes Tests/Goldens/cosmos3/transformer-<checkpoint>.safetensors, positions.safetensors and sound-tokenizer.safetensors.

They are computed in float64 and stored in float32; `cosmos3/floors.json` gets how far float32 is from them on this
processor.

A transformer's inputs are `<case>.input_ids`, `<case>.latents` `[1, channels, frames, height, width]`, `<case>.sound`
`[channels, length]`, `<case>.timestep`, `<case>.fps` and `<case>.held` `[frames]`, 1 where a frame is given. It gives
`<case>.output.video` and `.output.sound`, and on the way, with `n` tokens of text and `m` of what is made:

| name                              | shape                | what it is                                                       |
|-----------------------------------|----------------------|------------------------------------------------------------------|
| `<case>.position_ids`             | `[3, n + m]`         | places in time, height and width                                 |
| `<case>.cos`, `.sin`              | `[n + m, head]`      | the rotary tables                                                |
| `<case>.layer.N.text`             | `[n, width]`         | text behind a layer                                              |
| `<case>.layer.N.generation`       | `[m, width]`         | what is made behind a layer; `begun` before the first            |
| `<case>.text_key.N`, `text_value` | `[n, key heads, head]` | what the generation sees of the text: normed, turned; as it is |
| `<case>.output.*.bfloat16`        |                      | diffusers' own bfloat16                                          |

`positions.safetensors` has positions of texts, videos and sounds, and the published rotary tables of some of them;
`sound-tokenizer.safetensors` what the sound's decoder makes of latents.
"""

import common  # noqa: F401

import functools

import torch
from diffusers.models.autoencoders.autoencoder_cosmos3_audio import Cosmos3AVAEAudioTokenizer
from diffusers.models.transformers import transformer_cosmos3
from diffusers.models.transformers.transformer_cosmos3 import Cosmos3VLTextRotaryEmbedding

from common import CHECKPOINTS, GOLDENS
from cosmos3_cases import load
from cosmos3_exact import exact
from exact import Exactly
from image_goldens import write_components
from inputs import draw
from recording import Notes, noted

FOLDER = GOLDENS / "cosmos3"
# Tokens of text; frames, height and width of the latents; length of the sound; frames a second; time; given frames.
CASES = {
    "cosmos3-tiny": {
        "image": (7, (1, 3, 4), 0, 24.0, 995, []), "video": (12, (3, 2, 3), 0, 30.0, 873, []),
        "held": (9, (3, 3, 2), 7, 24.0, 128, [0]), "sound": (5, (2, 2, 2), 9, 16.0, 609, []),
    },
    "cosmos3-tiny-super": {
        "image": (6, (1, 2, 3), 0, 24.0, 833.3333129882812, []), "held": (11, (2, 3, 3), 0, 23.976, 1000.0, [0]),
    },
}  # fmt: skip
# Tokens of text; frames, height and width in patches; frames a second; length of the sound.
POSITIONS = {
    "image": (3, (1, 4, 5), 24.0, 0), "video": (411, (48, 1, 2), 24.0, 197), "fast": (1000, (7, 2, 1), 60.0, 13),
    "slow": (57, (9, 1, 1), 5.0, 45), "odd": (130, (30, 1, 1), 23.976, 121), "one": (1, (2, 1, 1), 30.0, 1),
}  # fmt: skip


def packed(pipe, tokens, latents, sound, fps, held):
    """What the pipeline prepares of a request for its transformer, and the positions."""
    text = pipe._prepare_text_segment(tokens, "cpu")
    offset, length = text["vision_start_temporal_offset"], text["und_len"]
    parts = [text, pipe._prepare_vision_segment(latents, bool(held), offset, fps, length, "cpu", held)]
    ids = [text["text_mrope_ids"], parts[1]["vision_mrope_ids"]]
    length += parts[1]["num_vision_tokens"]
    if sound is not None:
        rate = float(pipe.transformer.config.sound_latent_fps)
        parts.append(pipe._prepare_sound_segment(sound, offset, rate, length, "cpu"))
        ids.append(parts[2]["sound_mrope_ids"])
        length += parts[2]["sound_len"]
    everything = {name: value for part in parts for name, value in part.items()}
    return everything | {"position_ids": torch.cat(ids, dim=1), "sequence_length": length}


FIELDS = (
    "input_ids text_indexes position_ids und_len sequence_length vision_token_shapes vision_sequence_indexes "
    "vision_mse_loss_indexes vision_noisy_frame_indexes sound_token_shapes sound_sequence_indexes sound_mse_loss_indexes "
    "sound_noisy_frame_indexes"
).split()


def arguments(pipe, given):
    """The call of the pipeline for the inputs of a case."""
    sound, time, dtype = given.get("sound"), given["timestep"].item(), pipe.transformer.dtype
    everything = packed(pipe, given["input_ids"].tolist(), given["latents"], sound, given["fps"].item(),
                        given["held"].nonzero().flatten().tolist())  # fmt: skip
    call = {name: everything.get(name) for name in FIELDS}
    call |= {"vision_tokens": [given["latents"].to(dtype)],
             "vision_timesteps": torch.full((everything["num_noisy_vision_tokens"],), time)}  # fmt: skip
    if sound is not None:
        call |= {"sound_tokens": [sound.to(dtype)], "sound_timesteps": torch.full((everything["sound_len"],), time)}
    return call


def inputs(pipe, model, case, seed):
    """What is drawn for a case."""
    tokens, shape, length, fps, time, held = CASES[model][case]
    config = pipe.transformer.config
    ids = (draw(seed, tokens).abs() * 200).long() % config.vocab_size
    given = {"input_ids": ids, "latents": draw(seed + 1, 1, config.latent_channel, *shape), "timestep": torch.tensor(time),
             "fps": torch.tensor(fps, dtype=torch.float64),
             "held": torch.tensor([int(frame in held) for frame in range(shape[0])])}  # fmt: skip
    return given | ({"sound": draw(seed + 2, config.sound_dim, length)} if length else {})


def watch(notes, model, case):
    """Notes inner values of the next call; returns what ends it."""
    notes.output(model.rotary_emb, f"{case}.cos", f"{case}.sin")
    for number, layer in enumerate(model.layers):
        notes.output(layer, f"{case}.layer.{number}.text", f"{case}.layer.{number}.generation")

    def begun(_, args):
        notes[f"{case}.begun"] = args[1].clone()

    notes.hooks.append(model.layers[0].register_forward_pre_hook(begun))
    seen = []

    def attention(args, _):
        """The text's attention comes first in each layer."""
        seen.append(None)
        if len(seen) % 2:
            for name, value in (("text_key", args[1]), ("text_value", args[2])):
                notes[f"{case}.{name}.{len(seen) // 2}"] = value[0].clone()

    return noted(transformer_cosmos3, "dispatch_attention_fn", attention)


@torch.no_grad()
def transformer(model, dtype):
    """Everything of a transformer, computed in a type."""
    pipe, mode = exact(load(model), dtype)
    half = load(model, torch.bfloat16)
    notes = Notes()
    for number, case in enumerate(CASES[model]):
        given = inputs(pipe, model, case, 1000 + 10 * number)
        notes |= {f"{case}.{name}": value for name, value in given.items()}
        call = arguments(pipe, given)
        notes[f"{case}.position_ids"] = call["position_ids"].float()
        undo = watch(notes, pipe.transformer, case)
        with mode:
            video, sound, _ = pipe.transformer(**call, return_dict=False)
        undo()
        notes.done()
        notes.hooks.clear()
        rounded_video, rounded_sound, _ = half.transformer(**arguments(half, given), return_dict=False)
        notes |= {f"{case}.output.video": video[0], f"{case}.output.video.bfloat16": rounded_video[0]}
        if sound is not None:
            notes |= {f"{case}.output.sound": sound[0], f"{case}.output.sound.bfloat16": rounded_sound[0]}
        for name in ("cos", "sin"):
            notes[f"{case}.{name}"] = notes[f"{case}.{name}"].squeeze(0)
    return notes


@torch.no_grad()
def positions(dtype):
    """Positions, and of every ninth one the tables of the published sizes."""
    pipe, mode = load("cosmos3-tiny"), Exactly()
    rotary = Cosmos3VLTextRotaryEmbedding(128, 5000000.0, (24, 20, 20))
    exponents = torch.arange(0, 128, 2, dtype=torch.float) / 128
    rotary.inv_freq = 1.0 / (5000000.0 ** exponents.double()).float()
    mode.fixed(rotary, "forward")
    notes = {}
    for case, (tokens, shape, fps, length) in POSITIONS.items():
        frames, height, width = shape
        latents = torch.zeros(1, 1, frames, 2 * height, 2 * width)
        ids = packed(pipe, [0] * tokens, latents, torch.zeros(1, length) if length else None, fps, [])["position_ids"]
        notes[f"{case}.sizes"] = torch.tensor([tokens, *shape, length])
        notes[f"{case}.fps"] = torch.tensor(fps, dtype=torch.float64)
        notes[f"{case}.position_ids"] = ids[:, tokens:].float()  # those of the text count up
        if case in ("image", "slow"):
            with mode:
                cos, sin = rotary(ids[:, None, ::9], "cpu", dtype)
            notes |= {f"{case}.cos": cos[0], f"{case}.sin": sin[0]}
    return notes


@torch.no_grad()
def sound_tokenizer(dtype):
    """Two sounds, and one of a single latent."""
    folder = CHECKPOINTS / "cosmos3-tiny" / "sound_tokenizer"
    model = Cosmos3AVAEAudioTokenizer.from_pretrained(folder, dtype=torch.float32, local_files_only=True).to(dtype)
    notes = Notes()
    for number, (case, batch, length) in enumerate((("pair", 2, 5), ("one", 1, 1))):
        latents = draw(2000 + number, batch, model.config.vocoder_input_dim, length)
        if case == "one":
            notes.output(model.decoder.conv1, "one.conv1")
            for block, module in enumerate(model.decoder.block):
                notes.output(module, f"one.block.{block}")
                notes.output(module.conv_t1, f"one.block.{block}.conv_t1")
            notes.output(model.decoder.snake1, "one.snake1")
        notes[f"{case}.input"], notes[f"{case}.output"] = latents, model.decode(latents.to(dtype))
        notes.done()
    return notes


def main():
    for model in CASES:
        write_components(FOLDER / f"transformer-{model}.safetensors", functools.partial(transformer, model), model=model)
    write_components(FOLDER / "positions.safetensors", positions)
    write_components(FOLDER / "sound-tokenizer.safetensors", sound_tokenizer, model="cosmos3-tiny")


if __name__ == "__main__":
    main()

"""Writes Tests/Goldens/ltx2/transformer-<version>.safetensors and connectors-<version>.safetensors.

They are computed in float64 and stored in float32; `ltx2/floors.json` gets how far float32 is from them on this processor.

The transformer's inputs are `<case>.video`, `<case>.audio` (packed latents), `<case>.video_text`, `<case>.audio_text`
(what the connectors give, of different texts), `<case>.sizes` (frames, height, width
of the video latents, length of the audio), `<case>.timestep` (for each video, or for each token of it) and `<case>.sigma`
(for each video). Outputs are `<case>.output.video` and `.audio`, and of each block `<case>.block.N.video` and `.audio`.

| case              | what it is                                                                           |
|-------------------|--------------------------------------------------------------------------------------|
| batch             | two videos; also tables, embeddings of the times and of the text; bfloat16 outputs   |
| odd               | one video of other sizes, 30 frames a second                                         |
| image             | frame 0 is given: its tokens have time 0, but not the sound and not the other side   |
| image_own_time    | the same with `use_cross_timestep` off                                               |
| isolated          | `batch` without attention between the modalities                                     |
| perturbed         | `batch` with block 1 perturbed (2.3)                                                 |

The connectors' inputs are `hidden` `[texts, tokens, width, layers]` and `mask` `[texts, tokens]`, padded in front.
"""

import common  # noqa: F401

import functools

import torch
from diffusers import LTX2VideoTransformer3DModel
from diffusers.pipelines.ltx2 import LTX2TextConnectors

from common import CHECKPOINTS, GOLDENS
from image_goldens import write_components
from inputs import draw
from ltx2_exact import exactly
from recording import Notes

VERSIONS = {"2.0": "ltx2-tiny", "2.3": "ltx2.3-tiny"}
TOKENS = 16
# Batch; frames, height, width and length of the audio; frames a second; time.
CASES = {
    "batch": (2, (2, 2, 3, 9), 24.0, 875.0), "odd": (1, (3, 1, 5, 14), 30.0, 12.5), "image": (2, (3, 2, 2, 7), 24.0, 609.375),
}  # fmt: skip
LIKE = {"image_own_time": ("image", {"use_cross_timestep": False}), "isolated": ("batch", {"isolate_modalities": True}),
        "perturbed": ("batch", {"spatio_temporal_guidance_blocks": [1]})}  # fmt: skip


def loaded(kind, version, name, dtype):
    return kind.from_pretrained(CHECKPOINTS / VERSIONS[version] / name, dtype=dtype, local_files_only=True)


def inputs(model, case, seed):
    """What is drawn for a case."""
    batch, (frames, height, width, length), _, time = CASES[case]
    config, tokens = model.config, frames * height * width
    connected = {"video_text": config.cross_attention_dim, "audio_text": config.audio_cross_attention_dim}
    if config.use_prompt_embeddings:
        connected = dict.fromkeys(connected, config.caption_channels)
    timestep = torch.full((batch,), time)
    if case == "image":
        timestep = timestep[:, None].repeat(1, tokens)
        timestep[:, : height * width] = 0
    return {
        "video": draw(seed, batch, tokens, config.in_channels),
        "audio": draw(seed + 1, batch, length, config.audio_in_channels),
        **{name: draw(seed + 2 + n, batch, TOKENS, size) for n, (name, size) in enumerate(connected.items())},
        "sizes": torch.tensor([frames, height, width, length]),
        "timestep": timestep,
        "sigma": torch.full((batch,), time),
    }


def arguments(given, dtype, fps):
    """The call of the pipelines for the inputs of a case."""
    frames, height, width, length = given["sizes"].tolist()
    mask = torch.ones(given["video_text"].shape[:2], dtype=torch.int64)
    return {
        "hidden_states": given["video"].to(dtype), "audio_hidden_states": given["audio"].to(dtype),
        "encoder_hidden_states": given["video_text"].to(dtype), "audio_encoder_hidden_states": given["audio_text"].to(dtype),
        "timestep": given["timestep"], "audio_timestep": given["sigma"], "sigma": given["sigma"],
        "encoder_attention_mask": mask, "audio_encoder_attention_mask": mask,
        "num_frames": frames, "height": height, "width": width, "audio_num_frames": length, "fps": fps,
        "use_cross_timestep": True, "return_dict": False,
    }  # fmt: skip


def watch(notes, model, case):
    """Notes inner values of the next call."""
    for number, block in enumerate(model.transformer_blocks):
        notes.output(block, f"{case}.block.{number}.video", f"{case}.block.{number}.audio")
    if case != "batch":
        return
    for name in ("rope", "audio_rope", "cross_attn_rope", "cross_attn_audio_rope"):
        notes.output(getattr(model, name), f"{case}.{name}.cos", f"{case}.{name}.sin")
    for name in ("time_embed", "audio_time_embed"):
        notes.output(getattr(model, name), f"{case}.{name}", f"{case}.{name}.embedded")
    for name in ("av_cross_attn_video_scale_shift", "av_cross_attn_audio_scale_shift", "av_cross_attn_video_a2v_gate",
                 "av_cross_attn_audio_v2a_gate", "prompt_adaln", "audio_prompt_adaln"):  # fmt: skip
        if hasattr(model, name):
            notes.output(getattr(model, name), f"{case}.{name}", None)
    for name in ("proj_in", "audio_proj_in", "caption_projection", "audio_caption_projection"):
        if hasattr(model, name):
            notes.output(getattr(model, name), f"{case}.{name}")
    block = model.transformer_blocks[0]
    for name in ("attn1", "audio_attn1", "attn2", "audio_attn2", "audio_to_video_attn", "video_to_audio_attn", "ff", "audio_ff"):
        notes.output(getattr(block, name), f"{case}.block.0.{name}")


def run(notes, model, case, asked):
    """Notes a call, and with it inner values."""
    watch(notes, model, case)
    notes[f"{case}.output.video"], notes[f"{case}.output.audio"] = model(**asked)
    notes.done()
    notes.hooks.clear()


@torch.no_grad()
def transformer(version, dtype):
    """Everything of a transformer, computed in a type."""
    model, mode = exactly(loaded(LTX2VideoTransformer3DModel, version, "transformer", torch.float32), dtype)
    notes, calls = Notes(), {}
    with mode:
        for number, (case, (_, _, fps, _)) in enumerate(CASES.items()):
            given = inputs(model, case, 1000 + 10 * number)
            notes |= {f"{case}.{name}": value for name, value in given.items()} | {f"{case}.fps": torch.tensor(fps)}
            calls[case] = arguments(given, dtype, fps)
            run(notes, model, case, calls[case])
        for case, (like, changes) in LIKE.items():
            if case != "perturbed" or model.config.perturbed_attn:
                run(notes, model, case, calls[like] | changes)
    half = loaded(LTX2VideoTransformer3DModel, version, "transformer", torch.bfloat16)
    asked = arguments({name.removeprefix("batch."): notes[name] for name in list(notes) if name.startswith("batch.")},
                      torch.bfloat16, CASES["batch"][2])  # fmt: skip
    for name, value in zip(("video", "audio"), half(**asked)):
        notes[f"batch.output.{name}.bfloat16"] = value
    return notes


def note_input(notes, module, name):
    """Notes what a module is given first."""
    notes.hooks.append(module.register_forward_pre_hook(lambda _, args: notes.__setitem__(name, args[0])))


@torch.no_grad()
def connectors(version, dtype):
    """Two texts: one leaves room, one fills its row."""
    model, mode = exactly(loaded(LTX2TextConnectors, version, "connectors", torch.float32), dtype)
    notes, config = Notes(), model.config
    hidden = draw(1100, 2, 2 * TOKENS, config.caption_channels, config.text_proj_in_factor)
    hidden = 2 * hidden + draw(1101, config.text_proj_in_factor)  # with a mean for each layer
    mask = torch.zeros(2, 2 * TOKENS, dtype=torch.int64)
    for row, length in enumerate([13, 2 * TOKENS]):
        mask[row, -length:] = 1
    notes |= {"hidden": hidden, "mask": mask}
    for side in ("video", "audio"):
        connector = getattr(model, f"{side}_connector")
        notes.output(connector.rope, f"{side}.rope.cos", f"{side}.rope.sin")
        for number, block in enumerate(connector.transformer_blocks):
            notes.output(block, f"{side}.block.{number}")
        note_input(notes, connector.transformer_blocks[0], f"{side}.begun")
    for name in ("text_proj_in", "video_text_proj_in", "audio_text_proj_in"):
        if hasattr(model, name):
            notes.output(getattr(model, name), name)
            if not name.startswith("audio"):  # the video's in another scale
                note_input(notes, getattr(model, name), f"{name}.input")
    with mode:
        notes["video"], notes["audio"], connected = model(hidden.to(dtype).flatten(2), mask)
    notes.done()
    assert connected.all()
    half = loaded(LTX2TextConnectors, version, "connectors", torch.bfloat16)
    notes["video.bfloat16"], notes["audio.bfloat16"], _ = half(hidden.bfloat16().flatten(2), mask)
    return notes


def main():
    for version, checkpoint in VERSIONS.items():
        for part in (transformer, connectors):
            path = GOLDENS / "ltx2" / f"{part.__name__}-{version}.safetensors"
            write_components(path, functools.partial(part, version), model=checkpoint)


if __name__ == "__main__":
    main()

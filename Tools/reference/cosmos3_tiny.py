"""Makes tiny random Cosmos3 checkpoints in the Diffusers layout, as diffusers' own pipeline saves them.

|                 | cosmos3-tiny                              | cosmos3-tiny-super                             |
|-----------------|-------------------------------------------|------------------------------------------------|
| stands for      | Nano                                      | Super                                          |
| transformer     | 3 layers, 32 wide, 4 heads x 8, 2 of keys | 2 layers, 40 wide, 8 heads x 8, 4 of keys      |
| its config      | as diffusers writes it                    | as published: without diffusers' newer fields  |
| sound           | 6 channels, 8 kHz, 320 samples a latent   | none                                           |
| action          | tables that nothing here uses             | none                                           |
| model_index     | `Cosmos3OmniPipeline`                     | `Cosmos3OmniMoTPipeline`, without any setting  |

Both have the same tokenizer and autoencoder, Wan 2.2's with 6 channels. Frequencies of the positions fall to a hundredth,
so that each of them shows. `cosmos3-tiny-distilled` holds what a 4-step checkpoint has of its own: `model_index.json`,
`modular_model_index.json` and `scheduler`; the rest is the second checkpoint's. Weights are those that bfloat16 holds, and
are stored in it.
"""

import argparse
import inspect
import json
import shutil
import tempfile
from pathlib import Path

from common import CHECKPOINTS, redraw, write_json

import torch
from diffusers import AutoencoderKLWan, Cosmos3OmniPipeline, Cosmos3OmniTransformer, UniPCMultistepScheduler
from diffusers.models.autoencoders.autoencoder_cosmos3_audio import Cosmos3AVAEAudioTokenizer
from transformers import AutoTokenizer

import cosmos3_published as published
import tiny_chat_tokenizers as tokenizers
from inputs import draw

LATENTS, SOUND = 6, 6
VAE = {
    "base_dim": 3, "decoder_base_dim": 4, "dim_mult": [1, 2, 2, 2], "num_res_blocks": 1, "z_dim": LATENTS,
    "latents_mean": published.VAE["latents_mean"][:LATENTS], "latents_std": published.VAE["latents_std"][:LATENTS],
}  # fmt: skip
SOUND_TOKENIZER = {
    "dec_c_mults": [1, 2, 4, 8], "dec_dim": 4, "dec_strides": [2, 4, 5, 8], "enc_c_mults": [1, 2], "enc_dim": 4,
    "enc_hop_length": 4, "enc_latent_dim": 2 * SOUND, "enc_n_fft": 8, "enc_num_blocks": 1, "enc_strides": [8, 10],
    "hop_size": 320, "sampling_rate": 8000, "vocoder_input_dim": SOUND,
}  # fmt: skip
TRANSFORMER = {
    "head_dim": 8, "latent_channel": LATENTS, "patch_latent_dim": 4 * LATENTS, "rope_theta": 100,
    "rope_scaling": {"mrope_interleaved": True, "mrope_section": [2, 1, 1], "rope_type": "default"},
}  # fmt: skip
TRANSFORMERS = {
    "cosmos3-tiny": TRANSFORMER | {
        "hidden_size": 32, "intermediate_size": 44, "num_attention_heads": 4, "num_hidden_layers": 3,
        "num_key_value_heads": 2, "sound_dim": SOUND, "action_dim": 3, "num_embodiment_domains": 2,
    },
    "cosmos3-tiny-super": TRANSFORMER | {
        "hidden_size": 40, "intermediate_size": 60, "num_attention_heads": 8, "num_hidden_layers": 2,
        "num_key_value_heads": 4, "sound_gen": False, "sound_dim": None, "action_gen": False, "action_dim": None,
    },
}  # fmt: skip
GAINS = {
    "transformer": {"norm_q": 1.5, "norm_k": 1.5, "norm_added": 1.5, "to_v.": 1.5, "add_v": 1.5, "to_out": 1.3,
                    "to_add_out": 1.3, "down_proj": 1.2, "time_embedder.linear_1": 1.5, "time_embedder.linear_2": 2.0,
                    "embed_tokens": 0.8, "proj_in.weight": 1.4, "proj_out.bias": 3.0, "modality_embed": 0.7},
    "vae": {},
    "sound_tokenizer": {"conv_t1.weight_g": 1.3, "res_unit": 0.35, "decoder.conv2.weight_g": 0.11},
}  # fmt: skip
SEEDS = {"transformer": 6000, "vae": 6100, "sound_tokenizer": 6200}
# Fields of the transformer's config that came after the published checkpoints.
LATER = ("rope_axes_dim", "use_und_k_norm_for_gen")
SETTINGS = ("default_use_system_prompt", "enable_safety_checker", "use_native_flow_schedule", "safety_checker", "sound_tokenizer")
# The system prompts and what is said of sizes, for the tokenizer.
TEXTS = [
    "You are a helpful assistant who will generate videos from a give prompt.",
    "You are a helpful assistant who will generate images from a give prompt.",
    "The video is not 7.9 seconds long and is not of 24 FPS. This video is of 720x1280 resolution.",
    "This image is not of 720x1280 resolution.",
] * 4  # fmt: skip
# What the published template does for our conversations: text as it is or in blocks, no system text of its own.
TEMPLATE = """\
{%- for message in messages %}
    {{- '<|im_start|>' + message.role + '\\n' }}
    {%- if message.content is string %}
        {{- message.content }}
    {%- else %}
        {%- for block in message.content %}
            {%- if 'text' in block %}
                {{- block.text }}
            {%- endif %}
        {%- endfor %}
    {%- endif %}
    {{- '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""


def own(config, kind):
    """What a class takes of a config."""
    known = set(inspect.signature(kind.__init__).parameters)
    return {key: value for key, value in config.items() if key in known and key != "dtype"}


def rounded(model):
    """The model with numbers that bfloat16 holds exactly."""
    with torch.no_grad():
        for tensor in [*model.parameters(), *model.buffers()]:
            tensor.copy_(tensor.bfloat16().float())
    return model


def drawn(name, model, seed):
    """A random component."""
    redraw(model, seed, gains=GAINS[name])
    with torch.no_grad():
        for number, (key, parameter) in enumerate(sorted(model.named_parameters())):
            if key.endswith("modality_embed"):  # a vector, not a norm
                parameter.copy_((parameter - GAINS[name]["modality_embed"]) / 0.3)
            elif key.endswith("weight_g"):
                factor = next((value for part, value in GAINS[name].items() if part in key), 1.0)
                parameter.copy_((1 + 0.3 * draw(seed + number, *parameter.shape)) * factor)
            elif key.endswith((".alpha", ".beta")):
                parameter.copy_(0.4 * draw(seed + number, *parameter.shape))
            elif key.endswith("gamma"):
                parameter.copy_(1 + 0.3 * draw(seed + number, *parameter.shape))
        if name == "vae":
            model.decoder.conv_out.weight *= 0.8
    return rounded(model)


def component(name, kind, sizes, model=None):
    """A component with the published config but for some sizes."""
    config = published.CHECKPOINTS["cosmos3-nano"][name] | sizes
    seed = SEEDS[name] + (10 if model == "cosmos3-tiny-super" else 0)
    return drawn(name, kind(**own(config, kind)), seed)


def tokenizer():
    """The tokenizer as transformers reads it, and how many ids it has."""
    with tempfile.TemporaryDirectory() as scratch:
        count = tokenizers.save_qwen(Path(scratch), tokenizers.QWEN_3_WORDS, TEXTS, 180, TEMPLATE)
        return AutoTokenizer.from_pretrained(scratch), count


def edit(path, change):
    """Changes a JSON file."""
    value = json.loads(path.read_text())
    change(value)
    write_json(path, value)


def without(*names):
    """A change that takes fields away."""

    def change(value):
        for name in names:
            value.pop(name, None)

    return change


def as_published(folder):
    """Writes index and config as they were before diffusers' own pipeline."""
    edit(folder / "model_index.json", without(*SETTINGS))
    edit(folder / "model_index.json", lambda index: index.update(_class_name="Cosmos3OmniMoTPipeline"))
    edit(folder / "transformer" / "config.json", without(*LATER))
    known = own(published.TRANSFORMER, Cosmos3OmniTransformer)
    fields = {key: value for key, value in published.TRANSFORMER.items() if key not in known and key[0] != "_"}
    del fields["max_action_dim"]
    edit(folder / "transformer" / "config.json", lambda config: config.update(fields))


def make(name, folder):
    """Writes a checkpoint into an empty folder."""
    text, ids = tokenizer()
    has_sound = name == "cosmos3-tiny"
    pipe = Cosmos3OmniPipeline(
        transformer=component("transformer", Cosmos3OmniTransformer, TRANSFORMERS[name] | {"vocab_size": ids + 6}, name),
        text_tokenizer=text,
        vae=component("vae", AutoencoderKLWan, VAE),
        scheduler=UniPCMultistepScheduler.from_config(published.SCHEDULER),
        sound_tokenizer=component("sound_tokenizer", Cosmos3AVAEAudioTokenizer, SOUND_TOKENIZER) if has_sound else None,
        enable_safety_checker=False,
    )
    pipe.to(dtype=torch.bfloat16)
    pipe.save_pretrained(folder)
    for path in folder.rglob("config.json"):
        edit(path, without("_name_or_path"))
    edit(folder / "model_index.json", without("_name_or_path"))
    edit(folder / "text_tokenizer" / "tokenizer_config.json", without("is_local", "local_files_only"))
    if not has_sound:
        as_published(folder)


def make_distilled(folder):
    """Writes what a distilled checkpoint has of its own."""
    write_json(folder / "model_index.json", published.INDEX_DISTILLED)
    write_json(folder / "scheduler" / "scheduler_config.json", published.SCHEDULER_DISTILLED)
    write_json(folder / "modular_model_index.json", {
        "_blocks_class_name": "Cosmos3DistilledBlocks", "_class_name": "Cosmos3DistilledModularPipeline",
        "_diffusers_version": published.NEW, "default_use_system_prompt": True, "distilled_sigmas": published.SIGMAS,
        "enable_safety_checker": True, "is_distilled": True,
    })  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=CHECKPOINTS)
    output = parser.parse_args().output
    for name in (*TRANSFORMERS, "cosmos3-tiny-distilled"):
        folder = output / name
        shutil.rmtree(folder, ignore_errors=True)
        make_distilled(folder) if name.endswith("distilled") else make(name, folder)
        print(f"{name}: {sum(path.stat().st_size for path in folder.rglob('*') if path.is_file())} bytes")
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                print(f"    {str(path.relative_to(folder)):60} {path.stat().st_size:8}")


if __name__ == "__main__":
    main()

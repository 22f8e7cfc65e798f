"""Writes tiny decoder-only language models, and their states as transformers computes them in float64.

For each model a checkpoint Tests/Goldens/checkpoints/language-<name>/text_encoder, in bfloat16, under the keys that the
published files have, and a golden Tests/Goldens/language/<name>.safetensors:

    input_ids, attention_mask          `[texts, tokens]`
    state.N                            the embeddings (0), then what each layer gives, the last one after the final norm
    bfloat16                           the last one of transformers' own run in bfloat16
    embedded, positions, placed.N      an input that is no text, with several coordinates a token (models that have them)

Two of them are models with a tokenizer and a template of their own: Tests/Goldens/language/<name>-prompts.safetensors has
`input_ids` and `prompt_embeds` as diffusers' pipelines FLUX.2 and FLUX.2-klein make them of prompts.
"""

import copy
import json

from common import CHECKPOINTS, GOLDENS, redraw, save_tensors, versions, write_json

import byte_level
import chat_templates
import torch
from diffusers import Flux2KleinPipeline, Flux2Pipeline
from transformers import (
    Gemma3Config, Gemma3ForConditionalGeneration, Mistral3Config, Mistral3ForConditionalGeneration, Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration, Qwen3Config, Qwen3ForCausalLM, Qwen3VLConfig, Qwen3VLForConditionalGeneration, AutoTokenizer,
)  # fmt: skip

TOKENS = 20
SIZES = dict(
    vocab_size=90, hidden_size=32, intermediate_size=44, num_hidden_layers=3, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=512,
)  # fmt: skip
PIXTRAL = dict(hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, patch_size=14, image_size=28,
               head_dim=8)  # fmt: skip
QWEN_VISION = dict(depth=1, hidden_size=16, intermediate_size=16, num_heads=2, out_hidden_size=32, fullatt_block_indexes=[0])
QWEN3_VISION = dict(depth=1, hidden_size=16, intermediate_size=16, num_heads=2, out_hidden_size=32,
                    deepstack_visual_indexes=[0], num_position_embeddings=16)  # fmt: skip
SIGLIP = dict(hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=28, patch_size=14)

# More rows than the tokenizers of those two have tokens: 256 bytes, a few merges, and what stands between turns.
SPELLING = SIZES | dict(vocab_size=300)
PROMPTS = ["a cat [IMG]on a mat", "", "Ein Bär\nund eine Katze <|im_end|> sehr, sehr lang, länger als alles andere hier und da"]
LENGTH = 72
# What the published config files say of positions: the text part's own spelling.
MISTRAL = dict(head_dim=8, rms_norm_eps=1e-5, rope_theta=1e6, sliding_window=None)
GEMMA = dict(
    head_dim=8, query_pre_attn_scalar=20, sliding_window=5, rope_scaling={"factor": 8.0, "rope_type": "linear"},
    rope_theta=1e6, rope_local_base_freq=1e4, sliding_window_pattern=3, hidden_activation="gelu_pytorch_tanh",
)  # fmt: skip
QWEN25 = dict(rms_norm_eps=1e-6, rope_theta=1e6, rope_scaling={"type": "mrope", "mrope_section": [2, 1, 1]},
              use_sliding_window=False, sliding_window=32768, max_window_layers=2)  # fmt: skip
QWEN3 = dict(head_dim=16, rms_norm_eps=1e-6, rope_theta=1e6, rope_scaling=None, use_sliding_window=False,
             sliding_window=None, max_window_layers=3, attention_bias=False, tie_word_embeddings=True)  # fmt: skip
QWEN3_VL = dict(head_dim=16, rms_norm_eps=1e-6, rope_theta=5e6,
                rope_scaling={"mrope_interleaved": True, "mrope_section": [4, 2, 2], "rope_type": "default"})  # fmt: skip
WINDOW = QWEN3 | dict(use_sliding_window=True, sliding_window=6, max_window_layers=1, attention_bias=True)


def nested(model_type, text, vision, vision_type, **more):
    return {"model_type": model_type, "text_config": text, "vision_config": vision | {"model_type": vision_type}, **more}


# name: class, its config's class, the config as published files have it, padding side, how keys are renamed.
MODELS = {
    "mistral3": (
        Mistral3ForConditionalGeneration, Mistral3Config,
        nested("mistral3", SPELLING | MISTRAL | {"model_type": "mistral"}, PIXTRAL, "pixtral", image_token_index=10), "left",
        {"model.language_model.": "language_model.model.", "lm_head.": "language_model.lm_head.", "model.": ""},
    ),
    "qwen2.5-vl": (
        Qwen2_5_VLForConditionalGeneration, Qwen2_5_VLConfig,
        SIZES | QWEN25 | {"model_type": "qwen2_5_vl", "vision_config": QWEN_VISION, "image_token_id": 5}, "right",
        {"model.language_model.": "model.", "model.visual.": "visual."},
    ),
    "qwen3": (Qwen3ForCausalLM, Qwen3Config, SPELLING | QWEN3 | {"model_type": "qwen3"}, "right", {}),
    "qwen3-window": (Qwen3ForCausalLM, Qwen3Config, SIZES | WINDOW | {"model_type": "qwen3"}, "left", {}),
    "qwen3-vl": (
        Qwen3VLForConditionalGeneration, Qwen3VLConfig,
        nested("qwen3_vl", SIZES | QWEN3_VL | {"model_type": "qwen3_vl_text"}, QWEN3_VISION, "qwen3_vl"), "right", {},
    ),
    "gemma3": (
        Gemma3ForConditionalGeneration, Gemma3Config,
        nested("gemma3", SIZES | GEMMA | {"model_type": "gemma3_text"}, SIGLIP, "siglip_vision_model", mm_tokens_per_image=1),
        "left", {"model.language_model.": "language_model.model.", "lm_head.": "language_model.lm_head.", "model.": ""},
    ),
}  # fmt: skip


def drawn(name, seed):
    """The class with random weights that bfloat16 holds exactly, and its config as it is written."""
    kind, config_kind, config, _, _ = MODELS[name]
    model = kind(config_kind.from_dict(copy.deepcopy(config)))
    redraw(model, seed, gains={"down_proj": 0.8, "q_proj.w": 1.6, "k_proj.w": 1.6, "q_proj.b": 6, "k_proj.b": 6})
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if name == "gemma3" and parameter.ndim == 1 and "norm" in key and "language_model" in key:
                parameter -= 1
            parameter.copy_(parameter.bfloat16().float())
    return model, {"architectures": [kind.__name__], "torch_dtype": "bfloat16"} | config


def save(name, model, config):
    folder = CHECKPOINTS / f"language-{name}" / "text_encoder"
    tensors = {}
    for key, value in model.state_dict().items():
        if name in ("qwen3", "gemma3") and "lm_head" in key:
            continue  # tied to the table
        for old, new in MODELS[name][4].items():
            if key.startswith(old):
                key = new + key[len(old) :]
                break
        # Of the part for images one tensor, to be left out.
        if "vi" not in key.removeprefix("model.")[:3] or not any("vi" in other.removeprefix("model.")[:3] for other in tensors):
            tensors[key] = value.bfloat16()
    save_tensors(folder / "model.safetensors", tensors, {"format": "pt"})
    write_json(folder / "config.json", config)


def text_model(model):
    """The part that has the states."""
    return getattr(model.model, "language_model", model.model)


def inputs(side):
    """Three texts, of which one fills its row."""
    generator = torch.Generator().manual_seed(7)
    ids = torch.randint(11, SIZES["vocab_size"], (3, TOKENS), generator=generator)
    mask = torch.ones(3, TOKENS, dtype=torch.long)
    for row, length in enumerate([TOKENS, 13, 5]):
        pads = slice(0, TOKENS - length) if side == "left" else slice(length, TOKENS)
        ids[row, pads], mask[row, pads] = 3, 0
    return ids, mask


def image_positions():
    """Text, six parts of an image in two rows, text: time, row, column of each token, `[3, 1, tokens]`."""
    text = [[n, n, n] for n in range(4)]
    image = [[4, 4 + n // 3, 4 + n % 3] for n in range(6)]
    rest = [[7 + n] * 3 for n in range(5)]
    return torch.tensor(text + image + rest).T[:, None]


@torch.no_grad()
def golden(name, model, ids, mask):
    notes = {"input_ids": ids, "attention_mask": mask}
    double = copy.deepcopy(model).double()
    call = dict(input_ids=ids, attention_mask=mask, output_hidden_states=True, use_cache=False)
    states = double(**call).hidden_states
    notes |= {f"state.{n}": state.float() for n, state in enumerate(states)}
    notes["bfloat16"] = copy.deepcopy(model).bfloat16()(**call).hidden_states[-1]
    if "vl" in name:
        positions = image_positions()
        embedded = text_model(double).embed_tokens(ids[:1, : positions.shape[2]]) * 1.25
        placed = text_model(double)(
            inputs_embeds=embedded, position_ids=positions, output_hidden_states=True, use_cache=False).hidden_states
        notes |= {"embedded": embedded.float(), "positions": positions[:, 0].T.contiguous()}
        notes |= {f"placed.{n}": state.float() for n, state in enumerate(placed)}
        plain = text_model(double)(inputs_embeds=embedded, output_hidden_states=True, use_cache=False).hidden_states
        print("    positions move", relative(plain[-1], placed[-1]))
    unmasked = double(**(call | {"attention_mask": None})).hidden_states
    print("    mask moves", relative(unmasked[-1], states[-1]))
    return notes


def relative(one, other):
    return f"{((one.double() - other.double()).abs() / other.double().abs().clamp(min=1)).max():.2e}"


@torch.no_grad()
def dependence(model, ids, mask):
    """How far the last state moves when a part is changed."""
    call = dict(input_ids=ids, attention_mask=mask, output_hidden_states=True, use_cache=False)
    states = model(**call).hidden_states[-1]
    for key, parameter in text_model(model).named_parameters():
        if "layers.1." not in key and "layers" in key:
            continue
        kept = parameter.clone()
        parameter *= 0.9
        print(f"    {key:45} {relative(model(**call).hidden_states[-1], states)}")
        parameter.copy_(kept)


@torch.no_grad()
def prompts(name, model, embed, tokenizer, layers, **more):
    """Prompts on their way through diffusers' own code."""
    seen = []
    double = copy.deepcopy(model).double()
    double.register_forward_pre_hook(lambda _, args, kwargs: seen.append(kwargs["input_ids"]), with_kwargs=True)
    embeds = embed(double, tokenizer, PROMPTS, max_sequence_length=LENGTH, hidden_states_layers=layers, **more)
    notes = {"input_ids": seen[0], "prompt_embeds": embeds.float()}
    metadata = {"prompts": json.dumps(PROMPTS, ensure_ascii=False), "length": str(LENGTH)} | versions()
    save_tensors(GOLDENS / "language" / f"{name}-prompts.safetensors", notes, metadata)
    print(f"    {tokenizer.decode(seen[0][2])!r}")


def write_index(name, kind, tokenizer):
    index = {"_class_name": "LanguageModelPipeline", "_diffusers_version": "0.42.1",
             "text_encoder": ["transformers", kind.__name__], "tokenizer": ["transformers", tokenizer]}  # fmt: skip
    write_json(CHECKPOINTS / f"language-{name}" / "model_index.json", index)


def mistral_prompts(model):
    """The template stands in a file of its own; the processor would do the same with the tokenizer (and wants torchvision)."""
    folder = CHECKPOINTS / "language-mistral3" / "tokenizer"
    byte_level.tekken(folder, byte_level.TEKKEN, 275, byte_level.corpus(7, 2000))
    (folder / "chat_template.jinja").write_text(chat_templates.BRACKETS, encoding="utf-8")
    write_index("mistral3", Mistral3ForConditionalGeneration, "PixtralProcessor")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    embed = Flux2Pipeline._get_mistral_3_small_prompt_embeds
    prompts("mistral3", model, embed, tokenizer, (0, 1, 2), system_message="You draw.\nWell.")


def qwen_prompts(model):
    folder = CHECKPOINTS / "language-qwen3" / "tokenizer"
    byte_level.qwen2(folder, 275, byte_level.corpus(7, 2000), chat_templates.MARKS)
    write_index("qwen3", Qwen3ForCausalLM, "Qwen2TokenizerFast")
    prompts("qwen3", model, Flux2KleinPipeline._get_qwen3_prompt_embeds, AutoTokenizer.from_pretrained(folder), (1, 2, 3))


def main():
    total = 0
    for number, name in enumerate(MODELS):
        model, config = drawn(name, 100 + number)
        save(name, model, config)
        ids, mask = inputs(MODELS[name][3])
        print(name)
        notes = golden(name, model, ids, mask)
        path = GOLDENS / "language" / f"{name}.safetensors"
        save_tensors(path, notes, {"model": f"language-{name}"} | versions())
        size = path.stat().st_size + (CHECKPOINTS / f"language-{name}" / "text_encoder" / "model.safetensors").stat().st_size
        total += size
        with torch.no_grad():
            single = model(input_ids=ids, attention_mask=mask, output_hidden_states=True, use_cache=False).hidden_states
        for n in range(len(single)):
            exact = notes[f"state.{n}"]
            print(f"    state {n}: {exact.abs().max():.2f}, float32 {relative(single[n], exact)}")
        print("    bfloat16", relative(notes["bfloat16"], exact))
        dependence(model, ids, mask)
        if name == "mistral3":
            mistral_prompts(model)
        if name == "qwen3":
            qwen_prompts(model)
    print(total, "bytes")


if __name__ == "__main__":
    main()

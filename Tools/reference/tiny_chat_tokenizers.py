"""Tiny tokenizers of language models that are spoken to: byte-level BPE as Mistral's tekken and as Qwen's."""

import json

from common import write_json

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from tiny_tokenizers import SENTENCES

TEKKEN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?"
    r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|"
    r"\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
    r"\s+(?!\S)|\s+"
)
# The published ids are these places; text begins at 1000 there, here behind them.
TEKKEN_TOKENS = [
    "<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]",
    "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]", "[MIDDLE]", "[SUFFIX]",
    "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]",
]  # fmt: skip
# In the order of their ids, which begin at 151643 in the published vocabularies. The second list is not special.
QWEN_TOKENS = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>",
    "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
    "<|image_pad|>", "<|video_pad|>",
]  # fmt: skip
QWEN_WORDS = [
    "<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>",
    "<|file_sep|>",
]  # fmt: skip
QWEN_3_WORDS = [*QWEN_WORDS, "<tool_response>", "</tool_response>", "<think>", "</think>"]

# They do what the published templates do for our conversations, in as few words.
MISTRAL_TEMPLATE = """\
{%- set today = strftime_now("%Y-%m-%d") %}
{%- set default_system_message = "The current date is " + today + "." %}
{{- bos_token }}
{%- if messages[0]['role'] == 'system' %}
    {%- if messages[0]['content'] is string %}
        {%- set system_message = messages[0]['content'] %}
    {%- else %}
        {%- set system_message = messages[0]['content'][0]['text'] %}
    {%- endif %}
    {%- set turns = messages[1:] %}
{%- else %}
    {%- set system_message = default_system_message %}
    {%- set turns = messages %}
{%- endif %}
{{- '[SYSTEM_PROMPT]' + system_message + '[/SYSTEM_PROMPT]' }}
{%- for turn in turns %}
    {%- if turn['role'] != 'user' %}
        {{- raise_exception('Only user turns are expected.') }}
    {%- endif %}
    {%- if turn['content'] is string %}
        {{- '[INST]' + turn['content'] + '[/INST]' }}
    {%- else %}
        {{- '[INST]' }}
        {%- for block in turn['content'] %}
            {%- if block['type'] == 'text' %}
                {{- block['text'] }}
            {%- else %}
                {{- '[IMG]' }}
            {%- endif %}
        {%- endfor %}
        {{- '[/INST]' }}
    {%- endif %}
{%- endfor %}
"""
QWEN_3_TEMPLATE = """\
{%- if messages[0].role == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- set ns = namespace(last=messages|length - 1) %}
{%- for message in messages %}
    {%- if message.role == "user" or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" and loop.index0 <= ns.last %}
        {{- '<|im_start|>assistant\\n' + message.content + '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}
"""


def byte_pairs(pattern, texts, merges, first=()):
    """A byte-level BPE tokenizer with this many merges, of texts; `first` are tokens with the lowest ids."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=len(first) + 256 + merges, show_progress=False, special_tokens=list(first),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def added(content, is_special):
    """A token as tokenizer_config.json has it."""
    return {"content": content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False,
            "special": is_special}  # fmt: skip


def save_tekken(folder, system_message, merges=230):
    """Writes the folder of a PixtralProcessor with Mistral's structure; returns how many tokens there are.

    tokenizer.json would put `<s>` before a text, as the published one does; the pipeline suppresses that. Its class in
    tokenizer_config.json is the published one, which a processor of this kind does not heed.
    """
    tokenizer = byte_pairs(TEKKEN, [*SENTENCES, *[system_message] * 5], merges, TEKKEN_TOKENS)
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]),
    ])
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    write_json(folder / "tokenizer_config.json", {
        "add_bos_token": True,
        "add_eos_token": False,
        "added_tokens_decoder": {str(number): added(token, True) for number, token in enumerate(TEKKEN_TOKENS)},
        "additional_special_tokens": TEKKEN_TOKENS,
        "bos_token": "<s>",
        "clean_up_tokenization_spaces": False,
        "eos_token": "</s>",
        "extra_special_tokens": {},
        "legacy": True,
        "model_max_length": 1000000000000000019884624838656,
        "pad_token": "<pad>",
        "padding_side": "left",
        "processor_class": "PixtralProcessor",
        "tokenizer_class": "LlamaTokenizerFast",
        "unk_token": "<unk>",
        "use_default_system_prompt": False,
    })  # fmt: skip
    (folder / "chat_template.jinja").write_text(MISTRAL_TEMPLATE, encoding="utf-8")
    write_json(folder / "processor_config.json", {
        "image_break_token": "[IMG_BREAK]", "image_end_token": "[IMG_END]", "image_token": "[IMG]", "patch_size": 14,
        "processor_class": "PixtralProcessor", "spatial_merge_size": 2,
    })  # fmt: skip
    write_json(folder / "preprocessor_config.json", {
        "do_convert_rgb": True, "do_normalize": True, "do_rescale": True, "do_resize": True,
        "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_processor_type": "PixtralImageProcessor",
        "image_std": [0.26862954, 0.26130258, 0.27577711], "patch_size": {"height": 14, "width": 14}, "resample": 3,
        "rescale_factor": 0.00392156862745098, "processor_class": "PixtralProcessor", "size": {"longest_edge": 1540},
    })  # fmt: skip
    return tokenizer.get_vocab_size()


def save_qwen(folder, words, texts=(), merges=150, template=None):
    """Writes the folder of a Qwen2Tokenizer; `words` are its tokens that are not special, behind those that are.

    As published: vocabulary and merges in files of their own beside tokenizer.json, no `<bos>`, and no side of padding.
    """
    tokenizer = byte_pairs(QWEN, [*SENTENCES, *texts], merges)
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.post_processor = processors.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    trained = json.loads(tokenizer.to_str())["model"]
    first = len(trained["vocab"])
    tokens = [(token, True) for token in QWEN_TOKENS] + [(token, False) for token in words]
    for token, is_special in tokens:
        token = AddedToken(token, normalized=False, special=is_special)
        tokenizer.add_special_tokens([token]) if is_special else tokenizer.add_tokens([token])
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "vocab.json").write_text(json.dumps(trained["vocab"], ensure_ascii=False), encoding="utf-8")
    lines = ["#version: 0.2", *(" ".join(pair) for pair in trained["merges"])]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    config = {
        "add_bos_token": False,
        "add_prefix_space": False,
        "added_tokens_decoder": {str(first + number): added(*token) for number, token in enumerate(tokens)},
        "additional_special_tokens": QWEN_TOKENS[1:],
        "bos_token": None,
        "chat_template": template,
        "clean_up_tokenization_spaces": False,
        "eos_token": "<|im_end|>",
        "errors": "replace",
        "model_max_length": 131072,
        "pad_token": "<|endoftext|>",
        "split_special_tokens": False,
        "tokenizer_class": "Qwen2Tokenizer",
        "unk_token": None,
    }
    if template is None:
        del config["chat_template"]
    write_json(folder / "tokenizer_config.json", config)
    return first + len(tokens)

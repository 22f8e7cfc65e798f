"""Trains small byte-level tokenizers as Mistral's and Qwen's checkpoints hold them, and writes what the reference makes
of the tokenizers' corpus and of rendered chats.

Into Tests/TokenizersTests/Resources: `tekken` and `tekken-old` (converted from a tekken.json as transformers converts
one; the old one has the pattern of the first conversions), `qwen2-json`, hashes of the ids, and `byte-level-cases.json`.
The corpus is the one that is there. Run it again only to change something: the trainer breaks ties as it pleases.
"""

import base64
import json
import shutil
import tempfile
from pathlib import Path

from common import ROOT

from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors, trainers
from tiny_chat_tokenizers import QWEN, QWEN_TOKENS, TEKKEN, TEKKEN_TOKENS
from tokenizers_goldens import added, bpe_files, corpus, load, save
from transformers.integrations.mistral.tokenizer import MistralConverter
from wan_tokenizer import case

RESOURCES = ROOT / "Tests" / "TokenizersTests" / "Resources"
OLD = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN_WORDS = ["<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<think>", "</think>"]
CHATS = [
    "<s>[SYSTEM_PROMPT]You draw.\nWell.[/SYSTEM_PROMPT][INST]a cat[/INST]",
    "[INST] [IMG][IMG_BREAK]x[IMG_END] [/INST]</s>[INST]", "<s><s> [SYSTEM_PROMPT ][/INST] inst [inst]",
    "<|im_start|>system\nYou see.<|im_end|>\n<|im_start|>user\na cat, <|vision_start|><|image_pad|><|vision_end|><|im_end|>\n"
    "<|im_start|>assistant\n<think>\n\n</think>\n\n", "a<|im_end|>b <|endoftext|> <think>c</think >d<tool_call>",
    "<|IM_START|> <|im_start |><|im_start|><|im_start|>", "e\u0301<|im_end|>\u0301 <think>\u0301",
]  # fmt: skip


def train(pattern, size, texts):
    """Vocabulary and merges over the words that the pattern cuts."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), behavior="isolated", invert=False),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])  # fmt: skip
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=size, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))  # fmt: skip
    return json.loads(tokenizer.to_str())


def tekken(folder, pattern, size, texts, template=None):
    """A tokenizer as Mistral's, by way of a tekken.json, with the settings of the published files."""
    byte_of = {scalar: byte for byte, scalar in byte_alphabet().items()}
    tokens = sorted((rank, token) for token, rank in train(pattern, size, texts)["model"]["vocab"].items())
    file = {
        "config": {"pattern": pattern, "num_vocab_tokens": len(tokens), "default_vocab_size": len(tokens) + len(TEKKEN_TOKENS),
                   "default_num_special_tokens": len(TEKKEN_TOKENS), "version": "v7"},
        "vocab": [{"rank": rank, "token_bytes": base64.b64encode(bytes(byte_of[c] for c in token)).decode()}
                  for rank, token in tokens],
        "special_tokens": [{"rank": n, "token_str": token, "is_control": True} for n, token in enumerate(TEKKEN_TOKENS)],
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "tekken.json"
        path.write_text(json.dumps(file), encoding="utf-8")
        converted = MistralConverter(str(path)).converted()
    converted.post_processor = processors.Sequence([
        converted.post_processor,
        processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]),
    ])  # fmt: skip
    shutil.rmtree(folder, ignore_errors=True)
    save(folder, "tokenizer.json", json.loads(converted.to_str()))
    save(folder, "tokenizer_config.json", {
        "add_bos_token": True, "add_eos_token": False, "added_tokens_decoder": {
            str(n): {k: v for k, v in added(token, n, True).items() if k != "id"} for n, token in enumerate(TEKKEN_TOKENS)},
        "bos_token": "<s>", "clean_up_tokenization_spaces": False, "eos_token": "</s>", "legacy": True,
        "model_max_length": 10**30, "pad_token": "<pad>", "padding_side": "left", "processor_class": "PixtralProcessor",
        "tokenizer_class": "LlamaTokenizerFast", "unk_token": "<unk>", "use_default_system_prompt": False,
    } | ({"chat_template": template} if template else {}))  # fmt: skip


def byte_alphabet():
    """The scalar of each byte."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return {byte: chr(byte) for byte in visible} | {byte: chr(256 + n) for n, byte in enumerate(hidden)}


def qwen2(folder, size, texts, template=None):
    """A tokenizer as Qwen2's, with tokenizer.json, vocab.json and merges.txt."""
    trained = train(QWEN, size, texts)
    vocabulary, merges = bpe_files(trained)
    tokens = [(len(vocabulary) + n, token) for n, token in enumerate(QWEN_TOKENS + QWEN_WORDS)]
    entries = [added(token, n, token in QWEN_TOKENS) | {"normalized": False} for n, token in tokens]
    trained["added_tokens"] = entries
    trained["normalizer"] = {"type": "NFC"}
    trained["post_processor"] = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    trained["decoder"] = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    shutil.rmtree(folder, ignore_errors=True)
    save(folder, "tokenizer.json", trained)
    save(folder, "tokenizer_config.json", {
        "add_bos_token": False, "add_prefix_space": False,
        "added_tokens_decoder": {str(e["id"]): {k: v for k, v in e.items() if k != "id"} for e in entries},
        "additional_special_tokens": QWEN_TOKENS[1:], "bos_token": None, "clean_up_tokenization_spaces": False,
        "eos_token": "<|im_end|>", "errors": "replace", "model_max_length": 131072, "pad_token": "<|endoftext|>",
        "split_special_tokens": False, "tokenizer_class": "Qwen2Tokenizer", "unk_token": None,
    } | ({"chat_template": template} if template else {}))  # fmt: skip


def main():
    texts = json.loads((RESOURCES / "corpus.json").read_text(encoding="utf-8"))
    training = corpus(7, 15_000)
    tekken(RESOURCES / "tekken", TEKKEN, 4000, training)
    tekken(RESOURCES / "tekken-old", OLD, 1200, training)
    qwen2(RESOURCES / "qwen2-json", 4000, training)
    cases = []
    for folder, name in [("tekken", "PreTrainedTokenizerFast"), ("tekken-old", "PreTrainedTokenizerFast"),
                         ("qwen2-json", "Qwen2TokenizerFast"), ("qwen2-json", "TokenizersBackend")]:  # fmt: skip
        result = case(folder, name, texts)
        tokenizer = load(RESOURCES / folder, name)
        bare = tokenizer(CHATS, padding="max_length", max_length=12, truncation=True, add_special_tokens=False)
        result["chats"] = {"texts": CHATS, "ids": [tokenizer(text)["input_ids"] for text in CHATS],
                           "bare": bare["input_ids"], "mask": bare["attention_mask"]}  # fmt: skip
        cases.append(result)
    save(RESOURCES, "byte-level-cases.json", cases)


if __name__ == "__main__":
    main()

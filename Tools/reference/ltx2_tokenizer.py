"""A tiny tokenizer with the structure of Gemma's: BPE over characters with a byte fallback, and spaces as a mark."""

import json

from common import write_json

from tokenizers import Tokenizer, models, trainers

from tiny_chat_tokenizers import added
from tiny_tokenizers import SENTENCES

MARK = "\u2581"
ROLES = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
# Behind the roles: special ones, then runs of white space and tags, which are no special tokens.
SPECIAL = ["[multimodal]", "<unused0>", "<start_of_turn>", "<end_of_turn>", "<start_of_image>", "<end_of_image>"]
PLAIN = ["\n", "\n\n", MARK * 2, MARK * 3, "<table>"]
IMAGE = "<image_soft_token>"


def pipeline(trained):
    """tokenizer.json around a trained model."""
    begin = [{"SpecialToken": {"id": "<bos>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
    other = [{"SpecialToken": {"id": "<bos>", "type_id": 1}}, {"Sequence": {"id": "B", "type_id": 1}}]
    special = len(ROLES) + len(SPECIAL)
    tokens = [(number, token, number < special) for number, token in enumerate(ROLES + SPECIAL + PLAIN)]
    tokens.append((len(trained["vocab"]), IMAGE, True))
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": number} | added(token, is_special) for number, token, is_special in tokens],
        "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": MARK},
        "pre_tokenizer": {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False},
        "post_processor": {"type": "TemplateProcessing", "single": begin, "pair": begin + other,
                           "special_tokens": {"<bos>": {"id": "<bos>", "ids": [2], "tokens": ["<bos>"]}}},
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": MARK}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}]},
        "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
                  "vocab": trained["vocab"], "merges": trained["merges"]},
    }  # fmt: skip


def save(folder, size=470):
    """Writes the folder of a GemmaTokenizer; returns how many ids it has."""
    lowest = ROLES + SPECIAL + PLAIN + [f"<0x{byte:02X}>" for byte in range(256)]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    trainer = trainers.BpeTrainer(vocab_size=size, show_progress=False, limit_alphabet=60, special_tokens=lowest)
    tokenizer.train_from_iterator((sentence.replace(" ", MARK) for sentence in SENTENCES), trainer)
    content = pipeline(json.loads(tokenizer.to_str())["model"])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    named = {name: next(token["content"] for token in content["added_tokens"] if token["content"] == token_name)
             for name, token_name in (("boi_token", "<start_of_image>"), ("eoi_token", "<end_of_image>"), ("image_token", IMAGE))}
    roles = {f"{role[1:-1]}_token": role for role in ROLES if role != "<mask>"}
    write_json(folder / "tokenizer_config.json", {
        "add_bos_token": True,
        "add_eos_token": False,
        "added_tokens_decoder": {str(token["id"]): {key: value for key, value in token.items() if key != "id"}
                                 for token in content["added_tokens"]},
        "clean_up_tokenization_spaces": False,
        "extra_special_tokens": named,
        "model_max_length": 1024,
        "processor_class": "Gemma3Processor",
        "sp_model_kwargs": None,
        "spaces_between_special_tokens": False,
        "tokenizer_class": "GemmaTokenizer",
        "use_default_system_prompt": False,
        **named, **roles,
    })  # fmt: skip
    write_json(folder / "special_tokens_map.json", named | {
        name: {key: value for key, value in added(role, True).items() if key != "special"} for name, role in roles.items()
    })  # fmt: skip
    return len(content["model"]["vocab"]) + 1

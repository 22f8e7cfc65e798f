"""Trains a small tokenizer with the structure of UMT5's, and writes what the reference makes of the tokenizers' corpus.

Into Tests/TokenizersTests/Resources: `umt5` (all files, as Wan's `tokenizer/` has them), `umt5-pieces` (the pieces and
the settings alone), hashes of the ids, and `umt5-cases.json`. The corpus is the one that is there. Run it again only to
change something: the trainer breaks ties as it pleases.
"""

import base64
import json
import shutil
import tempfile
from pathlib import Path

from common import ROOT

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tiny_tokenizers import normalization_rules
from tokenizers_goldens import FULL, added, hashes, load, save, training_text

RESOURCES = ROOT / "Tests" / "TokenizersTests" / "Resources"
EXTRA_IDS = 30
NAMES = ["<pad>", "</s>", "<s>", "<unk>"]
CASES = [("umt5", "T5TokenizerFast"), ("umt5", "TokenizersBackend"), ("umt5-pieces", "T5Tokenizer")]


def train(folder, sentences, size, coverage=1.0):
    """A Unigram model, with bytes for what it does not cover, in UMT5's order of special pieces."""
    rules = folder / "rules.tsv"
    rules.write_text(normalization_rules(), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences), model_prefix=str(folder / "umt5"), vocab_size=size, model_type="unigram",
        pad_id=0, eos_id=1, bos_id=2, unk_id=3, num_threads=1, character_coverage=coverage, byte_fallback=True,
        normalization_rule_tsv=str(rules), hard_vocab_limit=False, minloglevel=2,
    )  # fmt: skip
    model = sentencepiece_model_pb2.ModelProto.FromString((folder / "umt5.model").read_bytes())
    model.normalizer_spec.ClearField("normalization_rule_tsv")
    return model


def contents(model, extra_ids):
    """The files of a tokenizer but for the pieces, by name: the settings, the names of its roles, and the pipeline."""
    count = len(model.pieces)
    sentinels = [f"<extra_id_{i}>" for i in range(extra_ids)]
    tokens = {i: name for i, name in enumerate(NAMES)}
    tokens |= {count + extra_ids - 1 - i: name for i, name in enumerate(sentinels)}
    settings = {
        "added_tokens_decoder": {
            str(i): {k: v for k, v in added(name, i, True).items() if k != "id"} for i, name in sorted(tokens.items())
        },
        "additional_special_tokens": sentinels, "bos_token": "<s>", "clean_up_tokenization_spaces": True,
        "eos_token": "</s>", "extra_ids": extra_ids, "model_max_length": 10**30, "pad_token": "<pad>",
        "sp_model_kwargs": {}, "spaces_between_special_tokens": False, "tokenizer_class": "T5Tokenizer",
        "unk_token": "<unk>",
    }  # fmt: skip
    flags = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
    names = {"additional_special_tokens": sentinels} | {
        role + "_token": {"content": name, **flags}
        for role, name in zip(["bos", "eos", "pad", "unk"], ["<s>", "</s>", "<pad>", "<unk>"])
    }
    pieces = [[piece.piece, piece.score] for piece in model.pieces] + [[s, 0.0] for s in reversed(sentinels)]
    sequence = [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}]
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [added(name, i, True) for i, name in sorted(tokens.items())],
        "normalizer": {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(
            model.normalizer_spec.precompiled_charsmap).decode()},
        "pre_tokenizer": {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True},
        "post_processor": {"type": "TemplateProcessing", "single": sequence,
                           "pair": sequence + [{"Sequence": {"id": "B", "type_id": 0}}, sequence[1]],
                           "special_tokens": {"</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}}},
        "decoder": {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True},
        "model": {"type": "Unigram", "unk_id": 3, "vocab": pieces, "byte_fallback": True},
    }  # fmt: skip
    return {"tokenizer_config.json": settings, "special_tokens_map.json": names, "tokenizer.json": tokenizer}


def write_folders(model):
    files = contents(model, EXTRA_IDS)
    for folder in ("umt5", "umt5-pieces"):
        shutil.rmtree(RESOURCES / folder, ignore_errors=True)
        save(RESOURCES / folder, "tokenizer_config.json", files["tokenizer_config.json"])
        (RESOURCES / folder / "spiece.model").write_bytes(model.SerializeToString(deterministic=True))
    for name in ("special_tokens_map.json", "tokenizer.json"):
        save(RESOURCES / "umt5", name, files[name])


def case(folder, name, texts):
    """What one class makes of one folder; the hashes go to a file of their own."""
    tok = load(RESOURCES / folder, name)
    ids = tok(texts)["input_ids"]
    (RESOURCES / f"{folder}.{name}.fnv").write_bytes(hashes(ids))
    batch = tok(texts[:60], padding="max_length", max_length=16, truncation=True)
    unknown = sum(any(i in (2, 3) for i in x) for x in ids)
    print(folder, type(tok).__name__, len(tok), "tokens;", unknown, "texts have unknown characters")
    roles = [role for role in tok.SPECIAL_TOKENS_ATTRIBUTES if getattr(tok, role) is not None]
    return {
        "folder": folder, "class": name, "count": len(tok), "ids": ids[:FULL],
        "padded": {"ids": batch["input_ids"], "mask": batch["attention_mask"], "lengths": [len(x) for x in ids[:60]]},
        "special": {role: getattr(tok, role + "_id") for role in roles},
        "decoded": [tok.decode(x) for x in ids[:FULL]],
        "skipped": [tok.decode(x, skip_special_tokens=True) for x in ids[:FULL]],
    }  # fmt: skip


def main():
    with tempfile.TemporaryDirectory() as folder:
        write_folders(train(Path(folder), training_text(), 2200, 0.99))
    texts = json.loads((RESOURCES / "corpus.json").read_text(encoding="utf-8"))
    save(RESOURCES, "umt5-cases.json", [case(folder, name, texts) for folder, name in CASES])


if __name__ == "__main__":
    main()

"""The two tokenizers of the demo model, trained on captions and a little general English."""

import io
import json
import random
from collections import Counter
from pathlib import Path

import sentencepiece
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer, T5Tokenizer

import captions
import scenes

CLIP_LENGTH = 77
T5_LENGTH = 48  # more than any caption needs
CLIP_MERGES = 500
T5_VOCABULARY = 1000


def corpus(count=5000, seed=7):
    """Captions, their commonest words alone (so that each becomes one piece), and general English."""
    rng = random.Random(seed)
    lines = [captions.caption(rng, scenes.sample_scene(rng)) for _ in range(count)]
    frequency = Counter(word.strip(".,;:") for line in lines for word in line.split())
    common = [word for word, times in frequency.items() if times >= 50]
    english = (Path(__file__).parent / "english.txt").read_text(encoding="utf-8").splitlines()
    capitalised = [line[:1].upper() + line[1:] for line in english] + [line.title() for line in english]
    return lines + (english * 2 + capitalised + [line.upper() for line in english]) * 10 + common * 50


def train_clip_tokenizer(lines, directory):
    """Byte-level BPE with OpenAI's vocabulary order: bytes, bytes that end a word, merges, special tokens."""
    bpe = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    bpe.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    pattern = Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(pattern, behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=512 + CLIP_MERGES,
        end_of_word_suffix="</w>",
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(lines, trainer)
    merges = [tuple(pair) for pair in json.loads(bpe.to_str())["model"]["merges"]][:CLIP_MERGES]
    # The order of GPT-2's byte table: printable bytes first, then the rest.
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = alphabet + [symbol + "</w>" for symbol in alphabet] + ["".join(pair) for pair in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=CLIP_LENGTH)
    tokenizer.save_pretrained(directory)
    (Path(directory) / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    lines = ["#version: 0.2"] + [" ".join(pair) for pair in merges]
    (Path(directory) / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def train_t5_tokenizer(lines, directory):
    """SentencePiece unigram with T5's special ids; writes ``spiece.model`` and ``tokenizer.json``."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_writer=model,
        model_type="unigram",
        vocab_size=T5_VOCABULARY,
        character_coverage=1.0,
        normalization_rule_name="nmt_nfkc",
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        num_threads=1,
        minloglevel=2,
    )
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "spiece.model").write_bytes(model.getvalue())
    (directory / "tokenizer.json").unlink(missing_ok=True)
    tokenizer = T5Tokenizer.from_pretrained(directory, extra_ids=0, model_max_length=512)
    tokenizer.save_pretrained(directory)
    config = json.loads((directory / "tokenizer_config.json").read_text())
    config = {key: value for key, value in config.items() if key not in ("is_local", "local_files_only")}
    (directory / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")


def train_tokenizers(directory):
    """Write ``tokenizer`` and ``tokenizer_2`` and return them as diffusers will load them."""
    lines = corpus()
    train_clip_tokenizer(lines, Path(directory) / "tokenizer")
    train_t5_tokenizer(lines, Path(directory) / "tokenizer_2")
    return load_tokenizers(directory)


def load_tokenizers(directory):
    clip = CLIPTokenizer.from_pretrained(Path(directory) / "tokenizer")
    return clip, T5Tokenizer.from_pretrained(Path(directory) / "tokenizer_2")

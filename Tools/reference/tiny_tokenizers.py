"""Tiny tokenizers with the structure of FLUX.1's two: a CLIP byte-pair encoder and a T5 unigram model."""

import io
import json
import re
import unicodedata

from common import write_json

import regex
import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from transformers import CLIPTokenizer, T5Tokenizer

SENTENCES = [
    "A cat holding a sign that says hello world.",
    "A photo of a red fox in the snow, early morning light, highly detailed.",
    "An oil painting of the old harbour at dusk; boats, gulls and a lighthouse.",
    "Two astronauts playing chess on the moon, cinematic, 35mm film.",
    "A bowl of ramen on a wooden table, steam rising, shallow depth of field.",
    "The quick brown fox jumps over the lazy dog.",
    "Watercolour of mountains and a lake, soft colours, reflections in the water.",
    "A futuristic city at night with neon signs, rain and flying cars.",
    "Portrait of an old fisherman with a white beard, dramatic lighting.",
    "A cosy library with warm lamps, tall shelves and a sleeping cat.",
    "Blurry, low quality, distorted, extra fingers, watermark, text.",
    "It's a dog's life, they've said; we'll see what she'd do if he isn't there.",
    "In 1984 there were 2,300 sheep, 17 dogs and 6 farmers.",
    "Crème brûlée in a café, naïve façade, über-cool jalapeño.",
]

# Enough of nmt_nfkc to test every kind of its rules (removal, blanks, compatibility, composition, expansion) in 10 kB.
# The whole table would add 550 kB to each checkpoint.
NORMALIZED_BLOCKS = [(0x01, 0x17F), (0x2000, 0x206F), (0x2150, 0x215F), (0xFB00, 0xFB06), (0xFF01, 0xFF5E),
                     (0x3000, 0x3000), (0xFEFF, 0xFEFF), (0xFFFD, 0xFFFD), (0x2122, 0x2122)]  # fmt: skip


def clip_words(text):
    """CLIP's normalization and pre-tokenization of plain text, in byte symbols."""
    text = re.sub(r"\s+", " ", unicodedata.normalize("NFC", text)).lower()
    pattern = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    symbols = byte_symbols()
    return ["".join(symbols[byte] for byte in word.encode()) for word in regex.findall(pattern, text)]


def byte_symbols():
    """The visible character that stands for each byte, in CLIP's order of the vocabulary."""
    visible = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return {byte: chr(byte) for byte in visible} | {byte: chr(256 + n) for n, byte in enumerate(hidden)}


def clip_merges(count):
    """The `count` most frequent byte-pair merges of the sentences; ties go to the smaller pair."""
    words = [[*word[:-1], word[-1] + "</w>"] for sentence in SENTENCES for word in clip_words(sentence)]
    merges = []
    while len(merges) < count:
        frequency = {}
        for word in words:
            for pair in zip(word, word[1:]):
                frequency[pair] = frequency.get(pair, 0) + 1
        best = min(frequency, key=lambda pair: (-frequency[pair], pair))
        merges.append(best)
        for word in words:
            at = 0
            while at < len(word) - 1:
                if (word[at], word[at + 1]) == best:
                    word[at : at + 2] = ["".join(best)]
                at += 1
    return merges


def save_clip(folder, merges=90):
    """Writes vocab.json, merges.txt, tokenizer.json and the two small files of a CLIP tokenizer."""
    pairs = clip_merges(merges)
    symbols = list(byte_symbols().values())
    tokens = [*symbols, *(symbol + "</w>" for symbol in symbols), *("".join(pair) for pair in pairs)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=pairs, model_max_length=77)
    tokenizer.save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    lines = ["#version: 0.2", *(" ".join(pair) for pair in pairs)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(tokens)


def normalization_rules():
    """A part of nmt_nfkc as the lines `source<TAB>target` in hexadecimal that sentencepiece's trainer reads."""
    whole = sentencepiece.SentencePieceNormalizer(
        rule_name="nmt_nfkc", add_dummy_prefix=False, escape_whitespaces=False, remove_extra_whitespaces=False
    )
    sources = [chr(code) for first, last in NORMALIZED_BLOCKS for code in range(first, last + 1)]
    sources += [unicodedata.normalize("NFD", source) for source in sources]
    rules = {source: whole.normalize(source) for source in sources}
    lines = []
    for source, target in sorted(rules.items()):
        if source != target:
            lines.append("\t".join(" ".join(f"{ord(c):X}" for c in text) for text in (source, target)))
    return "\n".join(lines) + "\n"


def save_t5(folder, scratch, size=170, extra_ids=4):
    """Writes spiece.model, tokenizer.json and the two small files of a T5 tokenizer."""
    rules = scratch / "rules.tsv"
    rules.write_text(normalization_rules(), encoding="utf-8")
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES), model_writer=model, model_type="unigram", vocab_size=size,
        normalization_rule_tsv=str(rules), character_coverage=1.0, pad_id=0, eos_id=1, unk_id=2, bos_id=-1,
        num_threads=1, hard_vocab_limit=True, minloglevel=2,
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    proto = sentencepiece_model_pb2.ModelProto.FromString(model.getvalue())
    proto.normalizer_spec.ClearField("normalization_rule_tsv")  # the path of a scratch file
    (folder / "spiece.model").write_bytes(proto.SerializeToString(deterministic=True))
    tokenizer = T5Tokenizer.from_pretrained(folder, extra_ids=extra_ids, model_max_length=512)
    tokenizer.save_pretrained(folder)
    config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    write_json(folder / "tokenizer_config.json", {key: config[key] for key in config if "local" not in key})
    return len(tokenizer)

#!/usr/bin/env python3
"""Trains small tokenizers on text of its own and writes what the reference makes of a corpus.

    tokenizers_goldens.py write FOLDER            the committed goldens, into Tests/TokenizersTests/Resources
    tokenizers_goldens.py corpus SEED COUNT FILE  a corpus as a JSON list of strings
    tokenizers_goldens.py ids FOLDER CLASS CORPUS FILE   the reference's ids, one line of numbers for each text

Needs tokenizers 0.23, transformers 5.23.0, sentencepiece 0.2 and protobuf. The corpus follows from the seed; the
trainers break ties as they please, so writing anew changes the vocabularies and with them all ids.
"""
import json
import os
import random
import shutil
import struct
import sys
import tempfile

SEED = 20240917
COUNT = 20_000
FULL = 250

SENTENCES = """
A photograph of an astronaut riding a horse on the surface of the moon, highly detailed, golden hour.
The quick brown fox doesn't jump over the lazy dog's bowl; it's 9:45 p.m., and they've seen we're late!
Watercolor painting of a quiet harbour at dawn, soft light, mist over the water, wooden boats and gulls.
a close-up portrait of an old fisherman, 85mm lens, f/1.8, film grain, by candle light
cinematic still, rain-soaked neon street in a city of the future, reflections, wide angle, 4k, 8k, HDR
An isometric illustration of a tiny library with spiral stairs, pastel colours, soft shadows, white background.
Three cats and two dogs sit around a table, playing cards; the largest cat wears a top hat.
Slow dolly shot through a forest in autumn, leaves falling, sunlight breaking through the canopy.
Ein Foto von einer alten Brücke über den Fluss; Straßenlaternen spiegeln sich im Wasser, schönes Licht.
Größe, Übermut und Äpfel: die Mädchen fuhren müßig durch das Gebirge, während es draußen schneite.
Une aquarelle d'un château près de la forêt, où l'été s'achève déjà; ça n'a rien d'étonnant, n'est-ce pas ?
Un gato negro duerme sobre la mesa. ¿Dónde está el niño? ¡Qué día más bonito, mañana será mejor!
Uma fotografia de um pôr do sol na praia, com pássaros voando e crianças brincando na areia.
Un vecchio mulino ad acqua, circondato da papaveri; perché no? Così è più bello.
Een schilderij van een molen bij het kanaal, met een heldere lucht en veel wolken erboven.
En målning av en röd stuga vid sjön, med björkar och ett litet båthus på vintern.
Zdjęcie starego młyna nad rzeką, źdźbła trawy, łąka i żółte kwiaty o świcie.
Fotografie starého hradu na kopci, příliš žluťoučký kůň úpěl ďábelské ódy.
Bir çocuğun İstanbul'da uçurtma uçurduğu fotoğraf, IĞDIR ve ısı, güneşli bir gün.
Картина маслом: старый маяк на скале, шторм, волны и чайки над тёмным морем.
Фотографія козака з люлькою, їжак під ґанком, сонце сідає за обрій.
Μια φωτογραφία ενός νησιού στο Αιγαίο, λευκά σπίτια και γαλάζιος ουρανός. ΟΔΥΣΣΕΥΣ, ς σ Σ.
صورة فوتوغرافية لرجل عجوز يجلس أمام البحر، السماء زرقاء والطيور تحلّق فوقه. مُحَمَّد ٠١٢٣٤٥٦٧٨٩
تصویری از یک باغ ایرانی با حوض آبی و درختان سرو، می‌خواهم آن را ببینم. ۰۱۲۳۴۵
צילום של רחוב ישן בירושלים, אור זהוב ושמיים בהירים. שָׁלוֹם עֲלֵיכֶם
एक बूढ़े आदमी की तस्वीर जो नदी के किनारे बैठा है, सुनहरी रोशनी में। क्षत्रिय ज्ञान श्री १२३
নদীর ধারে একটি পুরানো নৌকার ছবি, সূর্যাস্তের আলোয়। বাংলা ১২৩
ஒரு பழைய கோவிலின் புகைப்படம், மழைக்காலத்தில் பச்சை வயல்கள். தமிழ்
ภาพถ่ายของตลาดน้ำยามเช้า มีเรือและดอกไม้มากมาย น้ำใส ๑๒๓
រូបថតប្រាសាទនៅពេលព្រឹកព្រលឹម មេឃពណ៌ខៀវ
မြစ်ကမ်းဘေးရှိ ဘုရားကျောင်းဟောင်း၏ ဓာတ်ပုံ
Bức ảnh một con đường làng vào buổi sáng sớm, sương mù và những hàng tre xanh. Tiếng Việt ệ ữ ợ
古い神社の写真、朝の光、桜の花びらが舞う。猫がカタカナで「ニャー」と鳴いた。ﾊﾝｶｸ ｶﾞｷﾞ がぎぐげご
一张老城墙的照片，夕阳西下，天空中有飞鸟。高清，细节丰富，８Ｋ，全角ＡＢＣ。
一張舊照片：雨後的街道，霓虹燈閃爍，電影感。
오래된 한옥 마을의 사진, 가을 단풍과 푸른 하늘. 한글 각 힣 ㄱㄴㄷ 가각
სურათი ძველი ციხის, მთები და ღრუბლები. ᲡᲐᲥᲐᲠᲗᲕᲔᲚᲝ
Հին եկեղեցու լուսանկար լեռներում, ձյուն և կապույտ երկինք։
የድሮ ቤተ ክርስቲያን ፎቶግራፍ፣ ሰማያዊ ሰማይ።
བོད་ཀྱི་དགོན་པའི་འདྲ་པར། ༡༢༣
ᠮᠣᠩᠭᠣᠯ ᠪᠢᠴᠢᠭ ᠮᠣᠷᠢ
ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ ꭰꭱꭲ
𝕳𝖊𝖑𝖑𝖔 𝓌ℴ𝓇𝓁𝒹 ① ② ③ ½ ¾ ⅓ x² + y³ = z⁴ ﬁﬂ ﬃ ſt Ⅷ ㎏ ㍿ ㈱ ℃ K Å Ω ™ © ®
naïve café résumé — “quoted” ‘single’ … – • § ¶ † ‡ ‰ ‹ › « » ¡ ¿ № ℓ
<div class="a b" id='x'>R&amp;D &lt;b&gt;</div><!-- note --><br/>&nbsp;&#8364;
def f(x: int) -> str:\n    return f"{x!r:>10}"  # TODO: fix\nfor (int i = 0; i < n; ++i) { a[i] += b[i] << 2; }
{"key": [1, 2.5e-10, null, true], "other": "a\\tb\\u0041"} SELECT * FROM t WHERE a != 'b' -- x
https://example.org/path/to?q=a%20b&c=d#frag user.name+tag@example.co.uk C:\\\\dir\\\\file.txt 192.168.0.1 ::1
1234567890 3.14159 1,000,000.00 0xDEADBEEF 1e-9 12/31/1999 +49 (0)30 123456 $5.00 €20 £3 ¥100 ₹50 50% 10°C
I'LL you'Re he'S WE'VE don'T I'm I'd 'tis 'twas rock'n'roll l'ﬁ 'ſ ʼn y'all'd've O'Neill''s 's'
😀 😃 👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈 🏴󠁧󠁢󠁳󠁣󠁴󠁿 🇩🇪🇯🇵🇺🇸 ❤️ ☕️ ✌🏿 🧑🏻‍🚀 1️⃣ #️⃣ ©️ 🫨 🩷 🪿 🫩
(masterpiece:1.2), ((best quality)), [low quality|blurry], <lora:style:0.8>, BREAK, --ar 16:9 --v 6
ØÆÅ øæå ßẞ ÐÞðþ ĳĲ ŒœŁł Ǆǅǆ ǱǲǳĦħ ŊŋŦŧ ȘșȚț ẁẂ ŸÿÑñ
""".strip().split("\n")

SPECIALS = [
    "<|startoftext|>", "<|endoftext|>", "</s>", "<unk>", "<pad>", "<extra_id_0>", "<extra_id_99>", "<extra_id_100>",
    "<|im_start|>", "<|im_end|>", "<mask>", "<|STARTOFTEXT|>", "</w>", "▁", "##", "<0x0A>", "<s>", "[CLS]",
    "<Mark>", "<mark>", "wordy", " <strip> ", "<strip>", "sp ace",
]
BLANKS = [" ", "  ", "   ", "\t", "\n", "\r\n", "\r", "\n\n", " \n ", "\u00a0", "\u3000", "\u2009", "\u200a", "\u1680",
          "\u2028", "\u2029", "\u0085", "\u000b", "\u000c", "\u202f", "\u205f"]
ODD = ["\u0000", "\u0001", "\u001f", "\u007f", "\u0080", "\u009f", "\u00ad", "\u200b", "\u200c", "\u200d", "\u200e",
       "\u200f", "\u202a", "\u202b", "\u202c", "\u202e", "\u2060", "\u2066", "\u2069", "\ufeff", "\ufffd", "\ufffe",
       "\uffff", "\ufe0f", "\ufe0e", "\u0301", "\u0300", "\u0308", "\u0323", "\u0327", "\u0345", "\u20dd", "\u3099",
       "\u309a", "\u0e33", "\u0eb3", "\u0f73", "\u1161", "\u11a8", "\U000e0041", "\U000e007f", "\U0010ffff", "\ue000",
       "\u034f", "\u0600", "\u06dd", "\U000110bd", "\u0d4e", "\u093f", "\u094d", "\u0903", "\u1ab0", "\u1dc0",
       "\u0149", "\u01f0", "\u1e9e", "\u0130", "\u0131", "\u017f", "\u212a", "\ufb03", "\u1fb3", "\u0390", "\u03c2"]
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~、。・「」，．！？…—–·“”„"
BLOCKS = [(0x20, 0x7E), (0xA0, 0x17F), (0x180, 0x24F), (0x250, 0x36F), (0x370, 0x52F), (0x530, 0x6FF), (0x700, 0xDFF),
          (0xE00, 0x10FF), (0x1100, 0x11FF), (0x1200, 0x1AFF), (0x1B00, 0x1FFF), (0x2000, 0x206F), (0x2070, 0x2BFF),
          (0x2C00, 0x2FFF), (0x3000, 0x33FF), (0x3400, 0x9FFF), (0xA000, 0xABFF), (0xAC00, 0xD7FF), (0xF900, 0xFFFD),
          (0x10000, 0x107FF), (0x10800, 0x11FFF), (0x12000, 0x16FFF), (0x17000, 0x1AFFF), (0x1B000, 0x1BFFF),
          (0x1D000, 0x1EFFF), (0x1F000, 0x1FAFF), (0x20000, 0x2FA1F), (0x30000, 0x3347F), (0xE0000, 0xE01EF)]


def random_text(rng, blocks=BLOCKS):
    low, high = rng.choice(blocks)
    return "".join(chr(rng.randint(low, high)) for _ in range(rng.randint(1, 12)))


def fragment(rng):
    kind = rng.random()
    if kind < 0.42:
        words = rng.choice(SENTENCES).split(" ")
        start = rng.randrange(len(words))
        text = " ".join(words[start:start + rng.randint(1, 7)])
        change = rng.random()
        if change < 0.06:
            text = text.upper()
        elif change < 0.10:
            text = text.title()
        elif change < 0.13:
            text = text.replace(" ", "")
        return text
    if kind < 0.52:
        return rng.choice(BLANKS) * rng.choice([1, 1, 1, 2, 5])
    if kind < 0.60:
        return rng.choice(SPECIALS)
    if kind < 0.70:
        return rng.choice(ODD) * rng.choice([1, 1, 1, 2, 3])
    if kind < 0.77:
        return "".join(rng.choice(PUNCTUATION) for _ in range(rng.randint(1, 8)))
    if kind < 0.82:
        return str(rng.randrange(10 ** rng.randint(1, 12)))
    if kind < 0.90:
        return random_text(rng)
    if kind < 0.94:
        base = rng.choice("aeiouAEIOUcnsyzКкавαωがはक한ﬁ😀1 ")
        return base + "".join(rng.choice(ODD) for _ in range(rng.randint(1, 4)))
    sentence = rng.choice(SENTENCES)
    start = rng.randrange(len(sentence))
    return sentence[start:start + rng.randint(1, 25)]


def line(rng):
    kind = rng.random()
    if kind < 0.002:
        return rng.choice(["a", "ab", "xyz", "é", "字", "!", "1", "😀", "Ab'S "]) * rng.randint(100, 700)
    if kind < 0.01:
        return "".join(random_text(rng) for _ in range(rng.randint(1, 12)))
    parts = [fragment(rng) for _ in range(rng.choice([1, 1, 2, 2, 3, 4, 6]))]
    return "".join(p + (rng.choice(["", " ", " "])) for p in parts)


def corpus(seed, count):
    rng = random.Random(seed)
    texts = ["", " ", "\n", "a", "é", "\u0000", *SENTENCES, *SPECIALS, *BLANKS, *ODD]
    while len(texts) < count:
        texts.append(line(rng))
    return [t.encode("utf-8", "ignore").decode("utf-8") for t in texts[:count]]


def training_text():
    rng = random.Random(SEED + 1)
    for _ in range(6000):
        words = rng.choice(SENTENCES).split(" ")
        rng.shuffle(words)
        yield " ".join(words)
    yield from SENTENCES


def save(folder, name, data):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        if isinstance(data, str):
            file.write(data)
        else:
            json.dump(data, file, ensure_ascii=False, separators=(",", ":"), sort_keys=False)


def bpe_files(trained):
    """The vocabulary and merges of a `tokenizer.json`, as `vocab.json` and the lines of `merges.txt`."""
    model = trained["model"]
    merges = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
    return model["vocab"], "#version: 0.2\n" + "\n".join(merges) + "\n"


def write_clip(root):
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
    from transformers import CLIPTokenizer
    pattern = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    tok = Tokenizer(models.BPE(end_of_word_suffix="</w>", unk_token="<|endoftext|>"))
    tok.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    tok.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "removed", invert=True),
                                                 pre_tokenizers.ByteLevel(add_prefix_space=False)])
    trainer = trainers.BpeTrainer(vocab_size=3000, end_of_word_suffix="</w>", show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tok.train_from_iterator(training_text(), trainer)
    trained = json.loads(tok.to_str())
    vocab = trained["model"]["vocab"]
    for symbol in sorted(pre_tokenizers.ByteLevel.alphabet()):
        vocab.setdefault(symbol + "</w>", len(vocab))
    for token in ("<|startoftext|>", "<|endoftext|>"):
        vocab[token] = len(vocab)
    _, merges = bpe_files(trained)

    files = os.path.join(root, "clip-files")
    save(files, "vocab.json", vocab)
    save(files, "merges.txt", merges)

    configured = os.path.join(root, "clip-configured")
    save(configured, "vocab.json", vocab)
    save(configured, "merges.txt", merges)
    flags = {"lstrip": False, "normalized": True, "rstrip": False, "single_word": False}
    save(configured, "tokenizer_config.json", {
        "unk_token": {"content": "<|endoftext|>", "__type": "AddedToken", **flags},
        "bos_token": {"content": "<|startoftext|>", "__type": "AddedToken", **flags},
        "eos_token": {"content": "<|endoftext|>", "__type": "AddedToken", **flags},
        "pad_token": "<|endoftext|>", "add_prefix_space": False, "errors": "replace", "do_lower_case": True,
        "model_max_length": 77, "special_tokens_map_file": "./special_tokens_map.json",
        "tokenizer_class": "CLIPTokenizer"})
    save(configured, "special_tokens_map.json", {
        "bos_token": {"content": "<|startoftext|>", **flags}, "eos_token": {"content": "<|endoftext|>", **flags},
        "unk_token": {"content": "<|endoftext|>", **flags}, "pad_token": "!"})

    published = os.path.join(root, "clip-published")
    save(published, "tokenizer.json", {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [
            {"id": vocab["<|startoftext|>"], "special": True, "content": "<|startoftext|>", "single_word": False,
             "lstrip": False, "rstrip": False, "normalized": True},
            {"id": vocab["<|endoftext|>"], "special": True, "content": "<|endoftext|>", "single_word": False,
             "lstrip": False, "rstrip": False, "normalized": False}],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "NFC"}, {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "}, {"type": "Lowercase"}]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Removed", "invert": True},
            {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}]},
        "post_processor": {"type": "RobertaProcessing", "sep": ["<|endoftext|>", vocab["<|endoftext|>"]],
                           "cls": ["<|startoftext|>", vocab["<|startoftext|>"]], "trim_offsets": False,
                           "add_prefix_space": False},
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True},
        "model": {"dropout": None, "unk_token": "<|endoftext|>", "continuing_subword_prefix": "",
                  "end_of_word_suffix": "</w>", "fuse_unk": False, "vocab": vocab,
                  "merges": merges.split("\n")[1:-1]}})

    CLIPTokenizer.from_pretrained(configured, model_max_length=77).save_pretrained(os.path.join(root, "clip"))


def write_t5(root):
    import sentencepiece
    from transformers import T5Tokenizer
    with tempfile.TemporaryDirectory() as folder:
        prefix = os.path.join(folder, "t5")
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=training_text(), model_prefix=prefix, vocab_size=2000, model_type="unigram",
            pad_id=0, eos_id=1, unk_id=2, bos_id=-1, num_threads=1, character_coverage=0.998,
            normalization_rule_name="nmt_nfkc", hard_vocab_limit=False, minloglevel=2)
        pieces = os.path.join(root, "t5-pieces")
        os.makedirs(pieces, exist_ok=True)
        shutil.copy(prefix + ".model", os.path.join(pieces, "spiece.model"))
    saved = os.path.join(root, "t5")
    T5Tokenizer.from_pretrained(pieces, model_max_length=512).save_pretrained(saved)
    with open(os.path.join(saved, "tokenizer.json"), encoding="utf-8") as file:
        tokenizer = json.load(file)
    charsmap = tokenizer["normalizer"]
    published = dict(tokenizer)
    published["normalizer"] = {"type": "Sequence", "normalizers": [
        charsmap, {"type": "Strip", "strip_left": False, "strip_right": True},
        {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "\u2581"}]}
    published["pre_tokenizer"] = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}
    published["added_tokens"] = [t for t in tokenizer["added_tokens"]]
    for token in published["added_tokens"]:
        if token["content"].startswith("<extra_id_1"):
            token.update(lstrip=True, rstrip=True)
        if token["content"] == "<extra_id_2>":
            token.update(single_word=True)
    folder = os.path.join(root, "unigram-general")
    save(folder, "tokenizer.json", published)
    save(folder, "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "<pad>",
                                           "eos_token": "</s>", "unk_token": "<unk>", "padding_side": "left",
                                           "truncation_side": "left"})


def added(content, id, special, **flags):
    return {"id": id, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": not special, "special": special, **flags}


def write_others(root):
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    qwen = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.train_from_iterator(training_text(), trainers.BpeTrainer(
        vocab_size=1500, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    trained = json.loads(tok.to_str())
    vocab, merges = bpe_files(trained)
    n = len(vocab)
    folder = os.path.join(root, "qwen2")
    save(folder, "vocab.json", vocab)
    save(folder, "merges.txt", merges)
    names = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    save(folder, "tokenizer_config.json", {
        "add_prefix_space": False, "added_tokens_decoder": {
            str(n + i): {k: v for k, v in added(c, 0, True).items() if k != "id"} for i, c in enumerate(names)},
        "additional_special_tokens": names[1:], "bos_token": None, "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>", "unk_token": None, "model_max_length": 131072, "tokenizer_class": "Qwen2Tokenizer"})

    # Byte-level BPE with a newer pattern, merges ignored for whole tokens, tokens with every flag.
    tekken = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?"
              r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|"
              r"\s*[\r\n]+|\s+(?!\S)|\s+")
    trained["model"].update(ignore_merges=True, merges=[m.split(" ") for m in merges.split("\n")[1:-1]])
    trained["added_tokens"] = [
        added("<|im_start|>", n, True), added("<mark>", n + 1, False), added("wordy", n + 2, False, single_word=True),
        added("<strip>", n + 3, True, lstrip=True, rstrip=True), added("sp ace", n + 4, False, rstrip=True),
        added("<mask>", n + 5, True, lstrip=True)]
    trained["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Lowercase"}]}
    trained["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": tekken}, "behavior": "Isolated", "invert": False},
        {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}]}
    trained["post_processor"] = {"type": "Sequence", "processors": [
        {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True},
        {"type": "TemplateProcessing",
         "single": [{"SpecialToken": {"id": "<|im_start|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
         "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
         "special_tokens": {"<|im_start|>": {"id": "<|im_start|>", "ids": [n], "tokens": ["<|im_start|>"]}}}]}
    trained["decoder"] = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    save(os.path.join(root, "tekken-like"), "tokenizer.json", trained)

    # BPE over characters with tokens for single bytes, as Gemma and Llama have it.
    tok = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    special = ["<pad>", "<s>", "</s>", "<unk>"] + [f"<0x{b:02X}>" for b in range(256)]
    tok.train_from_iterator((t.replace(" ", "\u2581") for t in training_text()), trainers.BpeTrainer(
        vocab_size=1800, show_progress=False, limit_alphabet=300, special_tokens=special))
    trained = json.loads(tok.to_str())
    trained["added_tokens"] = [added(t, i, True) for i, t in enumerate(special[:4])]
    trained["normalizer"] = {"type": "Sequence", "normalizers": [
        {"type": "Prepend", "prepend": "\u2581"}, {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]}
    trained["pre_tokenizer"] = None
    trained["post_processor"] = None
    trained["decoder"] = {"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}
    save(os.path.join(root, "byte-fallback"), "tokenizer.json", trained)

    # Stages that few published tokenizers use, each at least once.
    stages = dict(trained)
    stages["model"] = dict(trained["model"], byte_fallback=False, fuse_unk=False)
    stages["normalizer"] = {"type": "Sequence", "normalizers": [
        {"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Nmt"}, {"type": "Strip", "strip_left": True, "strip_right": True},
        {"type": "Replace", "pattern": {"Regex": "(?:ab|[0-9]{2})+"}, "content": "#"}]}
    stages["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [
        {"type": "Punctuation", "behavior": "MergedWithPrevious"}, {"type": "Digits", "individual_digits": False},
        {"type": "Split", "pattern": {"String": "e"}, "behavior": "MergedWithNext", "invert": False},
        {"type": "Split", "pattern": {"Regex": "[aou]+"}, "behavior": "Contiguous", "invert": True},
        {"type": "Whitespace"}, {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": False}]}
    save(os.path.join(root, "stages"), "tokenizer.json", stages)

    # As newer Llama and Mistral files have it: no normalizer, a mark at the start of the text only.
    first = dict(trained, normalizer=None)
    first["pre_tokenizer"] = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "first", "split": False}
    save(os.path.join(root, "metaspace-first"), "tokenizer.json", first)


FOLDERS = [("clip", "CLIPTokenizer"), ("clip-published", "CLIPTokenizer"), ("clip-files", "CLIPTokenizer"),
           ("clip-configured", "CLIPTokenizer"), ("clip-published", "TokenizersBackend"), ("t5", "T5TokenizerFast"),
           ("t5", "TokenizersBackend"), ("t5-pieces", "T5Tokenizer"), ("unigram-general", "TokenizersBackend"),
           ("unigram-general", "T5Tokenizer"), ("qwen2", "Qwen2Tokenizer"), ("tekken-like", "TokenizersBackend"),
           ("byte-fallback", "TokenizersBackend"), ("stages", "TokenizersBackend"),
           ("metaspace-first", "TokenizersBackend")]


def load(folder, name):
    import transformers
    return getattr(transformers, name).from_pretrained(folder)


def fnv(numbers):
    """The lower half of FNV-1a in 64 bits, over ids or hashes as little-endian 32-bit numbers."""
    value = 0xCBF29CE484222325
    for byte in struct.pack(f"<{len(numbers)}I", *numbers):
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value & 0xFFFFFFFF


def hashes(ids):
    """A hash for every ten texts: that of the hashes of their ids, as a `.fnv` holds them."""
    own = [fnv(x) for x in ids]
    return struct.pack(f"<{len(own) // 10}I", *(fnv(own[start:start + 10]) for start in range(0, len(own), 10)))


def write(root):
    shutil.rmtree(root, ignore_errors=True)
    write_clip(root)
    write_t5(root)
    write_others(root)
    texts = corpus(SEED, COUNT)
    save(root, "corpus.json", texts)
    cases = []
    for folder, name in FOLDERS:
        tok = load(os.path.join(root, folder), name)
        ids = tok(texts)["input_ids"]
        key = f"{folder}.{name}"
        with open(os.path.join(root, key + ".fnv"), "wb") as file:
            file.write(hashes(ids))
        padded = None
        if tok.pad_token is not None:
            batch = tok(texts[:60], padding="max_length", max_length=16, truncation=True)
            padded = {"ids": batch["input_ids"], "mask": batch["attention_mask"],
                      "lengths": [len(x) for x in ids[:60]]}
        cases.append({"folder": folder, "class": name, "count": len(tok), "ids": ids[:FULL], "padded": padded,
                      "special": {r: getattr(tok, r + "_id") for r in tok.SPECIAL_TOKENS_ATTRIBUTES
                                  if getattr(tok, r) is not None},
                      "decoded": [tok.decode(x) for x in ids[:FULL]],
                      "skipped": [tok.decode(x, skip_special_tokens=True) for x in ids[:FULL]]})
    save(root, "cases.json", cases)


def main():
    command, *arguments = sys.argv[1:]
    if command == "write":
        write(arguments[0])
    elif command == "corpus":
        save(os.path.dirname(arguments[2]) or ".", os.path.basename(arguments[2]), corpus(int(arguments[0]), int(arguments[1])))
    elif command == "ids":
        folder, name, source, target = arguments
        with open(source, encoding="utf-8") as file:
            texts = json.load(file)
        with open(target, "w") as file:
            tok = load(folder, name)
            file.write("\n".join(" ".join(map(str, ids)) for ids in tok(texts)["input_ids"]))


if __name__ == "__main__":
    main()

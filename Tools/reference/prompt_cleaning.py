#!/usr/bin/env python3
"""Writes the tables of the prompt cleaning, and what diffusers' `prompt_clean` makes of generated texts.

    prompt_cleaning.py tables                  into Sources/PromptCleaning/Tables
    prompt_cleaning.py goldens                 into Tests/PromptCleaningTests/Resources
    prompt_cleaning.py texts SEED COUNT FILE   more texts and their results, of the same kind as the goldens

Needs ftfy 6.3.1. The texts follow from the seed.
"""

import json
import random
import sys
import textwrap

from common import ROOT

import ftfy  # registers the sloppy codecs
import html.entities
from diffusers.pipelines.wan.pipeline_wan import prompt_clean
from ftfy import badness, chardata
from tokenizers_goldens import BLANKS, ODD, PUNCTUATION, SENTENCES, random_text

TABLES = ROOT / "Sources" / "PromptCleaning" / "Tables"
RESOURCES = ROOT / "Tests" / "PromptCleaningTests" / "Resources"

ENCODINGS = [name for name in chardata.CHARMAP_ENCODINGS if name != "latin-1"]
CATEGORIES = {
    "common": "common", "c1": "c1", "bad": "bad", "law": "law", "currency": "currency",
    "start_punctuation": "startPunctuation", "end_punctuation": "endPunctuation", "numeric": "numeric",
    "kaomoji": "kaomoji", "upper_accented": "upperAccented", "lower_accented": "lowerAccented",
    "upper_common": "upperCommon", "lower_common": "lowerCommon", "box": "box",
    "utf8_first_of_2": "firstOfTwo", "utf8_first_of_3": "firstOfThree", "utf8_first_of_4": "firstOfFour",
    "utf8_continuation": "continuation", "utf8_continuation_strict": "strictContinuation",
}  # fmt: skip


def literal(lines, name, summary, source):
    """A Swift file that holds one text of several lines."""
    body = "\n".join("        " + line for line in lines)
    return f'''// Written by Tools/reference/prompt_cleaning.py.

extension {name} {{
    /// {summary}
    // Source: {source}.
    static let table = #"""
{body}
        """#
}}
'''


def ranges(characters):
    """Runs of code points as `A4 A6-A8`, of what stands between the brackets of a regular expression."""
    codes, index = set(), 0
    while index < len(characters):
        if characters[index + 1 : index + 2] == "-":
            codes |= set(range(ord(characters[index]), ord(characters[index + 2]) + 1))
            index += 3
        else:
            codes.add(ord(characters[index]))
            index += 1
    runs = []
    for code in sorted(codes):
        if runs and runs[-1][1] == code - 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    return [f"{a:X}" if a == b else f"{a:X}-{b:X}" for a, b in runs]


def write_tables():
    entities = html.entities.html5
    words = []
    for name in sorted(name[:-1] for name in entities if name.endswith(";")):
        mark = "?" if name in entities else "="
        words.append(name + mark + ",".join(f"{ord(c):X}" for c in entities[name + ";"]))
    assert len(words) + sum("?" in word for word in words) == len(entities)
    TABLES.mkdir(parents=True, exist_ok=True)
    (TABLES / "HTMLEntities+Table.swift").write_text(literal(
        textwrap.wrap(" ".join(words), 110, break_long_words=False, break_on_hyphens=False), "HTMLEntities",
        "Each name with its code points; after `=` the name needs a semicolon, after `?` it does not.",
        "the HTML Standard, named character references"))  # fmt: skip
    lines = []
    for encoding in ENCODINGS:
        codes = [f"{ord(c):X}" for c in bytes(range(0x80, 0x100)).decode(encoding)]
        lines += [encoding.replace("sloppy-", "~")] + textwrap.wrap(" ".join(codes), 110)
    (TABLES / "SingleByteEncoding+Table.swift").write_text(literal(
        lines, "SingleByteEncoding",
        "Each name, with a tilde if byte 1A stands for U+FFFD, and the code points of bytes 80 to FF.",
        "the Unicode Consortium's mapping tables; unassigned bytes stand for themselves"))  # fmt: skip
    lines = []
    for key, name in CATEGORIES.items():
        characters = (badness.MOJIBAKE_CATEGORIES | chardata.UTF8_CLUES)[key]
        lines += textwrap.wrap(f"{name} {' '.join(ranges(characters))}", 110, break_on_hyphens=False)
    (TABLES / "MojibakeCharacters+Table.swift").write_text(literal(
        lines, "MojibakeCharacters", "Each category with its code points, and runs of them.",
        "ftfy 6.3.1, badness.py and chardata.py"))  # fmt: skip


MISREADINGS = [*chardata.CHARMAP_ENCODINGS, "windows-1252", "windows-1251", "windows-1250", "cp437", "macroman"]
COMMON = ["latin-1", "sloppy-windows-1252", "sloppy-windows-1252", "windows-1252", "sloppy-windows-1251", "macroman"]
ENTITIES = sorted(html.entities.html5)
BARE = [name for name in ENTITIES if not name.endswith(";")]
PHRASES = [
    "à la mode", "às vezes", "àquele", "l’été à Paris", "voilà le travail", "“quoted” — it’s…", "naïve café", "10°C ± 2 µm",
    "€20 £3", "»Größe«", "Ångström", "à quel point", "×²", "œuvre", "¯\\_(ツ)_/¯", "(◕‿◕)", "ಠ_ಠ", "Ő_Ő", "ﬂuﬃeﬆ Ǆ ǈ ŉ ĳ",
    "ＬＯＵＤ　ＮＯＩＳＥＳ", "Ｕﾀｰﾝ ｶﾞｷﾞ ﾟ", "￠￡￥￦ ﾡﾢ ￨", "\u001b[36;44mblue\u001b[0m", "\u001b[1;٣mx", "a\u001b[b", "😀👩‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "‘single’ ‚low‛ ʼn", "x<y & z>w", "AT&T; R&D", "&#x;", "&;", "&", "&&amp;amp;", "&#", "&#x110000;", "&#xD800;",
]  # fmt: skip


def misread(rng, text):
    """Text as it looks after its UTF-8 was read in another encoding, sometimes with losses."""
    encoding = rng.choice(COMMON if rng.random() < 0.6 else MISREADINGS)
    data = text.encode()
    if rng.random() < 0.12:
        pairs = "".join(
            chr(0xD800 + (ord(c) - 0x10000 >> 10)) + chr(0xDC00 + (ord(c) - 0x10000 & 0x3FF)) if ord(c) > 0xFFFF else c
            for c in text)  # fmt: skip
        data = pairs.encode("utf-8", "surrogatepass").replace(b"\0", b"\xc0\x80")
    text = data.decode(encoding, rng.choice(["replace", "replace", "ignore"]))
    loss = rng.random()
    if loss < 0.15:
        text = text.replace("\xa0", " ")
    elif loss < 0.20:
        text = text.replace("\x81", "?").replace("\x9d", "\ufffd")
    elif loss < 0.25 and text:
        place = rng.randrange(len(text))
        text = text[:place] + rng.choice(["?", "\ufffd", "\x1a", " ", "", "\n"]) + text[place + 1 :]
    return text


def entity(rng):
    kind = rng.random()
    if kind < 0.35:
        return "&" + rng.choice(ENTITIES)
    if kind < 0.5:
        return "&" + rng.choice(BARE) + rng.choice(["", "a", "it;", " ", "=", "x1"])
    if kind < 0.6:
        return "&" + rng.choice(ENTITIES).upper()
    if kind < 0.85:
        code = rng.choice([rng.randrange(0x180), rng.randrange(0x3000), rng.randrange(0x120000),
                           rng.randrange(0x80, 0xA0), rng.randrange(0xD7F0, 0xE010), 0xFDD5, 0xFFFE, 59, 38, 60, 0,
                           13, 10**rng.randrange(9, 30)])  # fmt: skip
        form = rng.choice(["&#{};", "&#{}", "&#x{:x};", "&#X{:X};", "&#x{:X}", "&#x{:x}g", "&#{}z;", "&#0{};"])
        return form.format(code)
    if kind < 0.9:
        return rng.choice(["&amp;", "&amp;amp;", "&amp;"]) + rng.choice(ENTITIES)
    return "&" + "".join(rng.choice("abAB01;# \t#x.") for _ in range(rng.randint(1, 40)))


SUSPECTS = sorted(set("".join(
    chr(code)
    for text in (badness.MOJIBAKE_CATEGORIES | chardata.UTF8_CLUES).values()
    for run in ranges(text)
    for code in range(int(run.split("-")[0], 16), int(run.split("-")[-1], 16) + 1))
    + "ÂÃÎÐØÙà√≈‚ÄâóвЂВГРСўβ€ΒΓΞΟāŒœ°× .,?!azAZ09_\n\xa0\xad"))  # fmt: skip


def fragment(rng):
    kind = rng.random()
    if kind < 0.14:
        sentence = rng.choice(SENTENCES)
        start = rng.randrange(len(sentence))
        return sentence[start : start + rng.randint(1, 40)]
    if kind < 0.46:
        sentence = rng.choice(SENTENCES if rng.random() < 0.6 else PHRASES)
        start = rng.randrange(len(sentence))
        text = misread(rng, sentence[start : start + rng.randint(1, 30)])
        return misread(rng, text) if rng.random() < 0.25 else text
    if kind < 0.60:
        return entity(rng)
    if kind < 0.68:
        return rng.choice(BLANKS + ["\x1c", "\x1f", "\u2003", "\u3000"]) * rng.choice([1, 1, 2, 4])
    if kind < 0.74:
        return rng.choice(ODD) * rng.choice([1, 1, 2])
    if kind < 0.80:
        return "".join(rng.choice(PUNCTUATION) for _ in range(rng.randint(1, 5)))
    if kind < 0.86:
        return rng.choice(PHRASES)
    if kind < 0.93:
        return "".join(rng.choice(SUSPECTS) for _ in range(rng.randint(1, 5)))
    if kind < 0.97:
        return random_text(rng)
    return rng.choice("aeiouAEIOUcnsyzКкавαωがはक한 ") + "".join(rng.choice(ODD) for _ in range(rng.randint(1, 3)))


def text(rng):
    if rng.random() < 0.15:
        whole = misread(rng, rng.choice(SENTENCES))
        return misread(rng, whole) if rng.random() < 0.3 else whole
    parts = [fragment(rng) for _ in range(rng.choice([1, 1, 2, 2, 3, 4]))]
    return "".join(part + rng.choice(["", "", " "]) for part in parts)


def pairs(seed, count):
    """Texts and what becomes of them; none has a surrogate, which no Swift string can hold."""
    rng = random.Random(seed)
    texts = ["", " ", "\n", *PHRASES, *SENTENCES, *BLANKS, *ODD, *("&" + name for name in BARE)]
    while len(texts) < count:
        texts.append(text(rng))
    texts = [t.encode("utf-8", "ignore").decode("utf-8") for t in texts[:count]]
    return [[t, prompt_clean(t)] for t in texts]


def suspicions(seed, count):
    """Short texts of the characters that mojibake is made of, and whether they look like it."""
    rng = random.Random(seed)
    result = []
    for _ in range(count):
        t = "".join(rng.choice(SUSPECTS) for _ in range(rng.randint(1, 4)))
        result.append([t, badness.is_bad(t)])
    return result


def dump(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(entry, ensure_ascii=False, separators=(",", ":")) for entry in value]
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
    print(path.name, path.stat().st_size, "bytes", sum(b not in (a, False) for a, b in value), "of", len(value))


def main():
    match sys.argv[1:]:
        case ["tables"]:
            write_tables()
        case ["goldens"]:
            dump(RESOURCES / "prompts.json", pairs(20260101, 3000))
            dump(RESOURCES / "mojibake.json", suspicions(20260102, 3000))
        case ["texts", seed, count, file]:
            from pathlib import Path

            dump(Path(file), pairs(int(seed), int(count)))
            dump(Path(file).with_suffix(".mojibake.json"), suspicions(int(seed), int(count)))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()

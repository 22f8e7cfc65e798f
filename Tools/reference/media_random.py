"""Writes image files drawn at random, sound and damaged, and what PIL reads from them.

    python Tools/reference/media_random.py FOLDER [COUNT [SEED]]        (needs pillow and numpy; pillow as pinned)

FOLDER gets the files and `expected.txt`, a line for each: its name, then width, height and the CRC-32 of the pixels of
`ImageOps.exif_transpose(image).convert("RGB")`, or `refused` where PIL raises an error. The files of
Tests/MediaTests/Resources/random were written with a count of 240; MediaTests reads any other folder that
VISUALGEN_TEST_PICTURES names.
"""

import io
import struct
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from media_goldens import png_chunk, riff, with_transform


class Drawing:
    """What is drawn at random: images, and places in files."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)

    def number(self, low, high):
        return int(self.random.integers(low, high + 1))

    def one_of(self, *choices):
        return choices[self.number(0, len(choices) - 1)]

    def bytes(self, count):
        return self.random.bytes(count)

    def pixels(self, width, height, channels):
        """Waves, noise and a block with hard edges, in a mixture of its own."""
        y, x = np.mgrid[0:height, 0:width].astype(np.float64)
        waves = [np.sin(x / self.number(2, 20) + y / self.number(2, 20) + c) for c in range(channels)]
        noise = self.random.normal(0, self.number(0, 40), (height, width, channels))
        pixels = 127 + self.number(20, 160) * np.stack(waves, -1) + noise
        pixels[height // 3 : height // 2, width // 4 : width // 2] = self.random.integers(0, 256, channels)
        return pixels.clip(0, 255).round().astype(np.uint8)

    def image(self, mode, low=1, high=64):
        channels = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}[mode]
        pixels = self.pixels(self.number(low, high), self.number(low, high), channels)
        return Image.fromarray(pixels[..., 0] if channels == 1 else pixels, mode)


# JPEG


def saved(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, **options)
    return buffer.getvalue()


def jpeg(draw, mode=None, **options):
    mode = mode or draw.one_of("RGB", "RGB", "RGB", "RGB", "L", "CMYK")
    options.setdefault("quality", draw.one_of(20, 50, 75, 85, 90, 95, 98))
    if mode == "RGB":
        options.setdefault("subsampling", draw.number(0, 2))
    options.setdefault("progressive", draw.number(0, 3) == 0)
    options.setdefault("optimize", draw.number(0, 2) == 0)
    if draw.number(0, 3) == 0:
        options[draw.one_of("restart_marker_blocks", "restart_marker_rows")] = draw.number(1, 6)
    return saved(draw.image(mode), format="JPEG", **options)


def segments(data):
    """A JPEG as its pieces: each segment before the first scan, and last the scan with all that follows."""
    pieces, offset = [data[:2]], 2
    while True:
        length = struct.unpack_from(">H", data, offset + 2)[0]
        if data[offset + 1] == 0xDA:
            return pieces + [data[offset:]]
        pieces.append(data[offset : offset + 2 + length])
        offset += 2 + length


def segment(marker, data):
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def before(data, markers, junk):
    """Bytes put before the first segment with one of the markers."""
    pieces = segments(data)
    place = next((i for i, piece in enumerate(pieces[1:], 1) if piece[1] in markers), 1)
    return b"".join(pieces[:place]) + junk + b"".join(pieces[place:])


def without(data, marker):
    return b"".join(piece for piece in segments(data) if piece[1] != marker)


def resampled(draw):
    """Sampling factors that PIL does not write, on coded blocks in another arrangement."""
    old, new, sides = draw.one_of((1, 0x12, 8), (2, 0x41, 16), (2, 0x14, 16), (1, 0x12, 16))
    whole = sides * draw.number(1, 4)
    image = Image.fromarray(draw.pixels(whole, whole, 3))
    data = bytearray(saved(image, format="JPEG", quality=90, subsampling=old))
    data[data.index(b"\xff\xc0") + 11] = new
    return bytes(data)


def ycck(draw):
    image = draw.image("RGB")
    black = draw.pixels(*image.size, 1)
    colours = np.concatenate([np.asarray(image.convert("YCbCr")), black], -1)
    return with_transform(saved(Image.fromarray(255 - colours, "CMYK"), format="JPEG", quality=draw.number(60, 98)), 2)


def flipped(draw, data, start, count):
    changed = bytearray(data)
    for _ in range(count):
        changed[draw.number(start, len(data) - 3)] = draw.number(0, 255)
    return bytes(changed)


def scan_start(data):
    return len(data) - len(segments(data)[-1]) + 14


def restarts(data):
    return [i for i in range(scan_start(data), len(data) - 1) if data[i] == 0xFF and 0xD0 <= data[i + 1] <= 0xD7]


def with_restarts(draw):
    return jpeg(draw, mode=draw.one_of("RGB", "L"), progressive=False, restart_marker_blocks=draw.number(1, 3))


def changed_restart(draw):
    data = with_restarts(draw)
    places = restarts(data)
    if not places:
        return data
    place = draw.one_of(*places)
    kind = draw.number(0, 2)
    if kind == 0:
        return data[:place] + data[place + 2 :]
    if kind == 1:
        return data[: place + 1] + bytes([0xD0 + draw.number(0, 7)]) + data[place + 2 :]
    return data[:place] + draw.bytes(draw.number(1, 4)) + data[place:]


JPEGS = {
    "sound": lambda draw: jpeg(draw),
    "more": lambda draw: jpeg(draw, mode="RGB"),
    "sampling": resampled,
    "progressive": lambda draw: jpeg(draw, progressive=True),
    "ycck": ycck,
    "cmyk": lambda draw: jpeg(draw, mode="CMYK"),
    "bare-cmyk": lambda draw: without(jpeg(draw, mode="CMYK"), 0xEE),
    "keep-rgb": lambda draw: jpeg(draw, mode="RGB", keep_rgb=True, subsampling=0),
    "junk": lambda draw: before(
        jpeg(draw), draw.one_of([0xDB], [0xC4], [0xC0, 0xC2], [0xDA]), draw.bytes(draw.number(1, 9))
    ),
    "zeros": lambda draw: before(
        jpeg(draw), draw.one_of([0xDB], [0xC4], [0xC0, 0xC2], [0xDA]), bytes(draw.number(1, 90_000))
    ),
    "padding": lambda draw: before(
        jpeg(draw), draw.one_of([0xDB], [0xC4], [0xC0, 0xC2], [0xDA]), b"\xff" * draw.number(1, 5)
    ),
    "escaped": lambda draw: before(jpeg(draw), [0xC4], b"\xff\0\xff\0"),
    "stray": lambda draw: before(
        jpeg(draw), draw.one_of([0xDB], [0xC4], [0xC0, 0xC2]), bytes([0xFF, draw.one_of(0xD0, 0xD7, 0xD8, 0xD9, 1, 2)])
    ),
    "note": lambda draw: before(
        jpeg(draw), [0xDB], segment(draw.one_of(0xE5, 0xFE, 0xF3, 0xDC, 0xDF), draw.bytes(draw.number(0, 40)))
    ),
    "short-note": lambda draw: before(jpeg(draw), [0xDB], bytes([0xFF, 0xE5, 0, draw.number(0, 1)])),
    "two-frames": lambda draw: before(jpeg(draw), [0xDA], segment(0xC0, b"\x08\0\x10\0\x10\1\1\x11\0")),
    "no-end": lambda draw: jpeg(draw)[: -draw.number(1, 3)],
    # Not progressive: the releases of libjpeg-turbo differ in how they smooth an image whose later scans are missing.
    "early-end": lambda draw: (lambda data: data[: scan_start(data) + draw.number(0, 200)] + b"\xff\xd9")(
        jpeg(draw, progressive=False)
    ),
    "cut": lambda draw: (lambda data: data[: draw.number(3, len(data) - 3)])(jpeg(draw)),
    "flipped-pixels": lambda draw: (lambda data: flipped(draw, data, scan_start(data), draw.number(1, 3)))(jpeg(draw)),
    "flipped": lambda draw: (lambda data: flipped(draw, data, 3, draw.number(1, 2)))(jpeg(draw)),
    "restart": changed_restart,
    "trailing": lambda draw: jpeg(draw) + draw.bytes(draw.number(1, 3000)),
    "large": lambda draw: saved(
        draw.image("RGB", 150, 250), format="JPEG", quality=85, progressive=draw.number(0, 1) == 1
    ),
}


# PNG


def coded_rows(draw, rows, unit):
    """Rows of bytes behind filters drawn for each."""
    result, above = b"", None
    for row in rows:
        row = np.frombuffer(row, np.uint8).astype(int)
        above = np.zeros_like(row) if above is None or len(above) != len(row) else above
        left = np.concatenate([np.zeros(unit, int), row])[: len(row)]
        corner = np.concatenate([np.zeros(unit, int), above])[: len(row)]
        guess = left + above - corner
        a, b, c = abs(guess - left), abs(guess - above), abs(guess - corner)
        paeth = np.where((a <= b) & (a <= c), left, np.where(b <= c, above, corner))
        kind = draw.number(0, 4)
        coded = row - [0, left, above, (left + above) // 2, paeth][kind]
        result += bytes([kind]) + (coded % 256).astype(np.uint8).tobytes()
        above = row
    return result


PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


class PNG:
    """A PNG in pieces, so that each can be damaged."""

    def __init__(self, draw, colour=None, bits=None, interlace=None):
        self.draw = draw
        self.colour = draw.one_of(0, 2, 3, 4, 6) if colour is None else colour
        self.bits = bits or draw.one_of(*{0: (1, 2, 4, 8, 16), 3: (1, 2, 4, 8)}.get(self.colour, (8, 16)))
        self.interlace = draw.number(0, 1) if interlace is None else interlace
        self.width, self.height = draw.number(1, 40), draw.number(1, 40)
        channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[self.colour]
        values = draw.random.integers(0, 2**self.bits, (self.height, self.width, channels), dtype=np.uint32)
        values[self.height // 2 :] = values[self.height // 2, 0]
        unit = max(1, channels * self.bits // 8)
        self.data, passes = b"", PASSES if self.interlace else ((0, 0, 1, 1),)
        for x, y, dx, dy in passes:
            part = values[y::dy, x::dx]
            if part.size:
                self.data += coded_rows(draw, [self.packed(row) for row in part], unit)
        self.colours = draw.bytes(3 * draw.number(1, 2**self.bits)) if self.colour == 3 else b""
        self.before = [(b"PLTE", self.colours)] if self.colour == 3 else []
        self.after = []

    def packed(self, row):
        if self.bits == 16:
            return row.astype(">u2").tobytes()
        bits = np.unpackbits(row[..., None].astype(np.uint8), axis=-1)[..., 8 - self.bits :]
        return np.packbits(bits.reshape(-1)).tobytes()

    def header(self, interlace=None):
        interlace = self.interlace if interlace is None else interlace
        return struct.pack(">IIBBBBB", self.width, self.height, self.bits, self.colour, 0, 0, interlace)

    def pieces(self, data=None, cuts=1):
        """The chunks, the pixels in several of them."""
        data = zlib.compress(self.data, self.draw.number(0, 9)) if data is None else data
        places = sorted(self.draw.number(0, len(data)) for _ in range(cuts - 1))
        parts = [data[a:b] for a, b in zip([0] + places, places + [len(data)])]
        chunks = [(b"IHDR", self.header())] + self.before + [(b"IDAT", part) for part in parts] + self.after
        return [png_chunk(*chunk) for chunk in chunks + [(b"IEND", b"")]]

    def file(self, **options):
        return SIGNATURE + b"".join(self.pieces(**options))


SIGNATURE = b"\x89PNG\r\n\x1a\n"


def png_with(draw, before=(), after=(), **options):
    png = PNG(draw, **options)
    png.before = list(before) + png.before
    png.after = list(after)
    return png.file(cuts=draw.number(1, 3))


def wrong_sum(piece):
    return piece[:-1] + bytes([piece[-1] ^ 1])


def png_joined(draw, change, **options):
    png = PNG(draw, **options)
    png.after = [(b"tEXt", b"k\0after")]
    png.before = [(b"tEXt", b"k\0before")] + png.before
    return SIGNATURE + b"".join(change(png.pieces(cuts=2)))


def surplus(draw):
    """More pixels than the size tells, or a part of the last row less."""
    png = PNG(draw, interlace=0, colour=2)
    data = png.data + draw.bytes(draw.number(1, 5000)) if draw.number(0, 1) else png.data[: -draw.number(1, 3)]
    return png.file(data=zlib.compress(data))


def wrong_pixels(draw):
    png = PNG(draw)
    data = zlib.compress(png.data)
    data = draw.one_of(data[:-4] + draw.bytes(4), data[:-2], data[:-4], data + draw.bytes(9), data[: len(data) // 2])
    return png.file(data=data, cuts=draw.number(1, 2))


def odd_palette(draw):
    png = PNG(draw, colour=draw.one_of(2, 3, 3))
    png.before.append((b"PLTE", draw.bytes(draw.one_of(0, 4, 20, 768, 769, 771, 900))))
    return png.file()


def split_sum(draw):
    """The check sum of the pixels, wrong, in a chunk of its own."""
    png = PNG(draw)
    data = zlib.compress(png.data)[:-4]
    png.after = [(b"IDAT", b"abcd")]
    return png.file(data=data)


def animated(draw, whole):
    png = PNG(draw, interlace=0)
    x, y = (0, 0) if whole else (draw.number(0, 5), draw.number(0, 5))
    frame = struct.pack(">IIIIIHHBB", 0, png.width, png.height, x, y, 1, 10, 0, 0)
    png.before = [(b"acTL", struct.pack(">II", draw.number(1, 2), 0))] + png.before + [(b"fcTL", frame)]
    width, height = png.width, png.height
    png.width, png.height = width + x + draw.number(0, 4 - 4 * whole), height + y
    data = zlib.compress(png.data)
    second = struct.pack(">IIIIIHHBB", 1, width, height, x, y, 1, 10, 0, 0)
    png.after = [(b"fcTL", second), (b"fdAT", struct.pack(">I", 2) + data), (b"eXIf", tiff(">", [(274, 3, 6)]))]
    return png.file(data=data)


PNGS = {
    "plain": lambda draw: PNG(draw).file(cuts=draw.number(1, 4)),
    "interlaced": lambda draw: PNG(draw, interlace=1).file(),
    "palette": lambda draw: PNG(draw, colour=3).file(),
    "odd-palette": odd_palette,
    "no-palette": lambda draw: SIGNATURE + b"".join(
        piece for piece in PNG(draw, colour=3).pieces() if piece[4:8] != b"PLTE"
    ),
    "key": lambda draw: png_with(draw, after=[], before=[(b"tRNS", draw.bytes(6))], colour=draw.one_of(0, 2)),
    "gamma": lambda draw: png_with(
        draw, [(b"gAMA", struct.pack(">I", draw.one_of(45455, 100000, 0))), (b"sRGB", b"\0"), (b"cHRM", draw.bytes(32))]
    ),
    "short-note": lambda draw: png_with(
        draw,
        *draw.one_of(
            *[([chunk], []) for chunk in SHORT],
            *[([], [chunk]) for chunk in SHORT],
        ),
    ),
    "unknown": lambda draw: png_with(
        draw, [(draw.one_of(b"ABCD", b"abCd", b"A1_2"), draw.bytes(9))], [(b"XXXX", draw.bytes(3))]
    ),
    "two-headers": lambda draw: png_joined(draw, lambda pieces: pieces[:1] + pieces),
    "late-header": lambda draw: png_joined(draw, lambda pieces: [pieces[1], pieces[0]] + pieces[2:], colour=0),
    "odd-header": lambda draw: png_joined(
        draw,
        lambda pieces: [png_chunk(b"IHDR", pieces[0][8:18] + bytes([draw.number(0, 1), draw.number(0, 1), 2]) + b"more")]
        + pieces[1:],
        interlace=1,
    ),
    "no-end": lambda draw: png_joined(draw, lambda pieces: pieces[:-1]),
    "half-end": lambda draw: png_joined(draw, lambda pieces: pieces[:-1] + [pieces[-1][: draw.number(1, 11)]]),
    "end-sum": lambda draw: png_joined(draw, lambda pieces: pieces[:-1] + [wrong_sum(pieces[-1])]),
    "after-sum": lambda draw: png_joined(draw, lambda pieces: pieces[:-2] + [wrong_sum(pieces[-2]), pieces[-1]]),
    "pixel-sum": lambda draw: png_joined(draw, lambda pieces: pieces[:-3] + [wrong_sum(pieces[-3])] + pieces[-2:]),
    "before-sum": lambda draw: png_joined(draw, lambda pieces: pieces[:1] + [wrong_sum(pieces[1])] + pieces[2:]),
    "header-sum": lambda draw: png_joined(draw, lambda pieces: [wrong_sum(pieces[0])] + pieces[1:]),
    "cut": lambda draw: (lambda data: data[: draw.number(9, len(data) - 1)])(png_joined(draw, lambda pieces: pieces)),
    "cut-late": lambda draw: (lambda data: data[: len(data) - draw.number(1, 50)])(
        png_joined(draw, lambda pieces: pieces)
    ),
    "trailing": lambda draw: PNG(draw).file() + draw.bytes(draw.number(1, 200)),
    "trailing-no-end": lambda draw: png_joined(draw, lambda pieces: pieces[:-1]) + draw.bytes(draw.number(1, 200)),
    "long-after": lambda draw: png_joined(
        draw, lambda pieces: pieces[:-1] + [b"\0\0\xff\xff" + draw.one_of(b"tEXt", b"xxXx", b"IDAT") + b"abc"]
    ),
    "wrong-pixels": wrong_pixels,
    "split-sum": split_sum,
    "surplus": surplus,
    "bad-filter": lambda draw: (lambda png: png.file(data=zlib.compress(b"\5" + png.data[1:])))(PNG(draw)),
    "interrupted": lambda draw: (lambda png: SIGNATURE + b"".join(
        (lambda pieces: pieces[:-2] + [png_chunk(b"tEXt", b"k\0v")] + pieces[-2:])(png.pieces(cuts=2))
    ))(PNG(draw)),
    "animated": lambda draw: animated(draw, True),
    "animated-part": lambda draw: animated(draw, False),
}

SHORT = [(b"gAMA", b"\0"), (b"cHRM", b"\0"), (b"sRGB", b""), (b"pHYs", b"\1"), (b"acTL", b"\0\0\0\1"), (b"tRNS", b"\1")]


# Where an orientation is found


SIZES = {1: "B", 2: "c", 3: "H", 4: "L", 5: "LL", 6: "b", 7: "B", 8: "h", 9: "l", 10: "ll", 11: "f", 12: "d"}
SIZES |= {13: "L", 16: "Q"}


def tiff(order, entries, magic=42, start=8):
    """A directory of numbers, those too wide for it behind it."""
    head = (b"MM" if order == ">" else b"II") + struct.pack(order + "HI", magic, start)
    body, behind = struct.pack(order + "H", len(entries)), b""
    place = start + 2 + 12 * len(entries) + 4
    for tag, kind, value in entries:
        values = value if isinstance(value, tuple) else (value,)
        if kind == 2:
            data = value
        elif kind in (5, 10):
            data = struct.pack(order + SIZES[kind], *values)
        else:
            data = struct.pack(f"{order}{len(values)}{SIZES.get(kind, 'B')}", *values)
        count = len(data) // struct.calcsize("=" + SIZES.get(kind, "B"))
        if len(data) > 4:
            field = struct.pack(order + "I", place + len(behind))
            behind += data
        else:
            field = data.ljust(4, b"\0")
        body += struct.pack(order + "HHI", tag, kind, count) + field
    return head + bytes(start - 8) + body + bytes(4) + behind


def exif(draw):
    """EXIF data with an orientation of any width, some of them broken."""
    order, number = draw.one_of("<", ">"), draw.number(0, 9)
    kind = draw.one_of(3, 3, 3, 4, 1, 2, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 99)
    value = {2: b"%d\0" % number, 5: (2 * number, 2), 10: (number, 1)}.get(kind, number)
    if kind in (3, 4, 8, 9) and draw.number(0, 3) == 0:
        value = (number, 3)
    entries = [(271, 2, b"Maker\0"), (274, kind, value), (282, 5, (72, 1))]
    change = draw.number(0, 9)
    if change == 0:
        entries.insert(1, (274, 3, draw.number(1, 8)))
    if change == 1:
        entries.pop(1)
    data = tiff(order, entries, start=draw.one_of(8, 8, 8, 20))
    if change == 2:
        data = data[: draw.number(0, len(data))]
    if change == 3:
        data = data[:2] + draw.one_of(b"\0\x2a", b"\x2a\0", b"\0\x2b", b"\x2b\0", b"\0\0") + data[4:]
    if change == 4:  # the first entry points beyond the end
        data = data.replace(b"Maker\0", b"")
    return data


def xmp(draw):
    number = draw.number(0, 9)
    form = draw.one_of('tiff:Orientation="%d"', "<tiff:Orientation>%d</tiff:Orientation>", "tiff:Orientation='%d'", "%d")
    return (f"<x:xmpmeta><rdf:Description {form % number}/> tiff:Orientation=\"3\"</x:xmpmeta>").encode()


def prefixed(draw, data):
    return draw.one_of(b"Exif\0\0", b"Exif\0\0", b"", b"Exif\0\0Exif\0\0") + data


def turned_jpeg(draw):
    data, notes = jpeg(draw), b""
    places = draw.number(1, 3)
    if places & 1:
        whole = exif(draw)
        cut = draw.number(0, len(whole)) if draw.number(0, 2) == 0 else len(whole)
        notes += segment(0xE1, b"Exif\0\0" + draw.one_of(b"", b"", b"Exif\0\0") + whole[:cut])
        if cut < len(whole):
            notes += segment(0xE1, b"Exif\0\0" + whole[cut:])
    if places & 2:
        notes += segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp(draw))
    if draw.number(0, 3) == 0:
        notes = segment(0xE1, draw.bytes(20)) + notes
    return before(data, draw.one_of([0xDB], [0xDA], [0xE0]), notes)


def hexadecimal(data, name=b"exif"):
    text = data.hex()
    lines = "\n".join(text[i : i + 72] for i in range(0, len(text), 72))
    return b"\n%s\n%8d\n%s\n" % (name, len(data), lines.encode())


def png_text(draw, key, text):
    kind = draw.number(0, 3)
    if kind == 0:
        return b"tEXt", key + b"\0" + text
    if kind == 1:
        return b"zTXt", key + b"\0\0" + zlib.compress(text)
    if kind == 2:
        return b"iTXt", key + b"\0\0\0en\0\0" + text
    return b"iTXt", key + b"\0\1\0\0\0" + zlib.compress(text)


def turned_png(draw):
    notes = []
    for _ in range(draw.number(1, 3)):
        notes.append(
            draw.one_of(
                (b"eXIf", prefixed(draw, exif(draw)) if draw.number(0, 3) == 0 else exif(draw)),
                (b"tEXt", b"exif\0" + prefixed(draw, exif(draw))),
                png_text(draw, b"Raw profile type exif", hexadecimal(prefixed(draw, exif(draw)))),
                png_text(draw, b"XML:com.adobe.xmp", xmp(draw)),
            )
        )
    place = draw.number(0, len(notes))
    return png_with(draw, notes[:place], notes[place:])


def turned_webp(draw):
    image = draw.image(draw.one_of("RGB", "RGBA"), 2, 30)
    kind = draw.one_of(True, False)
    still = saved(image, format="WEBP", lossless=kind, quality=80, exact=True)
    if still[12:16] == b"VP8X":
        return still
    size = struct.pack("<I", image.width - 1)[:3] + struct.pack("<I", image.height - 1)[:3]
    flags = draw.one_of(0x0C, 0x0C, 0x08, 0x04, 0)
    picture = (still[12:16], still[20 : 20 + struct.unpack_from("<I", still, 16)[0]])
    chunks = [(b"VP8X", bytes([flags, 0, 0, 0]) + size), picture]
    for _ in range(draw.number(1, 3)):
        chunks.append(draw.one_of((b"EXIF", prefixed(draw, exif(draw))), (b"XMP ", xmp(draw))))
    return riff(chunks)


TURNED = {"turned.jpg": turned_jpeg, "turned.png": turned_png, "turned.webp": turned_webp}

KINDS = (
    {f"{name}.jpg": make for name, make in JPEGS.items()}
    | {f"{name}.png": make for name, make in PNGS.items()}
    | TURNED
)


def read(data):
    """What PIL makes of a file: a line's end; None where it stumbles over what is not the image."""
    with warnings.catch_warnings(action="ignore"):
        try:
            image = Image.open(io.BytesIO(data))
            image.load()
        except Exception:
            return "refused"
        try:
            image = ImageOps.exif_transpose(image)
        except Exception:  # notes that PIL gives the whole picture up for, and VisualGen does not
            return None
    if image.mode == "I;16":  # of 16 bits the upper 8 are taken, where PIL cuts off at 255
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    image = image.convert("RGB")
    return f"{image.width} {image.height} {zlib.crc32(image.tobytes()):08x}"


def main(folder, count=200, seed=1):
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    lines, names = [], list(KINDS) + 5 * list(TURNED)
    for number in range(count):
        name = names[number % len(names)]
        data = KINDS[name](Drawing([seed, number]))
        if (line := read(data)) is None:
            continue
        (folder / f"{number:04}-{name}").write_bytes(data)
        lines.append(f"{number:04}-{name} {line}\n")
    (folder / "expected.txt").write_text("".join(lines))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))

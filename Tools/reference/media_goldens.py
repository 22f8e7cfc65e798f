"""Writes the small image files of Tests/MediaTests/Resources and what PIL reads from them.

For each file NAME there is NAME.rgb: width and height as two little-endian 32-bit numbers, then the pixels of
`ImageOps.exif_transpose(image).convert("RGB")`, which is how diffusers' `load_image` opens a picture.

    python Tools/reference/media_goldens.py        (needs pillow and numpy; written with pillow 13.0)
"""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

OUT = Path(__file__).resolve().parents[2] / "Tests" / "MediaTests" / "Resources"
WIDTH, HEIGHT = 37, 21


def picture(channels):
    """Smooth waves, different in each channel, and a block with hard edges."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    planes = [127 + 110 * np.sin(x / (7 + 2 * c) + y / (5 + c) + c) for c in range(channels)]
    pixels = np.stack(planes, -1).round().astype(np.uint8)
    pixels[4:9, 6:15] = np.arange(channels) * 60
    return pixels


def image(mode):
    channels = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}[mode]
    pixels = picture(channels)
    return Image.fromarray(pixels[..., 0] if channels == 1 else pixels, mode)


def save(picture, **options):
    buffer = io.BytesIO()
    picture.save(buffer, **options)
    return buffer.getvalue()


def orientation(number):
    exif = Image.Exif()
    exif[0x0112] = number
    return exif


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(rows_of_passes, width, height, bits, colour, interlace=0, extra=b""):
    """A PNG from rows of packed bytes, none of them filtered."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlace)
    data = zlib.compress(b"".join(b"\0" + row for row in rows_of_passes))
    return (
        b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + extra + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")
    )


def packed(values, bits):
    """Rows of small numbers packed into bytes, the leftmost in the top bits."""
    planes = np.unpackbits(values[..., None].astype(np.uint8), axis=-1)[..., 8 - bits :]
    return [np.packbits(row.reshape(-1)).tobytes() for row in planes]


def interlaced(pixels):
    rows = []
    for x, y, dx, dy in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)):
        rows += [row.tobytes() for row in pixels[y::dy, x::dx]]
    return png(rows, pixels.shape[1], pixels.shape[0], 8, 2, interlace=1)


def with_sampling(jpeg, sampling, width, height):
    """The same coded blocks in another arrangement: a sound file, if an image that nobody drew."""
    frame = jpeg.index(b"\xff\xc0")
    patched = bytearray(jpeg)
    patched[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    patched[frame + 11] = sampling
    return bytes(patched)


def with_transform(jpeg, transform):
    """Four colours of which the Adobe marker says something else: 2 stands for luma, two chromas and black."""
    patched = bytearray(jpeg)
    patched[jpeg.index(b"Adobe") + 11] = transform
    frame, scan = jpeg.index(b"\xff\xc0"), jpeg.index(b"\xff\xda")
    for number in range(4):  # in place of the letters C, M, Y, K
        patched[frame + 10 + 3 * number] = patched[scan + 5 + 2 * number] = number + 1
    return bytes(patched)


def riff(chunks):
    body = b"".join(kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for kind, data in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def u24(number):
    return struct.pack("<I", number)[:3]


def small_frame_webp():
    """An animation of one frame that covers only a part of its canvas."""
    still = save(image("RGB"), format="WEBP", lossless=True)
    assert still[12:16] == b"VP8L"
    picture = still[12:]
    frame = u24(2) + u24(3) + u24(WIDTH - 1) + u24(HEIGHT - 1) + u24(100) + b"\0" + picture
    canvas = b"\x02\0\0\0" + u24(WIDTH + 9) + u24(HEIGHT + 11)
    return riff([(b"VP8X", canvas), (b"ANIM", b"\0\0\0\0\0\0"), (b"ANMF", frame), (b"ANMF", frame)])


def gif_frame(pixels, x, y, local=b"", transparent=None, interlace=False):
    """One frame from numbers of colours: a code for each pixel, and a reset before the codes would grow."""
    height, width = pixels.shape
    order = sum((list(range(start, height, step)) for start, step in ((0, 8), (4, 8), (2, 4), (1, 2))), [])
    rows = pixels[order] if interlace else pixels
    codes, bits = [], ""
    for number, value in enumerate(rows.reshape(-1)):
        codes += [256, value] if number % 200 == 0 else [value]
    for code in codes + [257]:
        bits = f"{code:09b}" + bits
    data = int(bits, 2).to_bytes((len(bits) + 7) // 8, "little")
    blocks = b"".join(bytes([len(data[i : i + 255])]) + data[i : i + 255] for i in range(0, len(data), 255))
    flags = (0x80 | (len(local) // 3).bit_length() - 2 if local else 0) | (0x40 if interlace else 0)
    control = b"" if transparent is None else b"!\xf9\x04\x01\x0a\0" + bytes([transparent]) + b"\0"
    return control + b"," + struct.pack("<4HB", x, y, width, height, flags) + local + b"\x08" + blocks + b"\0"


def gif(width, height, table, *frames):
    flags = 0x80 | (len(table) // 3).bit_length() - 2 if table else 0
    return b"GIF89a" + struct.pack("<HHBBB", width, height, flags, 1, 0) + table + b"".join(frames) + b";"


def gifs():
    """Whole images, and first frames that leave a part of the canvas open or reach beyond it."""
    rgb, other = image("RGB"), Image.fromarray(255 - picture(3))
    numbers = picture(1)[..., 0]
    table = bytes((7 * i + 31 * c) % 256 for i in range(256) for c in range(3))
    local = bytes((5 * i + 90 * c) % 256 for i in range(256) for c in range(3))
    yield "still.gif", save(rgb, format="GIF")
    yield "animated.gif", save(rgb, format="GIF", save_all=True, append_images=[other], duration=100)
    yield "few.gif", save(rgb.quantize(5), format="GIF")
    yield "interlaced.gif", gif(WIDTH, HEIGHT, table, gif_frame(numbers, 0, 0, interlace=True))
    yield "local.gif", gif(WIDTH, HEIGHT, table, gif_frame(numbers, 0, 0, local))
    yield "key.gif", gif(WIDTH, HEIGHT, table, gif_frame(numbers, 0, 0, transparent=int(numbers[3, 3])))
    yield "part.gif", gif(WIDTH + 9, HEIGHT + 4, table, gif_frame(numbers, 5, 2), gif_frame(255 - numbers, 0, 0))
    yield "part-key.gif", gif(WIDTH + 9, HEIGHT + 4, table, gif_frame(numbers, 5, 2, local, transparent=77))
    yield "beyond.gif", gif(WIDTH - 9, HEIGHT - 4, table, gif_frame(numbers, 3, 2))
    yield "no-table.gif", gif(WIDTH, HEIGHT, b"", gif_frame(numbers, 0, 0))


def files():
    rgb = image("RGB")
    other = Image.fromarray(255 - picture(3))
    palette = rgb.quantize(40)
    wide = (np.arange(HEIGHT * WIDTH * 3).reshape(HEIGHT, WIDTH, 3) * 21 % 65536).astype(">u2")

    yield "rgb.png", save(rgb, format="PNG")
    yield "rgba.png", save(image("RGBA"), format="PNG")
    yield "grey.png", save(image("L"), format="PNG")
    yield "grey-alpha.png", save(image("LA"), format="PNG")
    yield "palette.png", save(palette, format="PNG")
    yield "palette-alpha.png", save(palette, format="PNG", transparency=bytes(range(0, 240, 6)))
    yield "palette-key.png", save(palette, format="PNG", transparency=3)
    yield "palette4.png", save(rgb.quantize(13), format="PNG", bits=4)
    yield "rgb-key.png", save(rgb, format="PNG", transparency=(0, 60, 120))
    yield "grey-key.png", save(image("L"), format="PNG", transparency=127)
    yield "bits.png", save(image("L").convert("1"), format="PNG")
    yield "grey2.png", png(packed(picture(1)[..., 0] >> 6, 2), WIDTH, HEIGHT, 2, 0)
    yield "grey4.png", png(packed(picture(1)[..., 0] >> 4, 4), WIDTH, HEIGHT, 4, 0)
    yield "rgb16.png", png([row.tobytes() for row in wide], WIDTH, HEIGHT, 16, 2)
    yield "grey16.png", png([row.tobytes() for row in wide[..., 0]], WIDTH, HEIGHT, 16, 0)
    yield "interlaced.png", interlaced(picture(3))
    yield "animated.png", save(rgb, format="PNG", save_all=True, append_images=[other])
    yield "turned.png", save(rgb, format="PNG", exif=orientation(6))

    for name, sampling in (("444", 0), ("422", 1), ("420", 2)):
        yield f"{name}.jpg", save(rgb, format="JPEG", quality=90, subsampling=sampling)
    yield "440.jpg", with_sampling(save(rgb, format="JPEG", quality=90, subsampling=1), 0x12, HEIGHT, WIDTH)
    yield "411.jpg", with_sampling(save(rgb, format="JPEG", quality=90, subsampling=2), 0x41, WIDTH, HEIGHT)
    yield "progressive.jpg", save(rgb, format="JPEG", quality=90, progressive=True)
    yield "restarts.jpg", save(rgb, format="JPEG", quality=90, restart_marker_blocks=2)
    yield "grey.jpg", save(image("L"), format="JPEG", quality=90)
    yield "cmyk.jpg", save(image("CMYK"), format="JPEG", quality=95)
    black = picture(4)[..., 3:] // 2 + 127
    ycck = Image.fromarray(255 - np.concatenate([np.asarray(rgb.convert("YCbCr")), black], -1), "CMYK")
    yield "ycck.jpg", with_transform(save(ycck, format="JPEG", quality=95), 2)
    yield "keep-rgb.jpg", save(rgb, format="JPEG", quality=90, keep_rgb=True)
    for number in range(1, 9):
        yield f"turned{number}.jpg", save(rgb, format="JPEG", quality=95, subsampling=0, exif=orientation(number))

    yield "lossy.webp", save(rgb, format="WEBP", quality=90)
    yield "lossy-alpha.webp", save(image("RGBA"), format="WEBP", quality=90, exact=True)
    yield "lossless.webp", save(rgb, format="WEBP", lossless=True)
    yield "lossless-alpha.webp", save(image("RGBA"), format="WEBP", lossless=True, exact=True)
    yield "animated.webp", save(rgb, format="WEBP", save_all=True, append_images=[other], lossless=True)
    yield "animated-part.webp", small_frame_webp()
    yield "turned.webp", save(rgb, format="WEBP", lossless=True, exif=orientation(8))
    yield from gifs()


def pixels_of(data):
    opened = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    if opened.mode == "I;16":  # PIL cuts 16-bit grey off at 255, so that nearly all of it is white: no example to follow
        opened = Image.fromarray((np.asarray(opened) >> 8).astype(np.uint8))
    opened = opened.convert("RGB")
    return struct.pack("<II", *opened.size) + opened.tobytes()


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for old in OUT.glob("*.*"):
        old.unlink()
    total = 0
    for name, data in files():
        (OUT / name).write_bytes(data)
        golden = pixels_of(data)
        (OUT / f"{name}.rgb").write_bytes(golden)
        total += len(data) + len(golden)
    print(f"{total} bytes in {OUT}")


if __name__ == "__main__":
    main()

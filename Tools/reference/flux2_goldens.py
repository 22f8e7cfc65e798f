"""Writes Tests/Goldens/flux2/<case>.safetensors: float64 runs of diffusers, stage by stage, from float32 noise.

Also flux2/pictures, flux2/bfloat16.json, flux2/reference_sizes.json, and what flux2/floors.json says of this processor.
"""

from common import write_json

import numpy as np
from diffusers.pipelines.flux2.image_processor import Flux2ImageProcessor
from PIL import Image

import flux2_cases
from flux2_cases import FOLDER
from flux2_exact import Exact
from image_goldens import Goldens, asked_cases
from inputs import picture

# Width and height: multiples of both checkpoints' 8 and 16, of neither, and with an alpha channel.
PICTURES = {"even": (31, 80, 64), "odd": (32, 93, 67), "alpha": (33, 70, 70)}
SIZES = [
    (64, 64), (63, 64), (64, 63), (65, 79), (512, 64), (513, 64), (64, 512), (64, 520), (1024, 1024), (1025, 1024),
    (1024, 1040), (1023, 1025), (2048, 2048), (1920, 1080), (1080, 1920), (4000, 3000), (3000, 1000), (800, 600),
    (8192, 1024), (1024, 8193), (1500, 700), (6000, 751), (1367, 768), (777, 1351),
]  # fmt: skip


def write_pictures():
    """The reference images, as PNG."""
    folder = FOLDER / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    for name, (seed, width, height) in PICTURES.items():
        pixels = picture(seed, width, height)
        if name == "alpha":
            pixels = np.concatenate([pixels, picture(seed + 10, width, height)[..., :1]], axis=-1)
        Image.fromarray(pixels).save(folder / f"{name}.png", optimize=True)


def prepared_size(width, height):
    """What the pipelines make of a reference of this size, with a factor of 8 of the autoencoder."""
    processor = Flux2ImageProcessor(vae_scale_factor=16)
    image = Image.new("RGB", (width, height))
    try:
        processor.check_image_input(image)
    except ValueError:
        return {"width": width, "height": height, "refused": True}
    resized = processor._resize_if_exceeds_area(image, 1024 * 1024)
    cropped = [side // 16 * 16 for side in resized.size]
    return {"width": width, "height": height, "resized": list(resized.size), "cropped": cropped}


def main():
    cases = asked_cases(__doc__, flux2_cases.CASES)
    write_pictures()
    if Goldens(flux2_cases, Exact, noise="noise").write_all(cases, ["dev", "dev-edit-two", "klein", "klein-base"]):
        write_json(FOLDER / "reference_sizes.json", [prepared_size(*size) for size in SIZES])


if __name__ == "__main__":
    main()

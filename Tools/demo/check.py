"""Check the demo model's images by their pixels.

    python check.py prompts --count 200 --seed 1 > prompts.json
    python check.py score DIR_OF_PNGS --prompts prompts.json
    python check.py draw DIR_OF_PNGS --prompts prompts.json     (the right images, to test the checker itself)

``prompts`` writes captions of scenes held out of training. ``score`` reads 000.png, 001.png, ... and prints JSON: the
share of images that are wholly right, the share for each attribute, and what is wrong with the others.
"""

import argparse
import json
import random
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

import captions
import scenes

NAMES = tuple(scenes.COLOURS)
PALETTE = np.array([scenes.COLOURS[name] for name in NAMES], dtype=np.float64)
SIZE_LIMITS = {"large": (0.33, 0.45), "medium": (0.235, 0.325), "small": (0.15, 0.245)}
ATTRIBUTES = ("count", "background", "colour", "shape", "size", "place", "clean")
COLOUR_TOLERANCE = 60  # distance in RGB at which a pixel still counts as the colour named
CLEAN_SHARE = 0.97


def nearest_colour(pixels):
    """Index of the nearest palette colour of every pixel, and the distance to it."""
    distances = np.linalg.norm(pixels[..., None, :] - PALETTE, axis=-1)
    return distances.argmin(axis=-1), distances.min(axis=-1)


def most_common(values):
    return int(np.bincount(values.ravel(), minlength=len(NAMES)).argmax())


def shape_of(mask):
    """Name the shape of a filled object from how much of its bounding box it fills, and where."""
    height, width = mask.shape
    if not 0.8 < width / height < 1.25:
        return "other"
    filled = mask.mean()
    top, bottom = mask[: height // 4].mean(), mask[-(height // 4) :].mean()
    if filled > 0.92:
        return "square"
    if filled > 0.70 and abs(top - bottom) < 0.15:
        return "circle"
    if 0.40 < filled < 0.64 and bottom - top > 0.5:
        return "triangle"
    return "other"


def find_objects(image):
    """Look at an (H, W, 3) image: its background, its objects, and the share of pixels that fit neither."""
    height, width, _ = image.shape
    short = min(height, width)
    pixels = image.astype(np.float64)
    colours, distances = nearest_colour(pixels)
    edge = max(2, short // 64)
    border = np.ones((height, width), dtype=bool)
    border[edge:-edge, edge:-edge] = False
    background = most_common(colours[border])
    foreground = np.linalg.norm(pixels - PALETTE[background], axis=-1) > COLOUR_TOLERANCE
    clean_border = 1 - foreground[border].mean()
    labels, _ = ndimage.label(foreground, np.ones((3, 3)))
    objects, explained = [], ~foreground & (distances < COLOUR_TOLERANCE)
    for index, where in enumerate(ndimage.find_objects(labels), start=1):
        mask = labels[where] == index
        if mask.sum() < 0.0015 * short**2:
            continue
        inner = ndimage.binary_erosion(mask, np.ones((3, 3)), iterations=max(1, short // 128))
        colour = most_common(colours[where][inner] if inner.any() else colours[where][mask])
        # Half-covered pixels count as inside when they are nearer to the object's colour than to the background's.
        ours = np.linalg.norm(pixels[where] - PALETTE[colour], axis=-1)
        theirs = np.linalg.norm(pixels[where] - PALETTE[background], axis=-1)
        mask &= ours < theirs
        if not mask.any():
            continue
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        box = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        centre_y, centre_x = ndimage.center_of_mass(mask)
        explained[where] |= mask & (ours < COLOUR_TOLERANCE)
        explained[where] |= ndimage.binary_dilation(mask) & ~ndimage.binary_erosion(mask)
        objects.append(
            {
                "colour": NAMES[colour],
                "shape": shape_of(box),
                "extent": max(box.shape) / short,
                "x": (centre_x + where[1].start) / width,
                "y": (centre_y + where[0].start) / height,
            }
        )
    return {
        "background": NAMES[background],
        "objects": objects,
        "clean": float(min(explained.mean(), clean_border)),
    }


def in_place(objects, arrangement):
    """Whether one object is near the middle, or two (in their order) are apart along the arrangement's axis."""
    if arrangement == "single":
        return all(abs(objects[0][axis] - 0.5) < 0.2 for axis in "xy")
    along, across = ("x", "y") if arrangement == "horizontal" else ("y", "x")
    first, second = objects
    return second[along] - first[along] > 0.2 and abs(second[across] - first[across]) < 0.2


def judge(image, scene):
    """Compare an image with the scene asked for: the attributes that are right, and what was seen."""
    seen = find_objects(image)
    wanted = scene["objects"]
    axis = "y" if scene["arrangement"] == "vertical" else "x"
    objects = sorted(seen["objects"], key=lambda o: o[axis])
    right = {name: False for name in ATTRIBUTES}
    right["background"] = seen["background"] == scene["background"]
    right["clean"] = seen["clean"] >= CLEAN_SHARE
    right["count"] = len(objects) == len(wanted)
    if right["count"]:
        pairs = list(zip(objects, wanted))
        right["colour"] = all(o["colour"] == w["colour"] for o, w in pairs)
        right["shape"] = all(o["shape"] == w["shape"] for o, w in pairs)
        right["size"] = all(SIZE_LIMITS[w["size"]][0] <= o["extent"] <= SIZE_LIMITS[w["size"]][1] for o, w in pairs)
        right["place"] = in_place(objects, scene["arrangement"])
    return right, seen


def make_prompts(count, seed):
    """Captions of held-out scenes."""
    rng = random.Random(seed)
    prompts = []
    for _ in range(count):
        scene = scenes.sample_scene(rng, held_out=True)
        prompts.append({"prompt": captions.caption(rng, scene), "scene": scene.as_dict()})
    return prompts


def score(directory, prompts):
    """Judge NNN.png of every prompt."""
    counts, wholly, failures = dict.fromkeys(ATTRIBUTES, 0), 0, []
    for index, entry in enumerate(prompts):
        path = Path(directory) / f"{index:03d}.png"
        right, seen = judge(np.asarray(Image.open(path).convert("RGB")), entry["scene"])
        for name in ATTRIBUTES:
            counts[name] += bool(right[name])
        wholly += all(right.values())
        if not all(right.values()):
            wrong = [name for name in ATTRIBUTES if not right[name]]
            failures.append({"image": path.name, "prompt": entry["prompt"], "wrong": wrong, "seen": seen})
    shares = {name: round(number / len(prompts), 4) for name, number in counts.items()}
    return {"count": len(prompts), "right": round(wholly / len(prompts), 4), "shares": shares, "failures": failures}


def draw(directory, prompts, height, width):
    """Render the images that the prompts ask for."""
    Path(directory).mkdir(parents=True, exist_ok=True)
    for index, entry in enumerate(prompts):
        image = scenes.draw(scenes.Scene.from_dict(entry["scene"]), height, width, seed=index)
        Image.fromarray(image).save(Path(directory) / f"{index:03d}.png")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("prompts", help="write held-out prompts as JSON")
    command.add_argument("--count", type=int, default=200)
    command.add_argument("--seed", type=int, default=1)
    command = commands.add_parser("score", help="judge images")
    command.add_argument("directory")
    command.add_argument("--prompts", required=True)
    command = commands.add_parser("draw", help="render the right images")
    command.add_argument("directory")
    command.add_argument("--prompts", required=True)
    command.add_argument("--height", type=int, default=256)
    command.add_argument("--width", type=int, default=256)
    arguments = parser.parse_args()
    if arguments.command == "prompts":
        json.dump(make_prompts(arguments.count, arguments.seed), sys.stdout, indent=1)
        print()
        return
    prompts = json.loads(Path(arguments.prompts).read_text())
    if arguments.command == "draw":
        draw(arguments.directory, prompts, arguments.height, arguments.width)
        return
    json.dump(score(arguments.directory, prompts), sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()

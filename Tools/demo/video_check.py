"""Check demo-video's clips by their pixels.

    python video_check.py prompts --count 100 --seed 1 > prompts.json
    python video_check.py score DIR_OF_PNGS --prompts prompts.json
    python video_check.py draw DIR_OF_PNGS --prompts prompts.json     (the right clips, to test the checker itself)

A clip is one PNG, a film strip: its frames side by side from left to right, each as wide as high. Every frame is
looked at alone by :func:`check.find_objects`: the background is the commonest colour along the frame's edge; an
object is a connected group of pixels whose colour is further than a tolerance from the background's; its colour is
the nearest named one, its shape follows from how much of its bounding box it fills and where, its place is the mean
of its pixels. What the clip adds is the way from the object's place in the first frame to the one in the last:

- ``object``: exactly one object in every frame
- ``background``, ``colour``: as asked, in every frame
- ``shape``: as asked in more frames than any other shape, and in a third of the frames at least (at this size the pixel
  grid hides the shape of a small circle in some frames)
- ``size``: the median over the frames of the longer side of the object's bounding box is within check.SIZE_LIMITS
- ``direction``: as asked. The object stands still if it came less far than STILL (in shares of the frame's side) along
  either axis; it moved if it came at least MOVED along one axis and less than half of that along the other
- ``steady``: from frame to frame it never goes further than LEAP, and, if it moves, never BACK or more the wrong way
- ``clean``: in every frame nearly all pixels belong to the background or the object

``asked`` is a clip with the object, background, colour, shape and direction asked for, ``right`` one with everything.
"""

import argparse
import json
import random
import sys
from pathlib import Path

import numpy as np
from PIL import Image

import check
import scenes
import video_captions
import video_scenes

ATTRIBUTES = ("object", "background", "colour", "shape", "direction", "size", "steady", "clean")
ASKED = ATTRIBUTES[:5]
STILL, MOVED = 0.06, 0.15
LEAP, BACK = 0.08, 0.02
SHAPE_SHARE = 1 / 3


def direction_of(places):
    """The direction from the first of the (x, y) places to the last, "still" or "unclear"."""
    right, down = places[-1][0] - places[0][0], places[-1][1] - places[0][1]
    if max(abs(right), abs(down)) < STILL:
        return "still"
    if abs(right) >= MOVED and abs(down) < abs(right) / 2:
        return "right" if right > 0 else "left"
    if abs(down) >= MOVED and abs(right) < abs(down) / 2:
        return "down" if down > 0 else "up"
    return "unclear"


def is_steady(places, direction):
    """Whether the object never leaps and never goes against its direction."""
    steps = np.diff(np.array(places), axis=0)
    forwards = steps @ np.array(video_scenes.DIRECTIONS.get(direction, (0, 0)))
    return bool(np.linalg.norm(steps, axis=1).max() <= LEAP and forwards.min() > -BACK)


def shape_of_clip(shapes):
    """The shape named in most frames, if it is in enough of them."""
    often = max(scenes.SHAPES, key=shapes.count)
    return often if shapes.count(often) >= SHAPE_SHARE * len(shapes) else "other"


def judge(frames, scene):
    """Compare (frames, height, width, 3) bytes with the scene asked for: what is right, and what was seen."""
    looks = [check.find_objects(frame) for frame in frames]
    wanted = scene["objects"][0]
    right = dict.fromkeys(ATTRIBUTES, False)
    seen = {"background": sorted({look["background"] for look in looks}), "clean": min(look["clean"] for look in looks)}
    right["background"] = seen["background"] == [scene["background"]]
    right["clean"] = seen["clean"] >= check.CLEAN_SHARE
    right["object"] = all(len(look["objects"]) == 1 for look in looks)
    if not right["object"]:
        return right, seen | {"objects": [len(look["objects"]) for look in looks]}
    things = [look["objects"][0] for look in looks]
    places = [(thing["x"], thing["y"]) for thing in things]
    seen |= {
        "colour": sorted({thing["colour"] for thing in things}),
        "shape": [thing["shape"] for thing in things],
        "direction": direction_of(places),
        "extent": float(np.median([thing["extent"] for thing in things])),
        "places": [places[0], places[-1]],
    }
    right["colour"] = seen["colour"] == [wanted["colour"]]
    right["shape"] = shape_of_clip(seen["shape"]) == wanted["shape"]
    right["direction"] = seen["direction"] == scene["arrangement"]
    least, most = check.SIZE_LIMITS[wanted["size"]]
    right["size"] = least <= seen["extent"] <= most
    right["steady"] = is_steady(places, seen["direction"])
    return right, seen


def make_prompts(count, seed, plain=False):
    """Captions of held-out scenes, in many words or in the plainest."""
    rng = random.Random(seed)
    prompts = []
    for _ in range(count):
        scene = video_scenes.sample_scene(rng, held_out=True)
        varied = video_captions.caption(rng, scene)
        prompts.append({"prompt": video_captions.plain_caption(scene) if plain else varied, "scene": scene.as_dict()})
    return prompts


def read_strip(path):
    """A film strip's frames (frames, side, side, 3)."""
    strip = np.asarray(Image.open(path).convert("RGB"))
    return np.stack(np.split(strip, strip.shape[1] // strip.shape[0], axis=1))


def write_strip(path, frames):
    """Write (frames, side, side, 3) bytes as a film strip."""
    Image.fromarray(np.concatenate(list(frames), axis=1)).save(path)


def score(directory, prompts):
    """Judge NNN.png of every prompt."""
    counts, asked, wholly, failures = dict.fromkeys(ATTRIBUTES, 0), 0, 0, []
    for index, entry in enumerate(prompts):
        path = Path(directory) / f"{index:03d}.png"
        right, seen = judge(read_strip(path), entry["scene"])
        for name in ATTRIBUTES:
            counts[name] += right[name]
        asked += all(right[name] for name in ASKED)
        wholly += all(right.values())
        if not all(right.values()):
            wrong = [name for name in ATTRIBUTES if not right[name]]
            failures.append({"clip": path.name, "prompt": entry["prompt"], "wrong": wrong, "seen": seen})
    share = {name: round(number / len(prompts), 4) for name, number in counts.items()}
    return {
        "count": len(prompts),
        "asked": round(asked / len(prompts), 4),
        "right": round(wholly / len(prompts), 4),
        "shares": share,
        "failures": failures,
    }


def draw(directory, prompts):
    """Render the clips that the prompts ask for."""
    Path(directory).mkdir(parents=True, exist_ok=True)
    for index, entry in enumerate(prompts):
        clip = video_scenes.draw(random.Random(index), scenes.Scene.from_dict(entry["scene"]))
        write_strip(Path(directory) / f"{index:03d}.png", clip)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("prompts", help="write held-out prompts as JSON")
    command.add_argument("--count", type=int, default=100)
    command.add_argument("--seed", type=int, default=1)
    command.add_argument("--plain", action="store_true", help="in the plainest words")
    for name, what in (("score", "judge clips"), ("draw", "render the right clips")):
        command = commands.add_parser(name, help=what)
        command.add_argument("directory")
        command.add_argument("--prompts", type=Path, required=True)
    arguments = parser.parse_args()
    if arguments.command == "prompts":
        prompts = make_prompts(arguments.count, arguments.seed, arguments.plain)
        json.dump(prompts, sys.stdout, indent=1)
        print()
        return
    prompts = json.loads(arguments.prompts.read_text())
    if arguments.command == "draw":
        draw(arguments.directory, prompts)
        return
    json.dump(score(arguments.directory, prompts), sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()

"""The world of the demo model: scenes of one or two flat shapes, and their images.

A scene has a background colour and one or two objects (size, colour, shape). Two objects stand side by side or one
above the other; ``objects[0]`` is then always the left or upper one, so that "A left of B" and "B right of A" are the
same scene. One scene in twenty, chosen by a hash of its meaning, is held out of training.

Only NumPy is needed here; :func:`paint` works on NumPy arrays and on PyTorch tensors alike.
"""

import hashlib
import random
from dataclasses import dataclass

import numpy as np

# Between the common definitions of each name, so that any nearest-colour rule agrees on it.
COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 150, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "orange": (255, 150, 0),
    "purple": (140, 10, 165),
    "pink": (255, 150, 190),
    "cyan": (0, 255, 255),
    "brown": (150, 72, 28),
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "gray": (128, 128, 128),
}
SHAPES = ("circle", "square", "triangle")
# Width and height of an object as a share of the image's shorter side.
SIZES = {"large": (0.36, 0.42), "medium": (0.26, 0.30), "small": (0.18, 0.22)}
HELD_OUT_SHARE = 20
MARGIN = 0.03
GAP = 0.08


@dataclass(frozen=True)
class Thing:
    """One object of a scene."""

    size: str
    colour: str
    shape: str


@dataclass(frozen=True)
class Scene:
    """What an image shows; ``arrangement`` is "single", "horizontal" or "vertical"."""

    background: str
    objects: tuple
    arrangement: str

    def as_dict(self):
        objects = [{"size": o.size, "colour": o.colour, "shape": o.shape} for o in self.objects]
        return {"background": self.background, "objects": objects, "arrangement": self.arrangement}

    @staticmethod
    def from_dict(data):
        return Scene(data["background"], tuple(Thing(**o) for o in data["objects"]), data["arrangement"])


def is_held_out(scene):
    """Whether training must never see this scene, in whatever words."""
    parts = [scene.background, scene.arrangement] + [f"{o.size} {o.colour} {o.shape}" for o in scene.objects]
    digest = hashlib.sha256("|".join(parts).encode()).digest()
    return int.from_bytes(digest[:4], "big") % HELD_OUT_SHARE == 0


def sample_scene(rng, held_out=False):
    """Draw a scene from the training or the held-out side of the split."""
    while True:
        count = 1 if rng.random() < 0.25 else 2
        objects = tuple(
            Thing(rng.choice(tuple(SIZES)), rng.choice(tuple(COLOURS)), rng.choice(SHAPES)) for _ in range(count)
        )
        free = [colour for colour in COLOURS if colour not in {o.colour for o in objects}]
        background = "white" if "white" in free and rng.random() < 0.3 else rng.choice(free)
        arrangement = "single" if count == 1 else rng.choice(("horizontal", "vertical"))
        scene = Scene(background, objects, arrangement)
        if is_held_out(scene) == held_out:
            return scene


def _place(rng, scene, sizes, height, width):
    """Object centres in units of the shorter side, inside the image and apart from each other."""
    short = min(height, width)
    extent = {"horizontal": width / short, "vertical": height / short}
    if len(sizes) == 1:
        return [tuple(rng.uniform(-0.07, 0.07) + extent[axis] / 2 for axis in ("horizontal", "vertical"))]
    length = extent[scene.arrangement]
    across = extent["vertical" if scene.arrangement == "horizontal" else "horizontal"] / 2
    low, high = sizes[0] / 2 + MARGIN, length - sizes[1] / 2 - MARGIN
    apart = (sizes[0] + sizes[1]) / 2 + GAP
    first = max(low, 0.27 * length + rng.uniform(-0.05, 0.05))
    second = min(high, max(0.73 * length + rng.uniform(-0.05, 0.05), first + apart))
    first = min(first, second - apart)
    places = [(along, across + rng.uniform(-0.05, 0.05)) for along in (first, second)]
    return places if scene.arrangement == "horizontal" else [(x, y) for y, x in places]


def layout(rng, scene, height, width):
    """Numbers for :func:`paint`: two rows of (shape, x, y, half size, r, g, b) and the background as a third."""
    short = min(height, width)
    sizes = [rng.uniform(*SIZES[o.size]) for o in scene.objects]
    rows = []
    for thing, size, (x, y) in zip(scene.objects, sizes, _place(rng, scene, sizes, height, width)):
        rows.append((SHAPES.index(thing.shape), x * short, y * short, size * short / 2, *COLOURS[thing.colour]))
    if len(rows) == 1:
        rows.append((0, 0, 0, -10, 0, 0, 0))
    return rows + [(0, 0, 0, 0, *COLOURS[scene.background])]


def paint(layouts, rows, columns):
    """Images (N, 3, H, W) in [-1, 1], antialiased, of layouts (N, 3, 7).

    ``rows`` and ``columns`` are the pixel centres (0.5, 1.5, ...) as arrays of the same library as ``layouts``.
    """
    image = layouts[:, 2, 4:, None, None] + 0 * (rows[:, None] + columns[None, :])
    for index in (0, 1):
        shape, x, y, half = (layouts[:, index, i, None, None] for i in range(4))
        dx, dy = abs(columns[None, None, :] - x), rows[None, :, None] - y
        circle = (dx**2 + dy**2) ** 0.5 - half
        square = _maximum(dx, abs(dy)) - half
        triangle = _maximum(dy - half + 0 * dx, (2 * dx - dy - half) / 5**0.5)
        distance = (shape == 0) * circle + (shape == 1) * square + (shape == 2) * triangle
        cover = (0.5 - distance).clip(0, 1)[:, None]
        image = image + cover * (layouts[:, index, 4:, None, None] - image)
    return image / 127.5 - 1


def _maximum(a, b):
    return (a + b + abs(a - b)) / 2


def draw(scene, height, width, seed=0):
    """One image of a scene as an (H, W, 3) array of bytes."""
    layouts = np.array([layout(random.Random(seed), scene, height, width)], dtype=np.float64)
    image = paint(layouts, np.arange(height) + 0.5, np.arange(width) + 0.5)[0]
    return ((image + 1) * 127.5).round().astype(np.uint8).transpose(1, 2, 0)

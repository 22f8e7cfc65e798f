"""The world of the demo model: scenes of one or two flat shapes, their captions and their pictures.

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
# Width and height of an object as a share of the picture's shorter side.
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
    """What a picture shows; ``arrangement`` is "single", "horizontal" or "vertical"."""

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


# --------------------------------------------------------------------------------------------------------- captions

SIZE_WORDS = {
    "large": ("large", "large", "large", "big", "big", "huge"),
    "medium": ("", "", "", "", "medium", "medium-sized"),
    "small": ("small", "small", "small", "little", "tiny"),
}
RELATIONS = {
    "left": ("left of", "left of", "to the left of", "to the left of", "on the left of", "on the left side of"),
    "right": ("right of", "right of", "to the right of", "to the right of", "on the right of", "on the right side of"),
    "above": ("above", "above", "above", "over", "on top of"),
    "below": ("below", "below", "below", "under", "beneath", "underneath"),
}
OPPOSITE = {"left": "right", "right": "left", "above": "below", "below": "above"}
PLACES = {
    "left": ("on the left", "on the left side", "at the left", "to the left"),
    "right": ("on the right", "on the right side", "at the right", "to the right"),
    "above": ("at the top", "on top", "above"),
    "below": ("at the bottom", "below", "underneath"),
}
ITS_PLACES = {
    "left": ("to its left", "on its left", "on the left of it"),
    "right": ("to its right", "on its right", "on the right of it"),
    "above": ("above it", "over it", "on top of it"),
    "below": ("below it", "under it", "beneath it"),
}
CENTRES = (
    "in the center", "in the centre", "in the middle", "in the center of the picture", "in the middle of the image",
    "at the center",
)
OPENINGS = (
    "a picture of", "an image of", "a drawing of", "a picture showing", "an illustration of", "a photo of",
    "a painting of", "a simple picture of", "there is", "there is", "there is", "draw", "show", "paint", "show me",
    "make", "this is", "we see", "a scene with", "an image with", "a picture with", "picture of", "image of",
)
TAGS = (
    "flat design", "simple", "minimalist", "high quality", "digital art", "vector art", "clean", "sharp edges",
    "geometric shapes", "geometry", "best quality", "plain", "4k", "flat colours", "flat colors",
)


def _colour_word(rng, colour):
    return rng.choice(("gray", "grey")) if colour == "gray" else colour


def _phrase(rng, thing, article):
    """Noun phrase such as "a large red circle"; ``article`` is "a", "the" or ""."""
    words = [rng.choice(SIZE_WORDS[thing.size]), _colour_word(rng, thing.colour)]
    if rng.random() < 0.03:
        words.reverse()
    noun = " ".join(word for word in words + [thing.shape] if word)
    if article == "a":
        article = "an" if noun[0] in "aeiou" else "a"
        article = "one" if rng.random() < 0.03 else article
    return f"{article} {noun}".strip()


def _short_phrase(rng, thing, other):
    """Refer back to an object already named, by as few words as tell it from ``other``."""
    if thing.shape != other.shape and rng.random() < 0.6:
        return f"the {thing.shape}"
    if thing.colour != other.colour:
        return f"the {_colour_word(rng, thing.colour)} {thing.shape}"
    return "the " + _phrase(rng, thing, "")


def _describe_objects(rng, scene):
    """The caption's middle part, and whether it can follow an opening such as "a picture of"."""
    article = rng.choices(("a", "the", ""), (0.82, 0.06, 0.12))[0]
    if len(scene.objects) == 1:
        text = _phrase(rng, scene.objects[0], article)
        return (f"{text} {rng.choice(CENTRES)}" if rng.random() < 0.25 else text), True
    first, second = scene.objects
    relation = "left" if scene.arrangement == "horizontal" else "above"
    if rng.random() < 0.5:
        first, second, relation = second, first, OPPOSITE[relation]
    a, b = _phrase(rng, first, article), _phrase(rng, second, article)
    joined = rng.choice(RELATIONS[relation])
    form = rng.random()
    if form < 0.60:
        return f"{a} {joined} {b}", True
    if form < 0.70:
        return f"{a} is {joined} {b}", False
    if form < 0.75:
        verb = rng.choice(("sits", "stands", "placed", "located", "positioned"))
        return f"{a} {verb} {joined} {b}", verb[-1] == "d"
    if form < 0.80:
        other = rng.choice(PLACES[OPPOSITE[relation]])
        return f"{a} {rng.choice(PLACES[relation])}{rng.choice((' and ', ', ', ' and '))}{b} {other}", True
    if form < 0.84:
        other = rng.choice(PLACES[OPPOSITE[relation]])
        return f"{rng.choice(PLACES[relation])} {a}{rng.choice((', ', ' and '))}{other} {b}", False
    if form < 0.88:
        return f"{a} with {b} {rng.choice(ITS_PLACES[OPPOSITE[relation]])}", True
    if form < 0.94:
        joint, verb = rng.choice(((", ", "is "), ("; ", "is "), (". ", "is "), (", ", ""), (", with ", "")))
        tail = f"{_short_phrase(rng, first, second)} {verb}{joined} {_short_phrase(rng, second, first)}"
        pair = (a, b) if rng.random() < 0.7 else (b, a)
        return f"{pair[0]} and {pair[1]}{joint}{tail}", True
    return f"{joined} {b}{rng.choice((' is ', ' there is ', ', '))}{a}", False


def _add_background(rng, text, scene, opened):
    """Name the background before or after the objects; a white one may go unsaid."""
    if scene.background == "white" and rng.random() < 0.5:
        return text
    colour = _colour_word(rng, scene.background)
    article = "an" if colour[0] in "aeiou" else "a"
    kind = rng.choice(("", "", "", "", "plain ", "solid ", "flat "))
    article = "a" if kind else article
    form = rng.random()
    if form < 0.46:
        return f"{text} on {article} {kind}{colour} background"
    if form < 0.58:
        return f"{text}, {kind}{colour} background"
    if form < 0.66:
        return f"{text} {rng.choice(('against', 'with', 'in front of', 'and'))} {article} {colour} background"
    if form < 0.72:
        return f"{text}, on {article} {kind}{colour} background"
    if form < 0.77:
        return f"{text} on {colour}"
    if form < 0.84:
        return f"{text}{rng.choice(('. the', ', the', ' and the', '; the'))} background is {colour}"
    if form < 0.88:
        return f"{text}, background {colour}" if rng.random() < 0.5 else f"{text}, {colour} backdrop"
    if opened:
        return f"{text} on {article} {kind}{colour} background"
    if form < 0.95:
        return f"on {article} {kind}{colour} background, {text}"
    return f"{article} {kind}{colour} background with {text}"


def caption(rng, scene):
    """Describe a scene in one of many ways."""
    text, can_open = _describe_objects(rng, scene)
    opened = can_open and rng.random() < 0.25
    if opened:
        text = f"{rng.choice(OPENINGS)} {text}"
    text = _add_background(rng, text, scene, opened)
    if rng.random() < 0.04:
        text = f"{text}, {rng.choice(TAGS)}"
    style = rng.random()
    if style < 0.40:
        text = ". ".join(part[:1].upper() + part[1:] for part in text.split(". "))
    elif style < 0.43:
        text = text.title()
    elif style < 0.44:
        text = text.upper()
    return text + "." if rng.random() < 0.35 else text


# --------------------------------------------------------------------------------------------------------- pictures


def _place(rng, scene, sizes, height, width):
    """Object centres in units of the shorter side, inside the picture and apart from each other."""
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
    """Pictures (N, 3, H, W) in [-1, 1], antialiased, of layouts (N, 3, 7).

    ``rows`` and ``columns`` are the pixel centres (0.5, 1.5, ...) as arrays of the same library as ``layouts``.
    """
    picture = layouts[:, 2, 4:, None, None] + 0 * (rows[:, None] + columns[None, :])
    for index in (0, 1):
        shape, x, y, half = (layouts[:, index, i, None, None] for i in range(4))
        dx, dy = abs(columns[None, None, :] - x), rows[None, :, None] - y
        circle = (dx**2 + dy**2) ** 0.5 - half
        square = _maximum(dx, abs(dy)) - half
        triangle = _maximum(dy - half + 0 * dx, (2 * dx - dy - half) / 5**0.5)
        distance = (shape == 0) * circle + (shape == 1) * square + (shape == 2) * triangle
        cover = (0.5 - distance).clip(0, 1)[:, None]
        picture = picture + cover * (layouts[:, index, 4:, None, None] - picture)
    return picture / 127.5 - 1


def _maximum(a, b):
    return (a + b + abs(a - b)) / 2


def draw(scene, height, width, seed=0):
    """One picture of a scene as an (H, W, 3) array of bytes."""
    layouts = np.array([layout(random.Random(seed), scene, height, width)], dtype=np.float64)
    picture = paint(layouts, np.arange(height) + 0.5, np.arange(width) + 0.5)[0]
    return ((picture + 1) * 127.5).round().astype(np.uint8).transpose(1, 2, 0)

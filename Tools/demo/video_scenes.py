"""The world of demo-video: clips of one flat shape that moves in a straight line, or stands still.

Things, colours, sizes and the split into seen and held-out scenes are those of :mod:`scenes`; a scene's arrangement is
here the direction of its object's motion. Only NumPy is needed.
"""

import numpy as np

import scenes

HEIGHT = WIDTH = 96
FRAMES = 17
RATE = 8  # frames a second
# Steps to the right and downwards.
DIRECTIONS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1), "still": (0, 0)}
STILL_SHARE = 0.14
# In shares of the image's side: how far an object comes, and how far the middle of its way is from the centre.
DISTANCE = (0.34, 0.42)
AWAY = 0.12


def sample_scene(rng, held_out=False):
    """Draw a scene from the training or the held-out side of the split."""
    moving = [direction for direction in DIRECTIONS if direction != "still"]
    while True:
        thing = scenes.Thing(
            rng.choice(tuple(scenes.SIZES)), rng.choice(tuple(scenes.COLOURS)), rng.choice(scenes.SHAPES)
        )
        free = [colour for colour in scenes.COLOURS if colour != thing.colour]
        background = "white" if "white" in free and rng.random() < 0.25 else rng.choice(free)
        direction = "still" if rng.random() < STILL_SHARE else rng.choice(moving)
        scene = scenes.Scene(background, (thing,), direction)
        if scenes.is_held_out(scene) == held_out:
            return scene


def layout(rng, scene):
    """Numbers for :func:`scenes.paint`, (frames, 3, 7): the object, no second object, and the background."""
    thing, side = scene.objects[0], min(HEIGHT, WIDTH)
    half, distance = rng.uniform(*scenes.SIZES[thing.size]) / 2, rng.uniform(*DISTANCE)
    middle = []
    for step in DIRECTIONS[scene.arrangement]:
        room = 0.5 - scenes.MARGIN - half - abs(step) * distance / 2
        middle.append(0.5 + rng.uniform(-1, 1) * min(AWAY, room))
    rows = np.zeros((FRAMES, 3, 7), np.float32)
    rows[:, 0, 0] = scenes.SHAPES.index(thing.shape)
    way = np.linspace(-0.5, 0.5, FRAMES) * distance
    for axis, step in enumerate(DIRECTIONS[scene.arrangement]):
        rows[:, 0, 1 + axis] = (middle[axis] + step * way) * side
    rows[:, 0, 3] = half * side
    rows[:, 0, 4:] = scenes.COLOURS[thing.colour]
    rows[:, 1, 3] = -10
    rows[:, 2, 4:] = scenes.COLOURS[scene.background]
    return rows


def draw(rng, scene):
    """One clip of a scene as (frames, height, width, 3) bytes."""
    images = scenes.paint(layout(rng, scene).astype(np.float64), np.arange(HEIGHT) + 0.5, np.arange(WIDTH) + 0.5)
    return ((images + 1) * 127.5).round().astype(np.uint8).transpose(0, 2, 3, 1)

"""What people say who ask for a clip."""

import captions

MOVING = (
    "moving", "moving", "moving", "moving", "moving", "moving", "sliding", "gliding", "travelling", "traveling",
    "drifting", "going", "floating",
)
MOVES = (
    "moves", "moves", "moves", "moves", "is moving", "is moving", "slides", "is sliding", "glides", "travels", "drifts",
    "goes", "floats",
)
WAYS = {
    "left": (
        "left", "left", "left", "left", "left", "to the left", "to the left", "to the left", "leftwards", "leftward",
        "from right to left", "from the right to the left", "toward the left", "towards the left",
    ),
    "right": (
        "right", "right", "right", "right", "right", "to the right", "to the right", "to the right", "rightwards",
        "rightward", "from left to right", "from the left to the right", "toward the right", "towards the right",
    ),
    "up": (
        "up", "up", "up", "up", "up", "upwards", "upwards", "upward", "to the top", "from bottom to top",
        "from the bottom to the top", "toward the top", "towards the top",
    ),
    "down": (
        "down", "down", "down", "down", "down", "downwards", "downwards", "downward", "to the bottom",
        "from top to bottom", "from the top to the bottom", "toward the bottom", "towards the bottom",
    ),
}
# Whole descriptions of a motion, as a participle and as a verb.
RESTS = (
    "standing still", "standing still", "standing still", "staying still", "staying in place", "not moving",
    "that does not move", "at rest", "sitting still", "resting",
)
REST = (
    "stands still", "stands still", "stays still", "stays in place", "does not move", "is not moving", "is motionless",
    "is still", "sits still",
)
VERTICAL = {
    "up": (("rising", "rising up"), ("rises", "is rising")),
    "down": (("falling", "sinking"), ("falls", "sinks")),
}
OPENINGS = (
    "a video of", "a video of", "a video of", "a clip of", "an animation of", "an animation of", "a video showing",
    "an animation showing", "a short video of", "a short clip of", "video of", "animation of", "there is", "there is",
    "show", "show me", "we see", "a scene with", "a simple animation of", "a movie of", "footage of", "make a video of",
)
TAGS = captions.TAGS + ("smooth motion", "animation", "smooth animation", "motion graphics", "loop", "video", "slow")


def _motion(rng, direction, finite):
    """What the object does, such as "moving to the left", or "moves to the left" if ``finite``."""
    if direction == "still":
        return rng.choice(REST if finite else RESTS)
    if direction in VERTICAL and rng.random() < 0.06:
        return rng.choice(VERTICAL[direction][finite])
    return f"{rng.choice(MOVES if finite else MOVING)} {rng.choice(WAYS[direction])}"


def _describe(rng, scene):
    """The caption's middle part, and whether it can follow an opening such as "a video of"."""
    article = rng.choices(("a", "the", ""), (0.82, 0.06, 0.12))[0]
    thing, direction = captions.phrase(rng, scene.objects[0], article), scene.arrangement
    form = rng.random()
    if form < 0.58:
        return f"{thing} {_motion(rng, direction, False)}", True
    if form < 0.82:
        return f"{thing} {_motion(rng, direction, True)}", False
    if form < 0.88:
        return f"{thing} {rng.choice(('that', 'which'))} {_motion(rng, direction, True)}", True
    if form < 0.94:
        return f"{thing}, {_motion(rng, direction, False)}", True
    if form < 0.97:
        return f"{thing}; it {_motion(rng, direction, True)}", True
    return f"{thing}. it {_motion(rng, direction, True)}", True


def caption(rng, scene):
    """Describe a scene in one of many ways."""
    text, can_open = _describe(rng, scene)
    opened = can_open and rng.random() < 0.25
    if opened:
        text = f"{rng.choice(OPENINGS)} {text}"
    text = captions.add_background(rng, text, scene, opened)
    return captions.finish(rng, text, TAGS)


def plain_caption(scene):
    """The plainest description: "a red square moving right on a white background"."""
    thing = scene.objects[0]
    words = [thing.size] if thing.size != "medium" else []
    noun = " ".join([*words, thing.colour, thing.shape])
    motion = "standing still" if scene.arrangement == "still" else f"moving {scene.arrangement}"
    articles = ["an" if words[0] in "aeiou" else "a" for words in (noun, scene.background)]
    return f"{articles[0]} {noun} {motion} on {articles[1]} {scene.background} background"

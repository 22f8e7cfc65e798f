"""What people say who ask for a scene."""

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


def colour_word(rng, colour):
    return rng.choice(("gray", "grey")) if colour == "gray" else colour


def phrase(rng, thing, article):
    """Noun phrase such as "a large red circle"; ``article`` is "a", "the" or ""."""
    words = [rng.choice(SIZE_WORDS[thing.size]), colour_word(rng, thing.colour)]
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
        return f"the {colour_word(rng, thing.colour)} {thing.shape}"
    return "the " + phrase(rng, thing, "")


def _describe_objects(rng, scene):
    """The caption's middle part, and whether it can follow an opening such as "a picture of"."""
    article = rng.choices(("a", "the", ""), (0.82, 0.06, 0.12))[0]
    if len(scene.objects) == 1:
        text = phrase(rng, scene.objects[0], article)
        return (f"{text} {rng.choice(CENTRES)}" if rng.random() < 0.25 else text), True
    first, second = scene.objects
    relation = "left" if scene.arrangement == "horizontal" else "above"
    if rng.random() < 0.5:
        first, second, relation = second, first, OPPOSITE[relation]
    a, b = phrase(rng, first, article), phrase(rng, second, article)
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


def add_background(rng, text, scene, opened):
    """Name the background before or after the objects; a white one may go unsaid."""
    if scene.background == "white" and rng.random() < 0.5:
        return text
    colour = colour_word(rng, scene.background)
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


def finish(rng, text, tags):
    """Sometimes add a tag, capitalise the text in one of several ways, or end it with a full stop."""
    if rng.random() < 0.04:
        text = f"{text}, {rng.choice(tags)}"
    style = rng.random()
    if style < 0.40:
        text = ". ".join(part[:1].upper() + part[1:] for part in text.split(". "))
    elif style < 0.43:
        text = text.title()
    elif style < 0.44:
        text = text.upper()
    return text + "." if rng.random() < 0.35 else text


def caption(rng, scene):
    """Describe a scene in one of many ways."""
    text, can_open = _describe_objects(rng, scene)
    opened = can_open and rng.random() < 0.25
    if opened:
        text = f"{rng.choice(OPENINGS)} {text}"
    text = add_background(rng, text, scene, opened)
    return finish(rng, text, TAGS)

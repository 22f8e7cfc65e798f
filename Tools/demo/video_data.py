"""Training data of demo-video: clips drawn once, with several captions each."""

import random
from dataclasses import dataclass

import numpy as np
import torch
from tokenizers import Tokenizer

import data
import scenes
import video_captions
import video_scenes
import video_text
from words import WordTokenizer

CAPTIONS = 4  # of each clip; the first is the plain one, one time in two
DIRECTIONS = tuple(video_scenes.DIRECTIONS)
# Background, direction, size, colour, shape.
LABEL_CLASSES = (len(scenes.COLOURS), len(DIRECTIONS), len(scenes.SIZES), len(scenes.COLOURS), len(scenes.SHAPES))


@dataclass
class Clips:
    """Layouts (N, frames, 3, 7), token ids of the captions (N, CAPTIONS, length), labels (N, 5)."""

    layouts: torch.Tensor
    ids: torch.Tensor
    labels: torch.Tensor
    latents: torch.Tensor | None = None

    def __len__(self):
        return len(self.layouts)


def scene_labels(scene):
    """A scene as class numbers."""
    sizes, colours, thing = tuple(scenes.SIZES), tuple(scenes.COLOURS), scene.objects[0]
    return (
        colours.index(scene.background),
        DIRECTIONS.index(scene.arrangement),
        sizes.index(thing.size),
        colours.index(thing.colour),
        scenes.SHAPES.index(thing.shape),
    )


def draw_clips(tokenizer, count, device, seed=1, held_out=False):
    """Draw clips; ``tokenizer`` is a tokenizer's folder."""
    rng, encoder = random.Random(seed), Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
    words = WordTokenizer(
        lambda word: encoder.encode(word, add_special_tokens=False).ids, video_text.LENGTH, video_text.END
    )
    layouts = np.zeros((count, video_scenes.FRAMES, 3, 7), np.float32)
    ids = np.full((count, CAPTIONS, video_text.LENGTH), video_text.PAD, np.int16)
    labels = np.zeros((count, len(LABEL_CLASSES)), np.int16)
    for index in range(count):
        scene = video_scenes.sample_scene(rng, held_out)
        layouts[index] = video_scenes.layout(rng, scene)
        labels[index] = scene_labels(scene)
        for wording in range(CAPTIONS):
            plain = wording == 0 and rng.random() < 0.5
            caption = video_captions.plain_caption(scene) if plain else video_captions.caption(rng, scene)
            words.fill(ids[index, wording], caption)
    return Clips(*(torch.from_numpy(array).to(device) for array in (layouts, ids, labels)))


def render(layouts):
    """Clips (N, 3, frames, height, width) in [-1, 1] on the layouts' device."""
    images = data.render(layouts.flatten(0, 1), video_scenes.HEIGHT, video_scenes.WIDTH)
    return images.unflatten(0, layouts.shape[:2]).transpose(1, 2)

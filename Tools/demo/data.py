"""Training data: scenes drawn once, with several captions each, at each of the image sizes."""

import random
import time
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

import captions
import scenes
import text
from journal import log
from words import WordTokenizer

# Image sizes (height, width), each with its share of all scenes.
SIZES = (((128, 128), 0.46), ((256, 256), 0.34), ((192, 256), 0.10), ((256, 192), 0.10))
CAPTIONS = 3
EMPTY_SHARE = 0.1
# Classes of each number of scene_labels.
OBJECT_CLASSES = (len(scenes.SIZES) + 1, len(scenes.COLOURS) + 1, len(scenes.SHAPES) + 1)
LABEL_CLASSES = (len(scenes.COLOURS), 3, *OBJECT_CLASSES, *OBJECT_CLASSES)


@dataclass
class Bucket:
    """All scenes of one image size: layouts (N, 3, 7), token ids of their captions (N, CAPTIONS, length), labels."""

    height: int
    width: int
    layouts: torch.Tensor
    clip_ids: torch.Tensor
    t5_ids: torch.Tensor
    labels: torch.Tensor
    latents: torch.Tensor | None = None

    def __len__(self):
        return len(self.layouts)


def scene_labels(scene):
    """A scene as class numbers: background, arrangement, then size, colour and shape of two objects (0: none)."""
    sizes, colours = tuple(scenes.SIZES), tuple(scenes.COLOURS)
    labels = [colours.index(scene.background), ("single", "horizontal", "vertical").index(scene.arrangement)]
    for thing in scene.objects:
        labels += [sizes.index(thing.size) + 1, colours.index(thing.colour) + 1, scenes.SHAPES.index(thing.shape) + 1]
    return labels + [0] * (len(LABEL_CLASSES) - len(labels))


def _words(tokenizer, length, start=()):
    return WordTokenizer(
        lambda word: tokenizer(word, add_special_tokens=False).input_ids, length, tokenizer.eos_token_id, start
    )


def make_bucket(clip, t5, size, count, device, rng, held_out=False):
    """Draw ``count`` scenes of one image size."""
    clip_words = _words(clip, text.CLIP_LENGTH, [clip.bos_token_id])
    t5_words = _words(t5, text.T5_LENGTH)
    layouts = np.zeros((count, 3, 7), np.float32)
    clip_ids = np.full((count, CAPTIONS, text.CLIP_LENGTH), clip.pad_token_id, np.int16)
    t5_ids = np.full((count, CAPTIONS, text.T5_LENGTH), t5.pad_token_id, np.int16)
    labels = np.zeros((count, len(LABEL_CLASSES)), np.int16)
    said = time.monotonic()
    for index in range(count):
        scene = scenes.sample_scene(rng, held_out)
        layouts[index] = scenes.layout(rng, scene, *size)
        labels[index] = scene_labels(scene)
        for wording in range(CAPTIONS):
            caption = captions.caption(rng, scene)
            clip_words.fill(clip_ids[index, wording], caption)
            t5_words.fill(t5_ids[index, wording], caption)
        if time.monotonic() - said > 5:
            said = time.monotonic()
            log(f"scenes of {size[0]}x{size[1]}: {index + 1} of {count}")
    return Bucket(*size, *(torch.from_numpy(array).to(device) for array in (layouts, clip_ids, t5_ids, labels)))


def make_buckets(clip, t5, total, device, seed=1):
    """Draw about ``total`` training scenes, spread over the image sizes."""
    rng = random.Random(seed)
    return [make_bucket(clip, t5, size, max(16, round(total * share)), device, rng) for size, share in SIZES]


def pad_ids(ids, length, pad):
    """Token ids (N, short) filled up to ``length``."""
    return F.pad(ids.long(), (0, length - ids.shape[1]), value=pad)


def render(layouts, height, width):
    """Images (N, 3, H, W) in [-1, 1] on the layouts' device."""
    rows = torch.arange(height, device=layouts.device) + 0.5
    columns = torch.arange(width, device=layouts.device) + 0.5
    return scenes.paint(layouts, rows, columns)

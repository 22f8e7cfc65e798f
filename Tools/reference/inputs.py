"""Inputs that are the same on every machine: normal tensors, and pictures that are hard on filters."""

import common  # noqa: F401

import numpy as np
import torch


def draw(seed, *shape):
    """A normal tensor that is the same on every machine."""
    return torch.from_numpy(np.random.Generator(np.random.PCG64(seed)).standard_normal(shape).astype(np.float32))


def picture(seed, width, height):
    """Waves, noise and hard edges from black to white, which make filters overshoot."""
    random = np.random.Generator(np.random.PCG64(seed))
    y, x = np.mgrid[0:height, 0:width]
    waves = [127 + 90 * np.sin(x / (2 + c) + y / (3 + c)) for c in range(3)]
    pixels = np.stack(waves, -1) + random.normal(0, 20, (height, width, 3))
    pixels[height // 3 : height // 2, width // 4 : width // 2] = 255
    pixels[height // 2 : 2 * height // 3, width // 3 : width // 2] = 0
    return pixels.clip(0, 255).round().astype(np.uint8)

"""How alike two images or videos of bytes are, [frames, height, width, 3]."""

import numpy as np
from scipy.ndimage import correlate1d

MOST = 99.0  # dB, of what is the same or nearly so, so that a mean can be told


def psnr(images, reference):
    """The peak signal-to-noise ratio over all frames, in dB."""
    error = np.mean((images.astype(np.float64) - reference.astype(np.float64)) ** 2)
    return MOST if error == 0 else min(MOST, 10 * np.log10(255**2 / error))


def ssim(images, reference):
    """The mean structural similarity of every frame and colour as Wang et al. (2004) define it.

    Windows are Gaussian, 11 × 11 with a deviation of 1.5 pixels, and lie within the image; K1 is 0.01, K2 0.03.
    """
    a, b = images.astype(np.float64), reference.astype(np.float64)
    (ma, mb), c1, c2 = (windows(a), windows(b)), (0.01 * 255) ** 2, (0.03 * 255) ** 2
    va, vb, both = windows(a * a) - ma * ma, windows(b * b) - mb * mb, windows(a * b) - ma * mb
    return float(np.mean((2 * ma * mb + c1) * (2 * both + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))))


def windows(x):
    """The weighted mean of every whole window, [frames, height - 10, width - 10, 3]."""
    weights = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    weights /= weights.sum()
    return correlate1d(correlate1d(x, weights, axis=1), weights, axis=2)[:, 5:-5, 5:-5]

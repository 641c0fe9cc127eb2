"""How large nuclei are, from the scale at which bright blobs stand out most."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from worker.segmenters.nuclei.plane import Floats, block_means

# Within an octave; each further octave is looked at at half the resolution.
_SIGMAS = (2.0, 2.4, 2.8, 3.3)
_SMALLEST = 16


def typical_radius(windows: Sequence[Floats]) -> float:
    """Return the radius in pixels of the bright discs that carry most of the contrast.

    A disc answers most to the Laplacian of a Gaussian whose sigma is its radius over √2. What
    noise answers is left out.
    """
    answers: dict[float, float] = {}
    for window in windows:
        noise, factor, pixels = white_noise(window), 1, window
        while min(pixels.shape) >= _SMALLEST or factor == 1:
            for sigma in _SIGMAS:
                scale = sigma * factor
                laplacian = ndimage.gaussian_laplace(pixels.astype(np.float64), sigma) * sigma**2
                answer = float((np.clip(-laplacian, 0, None) ** 2).mean())
                answer -= noise**2 / (4 * np.pi * scale**2)
                answers[scale] = answers.get(scale, 0.0) + answer * window.size
            pixels, factor = block_means(pixels, 2), factor * 2
    best = max(answers, key=lambda scale: answers[scale])
    return float(np.sqrt(2) * best)


def white_noise(pixels: Floats) -> float:
    """Return the standard deviation of what differs from pixel to pixel."""
    second = np.diff(np.diff(pixels.astype(np.float64), 2, axis=0), 2, axis=1)
    return float(second.std()) / 6

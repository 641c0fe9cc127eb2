"""Moments of regions: they add up, so the shape of two together needs no look at their pixels."""

import numpy as np
from numpy.typing import NDArray

from worker.segmenters.nuclei.masks import Mask

Moments = NDArray[np.float64]
"""(…, 6): area, and the sums of y, x, y², x² and xy."""


def moments_of(mask: Mask) -> Moments:
    """Return the moments of the pixels of a mask."""
    y, x = np.nonzero(mask)
    return np.array([y.size, y.sum(), x.sum(), (y * y).sum(), (x * x).sum(), (x * y).sum()], float)


def covariance(moments: Moments) -> tuple[float, float, float]:
    """Return the variances of y and of x and their covariance, of pixels as squares, not points."""
    area, y, x, yy, xx, xy = moments.tolist()
    y, x = y / area, x / area
    return yy / area - y * y + 1 / 12, xx / area - x * x + 1 / 12, xy / area - x * y


def roundness(moments: Moments) -> float:
    """Return the area over that of the ellipse of the same variances: 1 for every ellipse, or less.

    Two touching circles have 0.89, half a disc 0.95.
    """
    vy, vx, c = covariance(moments)
    return float(moments[0] / (4 * np.pi * np.sqrt(max(vy * vx - c * c, 1e-9))))


def short_axis(moments: Moments) -> float:
    """Return the shorter diameter of the ellipse of the same variances."""
    vy, vx, c = covariance(moments)
    mean, apart = (vy + vx) / 2, np.hypot((vy - vx) / 2, c)
    return 4 * float(np.sqrt(max(mean - apart, 1e-9)))

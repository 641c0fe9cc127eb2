"""Each nucleus gets a threshold of its own, where its edge is steepest."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from worker.segmenters.base import Labels
from worker.segmenters.nuclei.masks import Mask, boxes, largest_part, opened
from worker.segmenters.nuclei.plane import Floats

_BINS = 20
# In shares of a nucleus's brightness: where to look for its edge, and how generous to be.
_LOWEST, _HIGHEST, _GENEROUS = 3, 14, 0.8
# A dark spot in its middle is no edge: its own threshold lies below this share of its dark places.
_CORE, _DARK_PLACES, _BELOW = 0.5, 10, 0.7
_LEAST = 0.25
# The rounding of outlines, in radii.
_ROUNDING = 0.15


def at_own_level(labels: Labels, heights: Floats) -> Labels:
    """Return the labels without what lies below each nucleus's own threshold."""
    tops, caps = _brightness(labels, heights)
    levels = np.minimum(_GENEROUS * tops * _steepest(labels, heights, tops), caps)
    kept: Labels = np.where(heights >= levels[labels], labels, 0).astype(np.int32)
    return kept


def _brightness(labels: Labels, heights: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how bright each nucleus is, and the highest threshold that it may have."""
    tops = np.zeros(int(labels.max()) + 1)
    caps = np.zeros_like(tops)
    for number, box in boxes(labels):
        mask, here = labels[box] == number, heights[box]
        tops[number] = np.percentile(here[mask], 90)
        distance = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
        core = here[distance >= _CORE * distance.max()]
        dark = _BELOW * np.percentile(core, _DARK_PLACES)
        caps[number] = max(dark, _LEAST * tops[number])
    return tops, caps


def _steepest(labels: Labels, heights: Floats, tops: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return at which share of its brightness each nucleus's slope is steepest."""
    slopes = np.hypot(*np.gradient(heights))
    inside = labels > 0
    shares = heights[inside] / np.maximum(tops[labels[inside]], 1e-9)
    bins = np.clip(shares * _BINS, 0, _BINS).astype(np.int64)
    keys = labels[inside].astype(np.int64) * (_BINS + 1) + bins
    shape = (len(tops), _BINS + 1)
    counts, sums = (
        ndimage.convolve1d(
            np.bincount(keys, weight, np.prod(shape)).reshape(shape), [1.0, 2.0, 1.0]
        )
        for weight in (np.ones(len(keys)), slopes[inside])
    )
    means = sums / np.maximum(counts, 1)
    shares_of: NDArray[np.float64] = means[:, _LOWEST:_HIGHEST].argmax(axis=1) + _LOWEST + 0.5
    return shares_of / _BINS


def rounded(labels: Labels) -> Labels:
    """Return the labels without holes, whiskers and loose parts, numbered from 1."""
    result = np.zeros_like(labels)
    count = 0
    for number, box in boxes(labels):
        mask = largest_part(_smooth(ndimage.binary_fill_holes(labels[box] == number)))
        here = result[box]
        free = mask & (here == 0) & ((labels[box] == number) | (labels[box] == 0))
        if free.any():
            count += 1
            here[free] = count
    return result


def _smooth(mask: Mask) -> Mask:
    area = int(mask.sum())
    if area <= 30:  # noqa: PLR2004
        return mask
    smooth = opened(mask, max(1.0, _ROUNDING * float(np.sqrt(area / np.pi))))
    return smooth if smooth.sum() > 0.6 * area else mask

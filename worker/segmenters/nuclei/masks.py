"""Small operations on masks and labels that several steps share."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import label as connected_parts

from worker.segmenters.base import Labels

Mask = NDArray[np.bool_]
Box = tuple[slice, slice]


def boxes(labels: Labels) -> Iterator[tuple[int, Box]]:
    """Yield each label that is used, and the box around it."""
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        if box is not None:
            yield number, box


def opened(mask: Mask, radius: float) -> Mask:
    """Return what of a mask a disc of that radius reaches; large ones cost no more than small.

    The border of the picture is no edge: what it cuts goes on behind it.
    """
    margin = int(radius) + 1
    padded = np.pad(mask, margin, mode="edge")
    # Without any edge there is no distance to one.
    middles = ndimage.distance_transform_edt(padded) > radius if not padded.all() else padded
    if not middles.any():
        return np.zeros_like(mask)
    reached = ndimage.distance_transform_edt(~middles) <= radius
    result: Mask = reached[margin:-margin, margin:-margin] & mask
    return result


def largest_part(mask: Mask) -> Mask:
    """Return the largest 4-connected part of a mask; the mask itself where it is empty."""
    parts, count = ndimage.label(mask)
    if count <= 1:
        return mask
    largest: Mask = parts == np.bincount(parts.ravel())[1:].argmax() + 1
    return largest


def small_holes_filled(mask: Mask, area: float) -> Mask:
    """Fill the holes of at most that many pixels."""
    holes = connected_parts(~mask, connectivity=1)
    is_small = np.bincount(holes.ravel()) <= area
    is_small[0] = False
    filled: Mask = mask | is_small[holes]
    return filled


def depth(labels: Labels) -> NDArray[np.float64]:
    """Return how far, in pixels, each pixel is from the edge of its own label.

    The border of the picture is none: what it cuts goes on behind it.
    """
    padded = np.pad(labels, 1, mode="edge")
    at_edge = labels == 0
    for rows, columns in ((0, 1), (2, 1), (1, 0), (1, 2)):
        beside = padded[rows : rows + labels.shape[0], columns : columns + labels.shape[1]]
        at_edge |= beside < labels
    distances: NDArray[np.float64] = ndimage.distance_transform_edt(
        np.pad(~at_edge, 1, mode="edge")
    )
    return distances[1:-1, 1:-1]

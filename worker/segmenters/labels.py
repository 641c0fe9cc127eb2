"""Labels brought into the form that all segmenters return."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import label as connected_parts

from worker.segmenters.base import Labels


def one_part_each(labels: NDArray[np.integer]) -> Labels:
    """Keep of each label its largest 4-connected part, and number the labels from 1.

    Their order stays. Parts that are dropped become background.
    """
    parts = connected_parts(labels, background=0, connectivity=1)
    sizes = np.bincount(parts.ravel())
    if len(sizes) == 1:
        return np.zeros(labels.shape, np.int32)
    owner = np.zeros(len(sizes), np.int64)
    owner[parts.ravel()] = labels.ravel()
    # Of each owner's parts, sorted by size, the last one stays.
    order = np.lexsort((sizes[1:], owner[1:])) + 1
    last = np.append(owner[order][1:] != owner[order][:-1], True)
    kept = order[last]
    number = np.zeros(len(sizes), np.int32)
    number[kept] = np.arange(1, len(kept) + 1, dtype=np.int32)
    numbered: Labels = number[parts]
    return numbered


def without_holes(labels: Labels) -> Labels:
    """Fill what lies within a single cell, in place, and return the labels."""
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        if box is None:
            continue
        here = labels[box]
        holes = ndimage.binary_fill_holes(here == number) & (here == 0)
        here[holes] = number
    return labels

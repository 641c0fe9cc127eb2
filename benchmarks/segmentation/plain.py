"""The peer: local threshold, distance transform, watershed, as tutorials have it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.color import rgb2hed
from skimage.feature import peak_local_max
from skimage.filters import gaussian, threshold_local, threshold_otsu
from skimage.morphology import remove_small_objects
from skimage.segmentation import watershed

_BLOCK, _APART, _SMALLEST = 101, 7, 30


def segment(pixels: NDArray[Any]) -> NDArray[np.int32]:
    """Return labels of what is brighter than its neighbourhood, and than half of Otsu's level."""
    plane = rgb2hed(pixels)[..., 0] if pixels.ndim > 2 else pixels.astype(np.float64)
    smooth = gaussian(plane, 1)
    level = np.maximum(threshold_local(smooth, _BLOCK), 0.5 * threshold_otsu(smooth))
    mask = remove_small_objects(ndimage.binary_fill_holes(smooth > level), max_size=_SMALLEST)
    distance = gaussian(ndimage.distance_transform_edt(mask), 1)
    peaks = peak_local_max(distance, min_distance=_APART, labels=ndimage.label(mask)[0])
    seeds = np.zeros(plane.shape, np.int32)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    labels: NDArray[np.int32] = watershed(-distance, seeds, mask=mask)
    return labels

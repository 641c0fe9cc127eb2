"""Nuclei by thresholds and a watershed: no model, no weights, any size of nucleus."""

from typing import Any

import numpy as np
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.filters import gaussian, threshold_local, threshold_otsu
from skimage.morphology import remove_small_objects
from skimage.segmentation import watershed

from worker.pictures import Picture
from worker.segmenters.base import Labels, Report
from worker.segmenters.labels import one_part_each


class Watershed:
    """The segmenter ``watershed``."""

    name = "watershed"
    version = "1"

    def parameters(self, threshold: float | None) -> dict[str, Any]:
        """Return the factor on the automatic threshold."""
        return {"threshold": 1.0 if threshold is None else threshold}

    def segment(self, picture: Picture, *, threshold: float | None, report: Report) -> Labels:
        """Return the labels of the nuclei."""
        report(0.0)
        plane = picture.pixels if picture.pixels.ndim == 2 else picture.pixels.mean(axis=-1)  # noqa: PLR2004
        smooth = gaussian(plane.astype(np.float32), 1)
        if smooth.min() == smooth.max():
            return np.zeros(plane.shape, np.int32)
        factor = 1.0 if threshold is None else threshold
        level = np.maximum(threshold_local(smooth, 101), 0.5 * threshold_otsu(smooth)) * factor
        mask = remove_small_objects(ndimage.binary_fill_holes(smooth > level), max_size=30)
        distance = gaussian(ndimage.distance_transform_edt(mask), 1)
        peaks = peak_local_max(distance, min_distance=5, labels=ndimage.label(mask)[0])
        seeds = np.zeros(plane.shape, np.int32)
        seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
        report(1.0)
        return one_part_each(watershed(-distance, seeds, mask=mask))

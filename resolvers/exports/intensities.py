"""How bright cells are: means over the pixels whose centres are inside the outlines."""

import numpy as np
from numpy.typing import NDArray

from persistence.image_pixels import Pixels
from resolvers.exports.raster import Spans

_PIXELS_AT_ONCE = 2**22


def mean_intensities(spans: Spans, pixels: Pixels, *, count: int) -> NDArray[np.float64]:
    """Return the mean of each of the ``count`` cells in each channel (height, width, channels).

    Pixels that are not finite are passed over. NaN for a cell that has none besides.
    """
    height, width, channels = pixels.shape
    order = np.argsort(spans.row, kind="stable")
    rows = max(1, _PIXELS_AT_ONCE // width)
    begins = np.searchsorted(spans.row[order], np.arange(0, height + rows, rows))
    sums, numbers = np.zeros((2, channels, count))
    for index, top in enumerate(range(0, height, rows)):
        chosen = order[begins[index] : begins[index + 1]]
        cell, row = spans.cell[chosen], spans.row[chosen] - top
        ends = (row, spans.start[chosen]), (row, spans.stop[chosen])
        for channel in range(channels):
            values = pixels[top : top + rows, :, channel].astype(np.float64)
            finite = np.isfinite(values)
            sums[channel] += np.bincount(cell, _between(np.where(finite, values, 0), *ends), count)
            numbers[channel] += np.bincount(cell, _between(finite, *ends), count)
    with np.errstate(invalid="ignore"):
        means: NDArray[np.float64] = (sums / numbers).T
    return means


def _between(
    values: NDArray[np.float64] | NDArray[np.bool_],
    start: tuple[NDArray[np.int64], NDArray[np.int64]],
    stop: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> NDArray[np.float64]:
    """Return the sums of values along their rows, between these places."""
    summed = np.zeros((values.shape[0], values.shape[1] + 1))
    np.cumsum(values, axis=1, out=summed[:, 1:])
    between: NDArray[np.float64] = summed[stop] - summed[start]
    return between

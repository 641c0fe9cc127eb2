"""The background of a whole picture, at a fraction of its resolution."""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy import ndimage

from worker.segmenters.nuclei.plane import Floats

Box = tuple[slice, slice]
Places = NDArray[np.floating]

_COARSE = 128
_LOW_PERCENTILE = 10
# Windows of ten radii hold background between all but the most crowded nuclei.
_RADII, _WINDOWS = 10.0, 4
_WIDE = 4.0
_SCARCE = 0.02


class Background(Struct, frozen=True, kw_only=True, eq=False):
    """A smooth field, one value for each block of ``factor`` × ``factor`` pixels."""

    values: NDArray[np.float64]
    factor: int

    def part(self, box: Box) -> Floats:
        """Return the background of the pixels in the box."""
        rows, columns = (np.arange(side.start, side.stop) + 0.5 for side in box)
        return self.at(rows, columns)

    def at(self, rows: Places, columns: Places) -> Floats:
        """Return the background on a grid of places in pixels, linear between block middles."""
        grid = np.meshgrid(rows / self.factor - 0.5, columns / self.factor - 0.5, indexing="ij")
        field: Floats = ndimage.map_coordinates(
            self.values, grid, order=1, mode="nearest", output=np.float32
        )
        return field


def first_guess(shrunk: Floats, factor: int, radius: float) -> Background:
    """Return what the darkest tenth of wide windows lies at."""
    smooth = ndimage.gaussian_filter(shrunk.astype(np.float64), 1)
    window = int(max(3, min(max(smooth.shape) / _WINDOWS, _RADII * radius / factor)))
    low = ndimage.percentile_filter(smooth, _LOW_PERCENTILE, size=window)
    return Background(values=ndimage.gaussian_filter(low, window / 3), factor=factor)


def coarse_factor(height: int, width: int) -> int:
    """Return by how much to shrink a picture for a first guess."""
    return max(1, max(height, width) // _COARSE)


def between_nuclei(
    shrunk: Floats, factor: int, guess: Background, level: float, radius: float
) -> Background:
    """Return the smoothed mean of what lies below the level over the guess, and near no nucleus."""
    rows, columns = ((np.arange(length) + 0.5) * factor for length in shrunk.shape)
    above = np.greater(shrunk - guess.at(rows, columns), level)
    far = ~ndimage.binary_dilation(above, iterations=2 if factor > 1 else 4)
    if far.mean() < _SCARCE:
        return guess
    sigma = max(3.0, _WIDE * radius / factor)
    weight = ndimage.gaussian_filter(far.astype(np.float64), sigma)
    total = ndimage.gaussian_filter(np.where(far, shrunk, 0).astype(np.float64), sigma)
    # Where no background is in reach, the whole picture's counts.
    typical = float(np.median(shrunk[far]))
    return Background(values=(total + 1e-3 * typical) / (weight + 1e-3), factor=factor)

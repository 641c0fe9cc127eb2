"""What holds for a whole picture, so that its tiles agree: background, noise, sizes, thresholds."""

from collections.abc import Iterable

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu

from worker.segmenters.nuclei.background import (
    Background,
    between_nuclei,
    coarse_factor,
    first_guess,
)
from worker.segmenters.nuclei.plane import Box, Floats, Plane
from worker.segmenters.nuclei.scale import typical_radius, white_noise

# Pictures up to so many pixels are looked at as a whole, others in some windows of this width.
_WHOLE = 1_500_000
_WINDOW, _WINDOWS = 512, 8
_ROUNDS = 2
# Nuclei reach above the noise of the smoothed background by so many of its standard deviations,
_SIGMAS = 4.0
# and above this share of a typical nucleus's brightness.
_DIMMEST = 0.2
# What smoothing must leave, as a multiple of what it leaves of white noise.
_MORE_THAN_WHITE, _NO_NOISE = 1.5, 6.0
# Smooth noise is normally distributed: hardly a pixel in ten million lies so far out, the third
# moment is 0, and the fourth 3. A few bright nuclei make outliers, crowded ones two classes.
_OUTLIER_SIGMAS, _FEWEST = 6.0, 12
_SKEWED, _FLAT = 0.2, 2.6


class Scene(Struct, frozen=True, kw_only=True, eq=False):
    """``radius`` is a typical nucleus's in pixels; the levels are heights above the background.

    ``level`` is where foreground begins, ``noise`` the standard deviation of the background after
    the smoothing of ``smoothed``.
    """

    background: Background
    radius: float
    level: float
    noise: float

    @property
    def area(self) -> float:
        """That of a disc of the typical radius."""
        return float(np.pi * self.radius**2)

    def smoothed(self, pixels: Floats, radii: float) -> Floats:
        """Return the pixels smoothed on the scale of that many radii of a nucleus."""
        smooth: Floats = ndimage.gaussian_filter(pixels, _sigma(self.radius, radii))
        return smooth


def _sigma(radius: float, radii: float) -> float:
    return float(max(0.7, radii * radius))


FINE = 0.12
"""The smoothing, in radii, at which levels are meant."""


def scene_of(plane: Plane, threshold: float) -> Scene | None:
    """Return what holds for the picture; None where there is nothing but background and noise."""
    windows = [(box, plane.part(box)) for box in windows_of(plane)]
    radius = typical_radius([pixels for _, pixels in windows])
    sigma = _sigma(radius, FINE)
    factor = coarse_factor(plane.height, plane.width)
    background = first_guess(plane.shrunk(factor), factor, radius)
    heights, level = _over(background, windows, sigma)
    factor = max(1, int(radius / 3))
    shrunk = plane.shrunk(factor)
    for _ in range(_ROUNDS):
        background = between_nuclei(shrunk, factor, background, level, radius)
        heights, level = _over(background, windows, sigma)
    if not _is_something(windows, heights, sigma):
        return None
    return _scene(background, radius, level, heights, threshold)


def _over(
    background: Background, windows: list[tuple[Box, Floats]], sigma: float
) -> tuple[Floats, float]:
    """Return the heights of all pixels above the background, and Otsu's level between them."""
    heights = np.concatenate(
        [
            (ndimage.gaussian_filter(pixels, sigma) - background.part(box)).ravel()
            for box, pixels in windows
        ]
    )
    # Of the square root, since the noise of bright pixels is larger, and dim nuclei count, too.
    return heights, float(threshold_otsu(np.sqrt(np.clip(heights, 0, None)))) ** 2


def _scene(
    background: Background, radius: float, level: float, heights: Floats, threshold: float
) -> Scene:
    typical = float(np.median(heights[heights > level]))
    low = heights[heights < level / 2]
    ground, noise = _median_and_spread(low)
    lowest = max(ground + _SIGMAS * noise, _DIMMEST * typical)
    return Scene(
        background=background,
        radius=radius,
        level=lowest * threshold,
        noise=float(heights[heights < level].std()),
    )


def windows_of(plane: Plane) -> Iterable[Box]:
    """Return where to look: all, or windows spread over the livelier half of the picture."""
    if plane.height * plane.width <= _WHOLE:
        return [(slice(0, plane.height), slice(0, plane.width))]
    shrunk = plane.shrunk(_WINDOW // 16)
    rows, columns = max(1, plane.height // _WINDOW), max(1, plane.width // _WINDOW)
    places = [(row, column) for row in range(rows) for column in range(columns)]
    liveliness = [
        float(shrunk[row * 16 : (row + 1) * 16, column * 16 : (column + 1) * 16].std())
        for row, column in places
    ]
    lively = np.argsort(liveliness)[len(places) // 2 :]
    chosen = lively[np.linspace(0, len(lively) - 1, min(_WINDOWS, len(lively))).astype(int)]
    return [_window(plane, *places[at]) for at in sorted(set(chosen.tolist()))]


def _window(plane: Plane, row: int, column: int) -> Box:
    top, left = row * _WINDOW, column * _WINDOW
    return (
        slice(top, min(plane.height, top + _WINDOW)),
        slice(left, min(plane.width, left + _WINDOW)),
    )


def _is_something(windows: list[tuple[Box, Floats]], heights: Floats, sigma: float) -> bool:
    """Return whether there is more than noise, be it white or smooth."""
    deviation = float(heights.std())
    white = float(np.mean([white_noise(pixels) for _, pixels in windows]))
    left = white / (2 * np.sqrt(np.pi) * sigma)
    if deviation <= _MORE_THAN_WHITE * left:
        return False
    if deviation > _NO_NOISE * left:
        return True
    middle, spread = _median_and_spread(heights)
    outliers = int((heights > middle + _OUTLIER_SIGMAS * spread).sum())
    standard = (heights - heights.mean()) / deviation
    skewness, kurtosis = float((standard**3).mean()), float((standard**4).mean())
    return outliers >= _FEWEST or skewness > _SKEWED or kurtosis < _FLAT


def _median_and_spread(values: NDArray[np.floating]) -> tuple[float, float]:
    """Return median and standard deviation, the latter unmoved by outliers."""
    if not values.size:
        return 0.0, 0.0
    middle = float(np.median(values))
    return middle, 1.4826 * float(np.median(np.abs(values - middle)))

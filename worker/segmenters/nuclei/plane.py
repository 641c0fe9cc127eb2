"""One plane in which nuclei are bright, whatever the picture is: fluorescence or stained tissue."""

from collections.abc import Callable
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from skimage.color import rgb2hed
from skimage.filters import threshold_otsu

from worker.pictures import Picture

Floats = NDArray[np.float32]
Box = tuple[slice, slice]

_GREY = 2
# Of the range: the median of stained tissue is light, that of fluorescence dark.
_LIGHT = 0.5
_GLIMPSE = 400
# Up to so many pixels a plane is computed once and kept.
_KEPT = 16_000_000
# Skewness of a grey picture below which what matters is dark.
_DARK_TAIL = -1.0


class Plane(Struct, frozen=True, kw_only=True, eq=False):
    """Where nuclei are bright, on a scale of about 0 to 1; computed piece by piece.

    ``kind`` tells what was seen: ``bright``, ``dark`` or ``stained``, with the channel used.
    """

    height: int
    width: int
    kind: str
    part: Callable[[Box], Floats]
    """Takes rows and columns, and returns their values."""

    def shrunk(self, factor: int) -> Floats:
        """Return the means of blocks of factor × factor pixels; those at the end may be smaller."""
        stripes = [
            block_means(self.part((slice(top, top + factor * 64), slice(None))), factor)
            for top in range(0, self.height, factor * 64)
        ]
        return np.concatenate(stripes)


def plane_of(picture: Picture) -> Plane:
    """Decide by what is seen in the picture what its nuclei are."""
    pixels = picture.pixels
    glimpse = _glimpse(pixels)
    if picture.is_colour and not _is_grey(glimpse):
        top = _full_scale(pixels)
        if np.median(pixels.max(axis=-1)) > _LIGHT * top:
            return _plane(picture, "stained", _haematoxylin(pixels, top))
    channel = 0 if pixels.ndim == _GREY else _most_distinct(glimpse)
    values = pixels if pixels.ndim == _GREY else pixels[..., channel]
    seen = glimpse if pixels.ndim == _GREY else glimpse[..., channel]
    # Halved, so that the difference of any two finite values is finite.
    low, high = float(values.min()) / 2, float(values.max()) / 2
    scale = high - low or 1.0
    is_dark = _skewness(seen) < _DARK_TAIL
    sign, base = (-1, high) if is_dark else (1, low)

    def part(box: Box) -> Floats:
        scaled = sign * (values[box].astype(np.float64) / 2 - base) / scale
        return scaled.astype(np.float32)

    return _plane(picture, f"{'dark' if is_dark else 'bright'}, channel {channel}", part)


def _plane(picture: Picture, kind: str, part: Callable[[Box], Floats]) -> Plane:
    if picture.height * picture.width <= _KEPT:
        part = part((slice(0, picture.height), slice(0, picture.width))).__getitem__
    return Plane(height=picture.height, width=picture.width, kind=kind, part=part)


def _haematoxylin(pixels: NDArray[Any], top: float) -> Callable[[Box], Floats]:
    def part(box: Box) -> Floats:
        stains = rgb2hed(pixels[box].astype(np.float32) / np.float32(top))
        blue: Floats = np.maximum(stains[..., 0], 0).astype(np.float32)
        return blue

    return part


def _glimpse(pixels: NDArray[Any]) -> NDArray[np.float64]:
    step = max(1, max(pixels.shape[:2]) // _GLIMPSE)
    glimpse = pixels[::step, ::step].astype(np.float64)
    return glimpse / (np.abs(glimpse).max() or 1.0)


def _is_grey(glimpse: NDArray[np.float64]) -> bool:
    return bool((np.ptp(glimpse, axis=-1) == 0).all())


def _full_scale(pixels: NDArray[Any]) -> float:
    if pixels.dtype.kind == "f":
        return float(pixels.max()) or 1.0
    return float(np.iinfo(pixels.dtype).max)


def _most_distinct(glimpse: NDArray[np.float64]) -> int:
    """Return the channel whose values fall most clearly into two classes."""
    return int(np.argmax([_separation(glimpse[..., at]) for at in range(glimpse.shape[-1])]))


def _separation(values: NDArray[Any]) -> float:
    """Return the share of the variance that lies between Otsu's two classes: 0.64 for noise."""
    if values.min() == values.max():
        return 0.0
    above = values > threshold_otsu(values)
    share = above.mean()
    apart = values[above].mean() - values[~above].mean()
    return float(share * (1 - share) * apart**2 / values.var())


def _skewness(values: NDArray[np.float64]) -> float:
    spread = values.std()
    return float(((values - values.mean()) ** 3).mean() / spread**3) if spread else 0.0


def block_means(values: Floats, factor: int) -> Floats:
    """Return the means of blocks of factor × factor values; those at the end may be smaller."""
    rows = np.arange(0, values.shape[0], factor)
    columns = np.arange(0, values.shape[1], factor)
    sums = np.add.reduceat(np.add.reduceat(values, rows, axis=0), columns, axis=1)
    heights = np.diff(np.append(rows, values.shape[0]))
    widths = np.diff(np.append(columns, values.shape[1]))
    sizes = (heights[:, np.newaxis] * widths).astype(np.float32)
    means: Floats = (sums / sizes).astype(np.float32)
    return means

"""Thumbnails that show what is there: WebP, at most 300 × 300 pixels.

Microscopy fills a small part of its range, so contrast is stretched by percentiles, channel by
channel; photographs (8-bit colour, stained tissue among them) are left as they are. The percentiles
are taken after shrinking, which needs one pass over the file and is steady against hot pixels.
"""

import sys
from typing import Any, NamedTuple

import numpy as np
import pyvips  # type: ignore[import-untyped]
from msgspec import Struct
from numpy.typing import NDArray

BOX = 300
_PERCENTILES = (0.5, 99.5)
# Half the time of the default effort, for files 4 % larger.
_QUALITY, _EFFORT = 80, 2
FLOATS = ("float", "double")
# Cyan, magenta and yellow: told apart by colour-blind eyes, too; any two of them add up to white.
FALSE_COLOURS = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]], np.float64)
MAX_CHANNELS = len(FALSE_COLOURS)


class Range(NamedTuple):
    """Halves of the values that are drawn black and white."""

    low: float
    high: float


NATURAL = Range(0, 255 / 2)
"""How pictures of 8 bits are drawn as they are."""


class Layers(Struct, frozen=True, kw_only=True):
    """What to draw: planes of equal shape (height, width).

    With ``colour`` the planes are red, green and blue, else channels of fluorescence, or grey where
    there is one. With ``natural`` they are drawn as they are, 0 to 255, else stretched. Alpha is 0
    to 1.
    """

    planes: list[NDArray[Any]]
    colour: bool
    natural: bool
    alpha: NDArray[np.float64] | None = None


def shrink(image: Any) -> NDArray[Any]:
    """Decode an image of libvips, whole, and return it as (height, width, bands) within the box.

    Where floats are neither finite nor near a finite one the result is NaN. Raise pyvips.Error
    where the file can't be decoded to its end.
    """
    if image.format not in FLOATS:
        return _pixels(_resize(image))
    bands = image.bands
    # NaN compares false.
    finite = image.abs() <= sys.float_info.max
    weighted = finite.ifthenelse(image, 0).bandjoin((finite / 255).cast(image.format))
    pixels = _pixels(_resize(weighted)).astype(np.float64)
    weights = pixels[:, :, bands:]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(weights > 0, pixels[:, :, :bands] / weights, np.nan)


def _resize(image: Any) -> Any:
    scale = min(1.0, BOX / max(image.width, image.height))
    if scale == 1.0:
        return image
    across, down = max(scale, 1 / image.width), max(scale, 1 / image.height)
    return image.resize(across, vscale=down, kernel="linear")


def _pixels(image: Any) -> NDArray[Any]:
    pixels: NDArray[Any] = image.numpy()
    return pixels.reshape(image.height, image.width, image.bands)


def encode(layers: Layers, orientation: int = 1) -> bytes:
    """Draw the layers, turn them as the EXIF orientation (1 to 8) says, and return a WebP."""
    picture = pyvips.Image.new_from_array(_draw(layers))
    picture.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    encoded: bytes = picture.autorot().webpsave_buffer(Q=_QUALITY, effort=_EFFORT, keep="none")
    return encoded


def _draw(layers: Layers) -> NDArray[np.uint8]:
    planes = [
        _scale(plane, NATURAL if layers.natural else range_of(plane)) for plane in layers.planes
    ]
    if layers.colour or len(planes) == 1:
        picture = np.stack(planes, axis=-1)
    else:
        stacked = np.stack(planes[:MAX_CHANNELS], axis=-1)
        picture = np.minimum(stacked @ FALSE_COLOURS[: stacked.shape[-1]], 1)
    if layers.alpha is not None:
        alpha = layers.alpha[..., np.newaxis]
        picture = picture * alpha + (1 - alpha)
    return np.rint(picture * 255).astype(np.uint8)


def range_of(plane: NDArray[Any]) -> Range:
    """Return which of the plane's values are drawn black and white; what is beyond is so, too.

    Of a constant plane, 0 and the top of its type.
    """
    # Halved, so that the difference of any two finite values is finite.
    values = plane.astype(np.float64) / 2
    finite = values[np.isfinite(values)]
    if finite.size:
        low, high = np.percentile(finite, _PERCENTILES)
        if low == high:
            low, high = finite.min(), finite.max()
        if low != high:
            return Range(float(low), float(high))
    top = np.iinfo(plane.dtype).max if np.issubdtype(plane.dtype, np.integer) else 1
    return Range(0, top / 2)


def _scale(plane: NDArray[Any], range_: Range) -> NDArray[np.float64]:
    """Scale the plane to 0…1. What is not finite becomes 0."""
    values = plane.astype(np.float64) / 2
    scaled = (values - range_.low) / (range_.high - range_.low)
    return np.where(np.isfinite(values), scaled, 0.0).clip(0.0, 1.0)

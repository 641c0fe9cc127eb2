"""Thumbnails that show what is there: WebP, at most 300 × 300 pixels.

Microscopy fills a small part of its range, so contrast is stretched by percentiles, channel by
channel; photographs (8-bit colour, stained tissue among them) are left as they are. The percentiles
are taken after shrinking, which needs one pass over the file and is steady against hot pixels.
"""

import sys
from typing import Any

import numpy as np
import pyvips  # type: ignore[import-untyped]
from msgspec import Struct
from numpy.typing import NDArray

BOX = 300
_PERCENTILES = (0.5, 99.5)
# Half the time of the default effort, for files 4 % larger.
_QUALITY, _EFFORT = 80, 2
_FLOATS = ("float", "double")
# Cyan, magenta and yellow: told apart by colour-blind eyes, too; any two of them add up to white.
_FALSE_COLOURS = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]], np.float64)
MAX_CHANNELS = len(_FALSE_COLOURS)


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
    if image.format not in _FLOATS:
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
    planes = [_as_is(p) if layers.natural else _stretch(p) for p in layers.planes]
    if layers.colour or len(planes) == 1:
        picture = np.stack(planes, axis=-1)
    else:
        stacked = np.stack(planes[:MAX_CHANNELS], axis=-1)
        picture = np.minimum(stacked @ _FALSE_COLOURS[: stacked.shape[-1]], 1)
    if layers.alpha is not None:
        alpha = layers.alpha[..., np.newaxis]
        picture = picture * alpha + (1 - alpha)
    return np.rint(picture * 255).astype(np.uint8)


def _as_is(plane: NDArray[Any]) -> NDArray[np.float64]:
    return plane.astype(np.float64) / 255


def _stretch(plane: NDArray[Any]) -> NDArray[np.float64]:
    """Scale the plane to 0…1. What is not finite becomes 0."""
    # Halved, so that the difference of any two finite values is finite.
    values = plane.astype(np.float64) / 2
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return np.zeros(plane.shape)
    low, high = np.percentile(finite, _PERCENTILES)
    if low == high:
        low, high = finite.min(), finite.max()
    if low == high:
        return _flat(plane)
    scaled = np.where(np.isfinite(values), (values - low) / (high - low), 0.0)
    return np.clip(scaled, 0.0, 1.0)


def _flat(plane: NDArray[Any]) -> NDArray[np.float64]:
    """Show a constant plane by where its value lies in the range of its type."""
    top = np.iinfo(plane.dtype).max if np.issubdtype(plane.dtype, np.integer) else 1
    level: NDArray[np.float64] = np.nan_to_num(plane.astype(np.float64) / top)
    return level.clip(0, 1)

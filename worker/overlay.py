"""A picture with its cells outlined, for people to look at."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from worker.pictures import Picture

_PERCENTILES = (0.5, 99.7)
# Yellow stands out of dark fluorescence, green out of stained tissue's pink and violet.
_ON_DARK, _ON_LIGHT = (255, 220, 0), (0, 110, 30)
_LIGHT = 128
_SMALL, _LARGEST = 1200, 4096
# Cyan, magenta, yellow: told apart by colour-blind eyes, too; any two of them add up to white.
_FALSE_COLOURS = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]], np.float32)


def draw(picture: Picture, geojson: dict[str, Any]) -> Image.Image:
    """Return the picture, contrast-stretched, with the Polygons of the FeatureCollection on it.

    Small pictures are enlarged so that outlines are crisp, very large ones reduced.
    """
    image = Image.fromarray(_shown(picture))
    scale = _scale(max(picture.width, picture.height))
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    image = image.resize(size, Image.Resampling.BICUBIC)
    colour = _ON_LIGHT if np.median(np.asarray(image)) > _LIGHT else _ON_DARK
    pen = ImageDraw.Draw(image)
    # As wide as is still seen where the picture is shown smaller than it is.
    width = max(1, round(scale * 0.75))
    for feature in geojson["features"]:
        for ring in feature["geometry"]["coordinates"]:
            pen.line([(x * scale, y * scale) for x, y in ring], fill=colour, width=width)
    return image


def _scale(longest: int) -> float:
    if longest > _LARGEST:
        return _LARGEST / longest
    return float(min(6, max(1, round(_SMALL / longest))))


def _shown(picture: Picture) -> NDArray[np.uint8]:
    """Return (height, width, 3)."""
    pixels = picture.pixels if picture.pixels.ndim > 2 else picture.pixels[..., np.newaxis]  # noqa: PLR2004
    if picture.is_colour and pixels.dtype == np.uint8:
        return np.ascontiguousarray(pixels)
    planes = [_stretched(pixels[..., channel]) for channel in range(min(3, pixels.shape[-1]))]
    if len(planes) == 1:
        planes *= 3
    mixed = np.stack(planes, axis=-1)
    if not picture.is_colour and pixels.shape[-1] > 1:
        mixed = np.minimum(mixed @ _FALSE_COLOURS[: mixed.shape[-1]], 1)
    return np.rint(mixed * 255).astype(np.uint8)


def _stretched(plane: NDArray[Any]) -> NDArray[np.float32]:
    # Halved, so that the difference of any two finite values is finite.
    low, high = np.percentile(plane, _PERCENTILES).astype(np.float64) / 2
    if low == high:
        low, high = float(plane.min()) / 2, float(plane.max()) / 2
    if low == high:
        return np.zeros(plane.shape, np.float32)
    values = (plane.astype(np.float64) / 2 - low) / (high - low)
    clipped: NDArray[np.float32] = np.clip(values, 0, 1).astype(np.float32)
    return clipped

"""Image files, read as what a segmenter works on: one plane of pixels, with channels.

Stacks (z, time, series of one size, frames of an animation) are projected: each pixel is the
brightest of its column. Width and height are as the hub says of the image: a photo's EXIF
orientation is applied, a TIFF's is not.
"""

import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from worker.pictures_tiff import read_tiff
from worker.projection import brightest

MAX_PIXELS = 250_000_000
"""Of one plane. Larger ones are better cut into several images."""

_FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF", "DIB")
_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PNG_START = b"\x89PNG\r\n\x1a\n"
_PNG_GREY_TYPES = (0, 4)
_DEEP = 16
# Modes whose values are to be taken as they are; all others are brought to grey or RGB.
_MODES = {"1": "L", "L": "L", "LA": "L", "La": "L", "I": "I", "F": "F"}
# What decoders raise over a file that contradicts itself.
_STUMBLES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


class BadImage(Exception):
    """The file or the picture can't be worked on. The message says why."""


class Picture(Struct, frozen=True, kw_only=True, eq=False):
    """Pixels in the type that they were stored in; all of them are finite.

    ``pixels`` are (height, width), or (height, width, channels). With ``is_colour`` the channels
    are red, green and blue of what an eye or a camera saw; else they are stains of their own.
    An alpha channel is left out.
    """

    pixels: NDArray[Any]
    is_colour: bool = False

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return int(self.pixels.shape[1])


def read(path: Path) -> Picture:
    """Return the picture in a TIFF, PNG, JPEG, BMP, WebP or GIF file.

    Raise BadImage where it is none of them, is damaged, or has more than MAX_PIXELS; OSError where
    there is no such file.
    """
    with path.open("rb") as file:
        start = file.read(32)
    try:
        if start[:4] in _TIFF_STARTS:
            pixels, is_colour = read_tiff(path, MAX_PIXELS)
        elif start[:8] == _PNG_START and _is_deep_colour(start):
            pixels, is_colour = _read_deep_png(path)
        else:
            pixels, is_colour = _read_raster(path)
    except UnidentifiedImageError as error:
        raise BadImage("The file is no image of a kind that is read here.") from error
    except MemoryError as error:
        raise BadImage("Decoding the image takes too much memory.") from error
    except _STUMBLES as error:
        raise BadImage(f"The image can't be decoded: {error}") from error
    return Picture(pixels=_finite(pixels), is_colour=is_colour)


def _is_deep_colour(start: bytes) -> bool:
    return start[24] == _DEEP and start[25] not in _PNG_GREY_TYPES


def _read_deep_png(path: Path) -> tuple[NDArray[Any], bool]:
    # Pillow leaves but 8 of the 16 bits of a coloured PNG, and no orientation is known of any.
    with Image.open(path, formats=["PNG"]) as image:
        _check_size(image)
    return imagecodecs.png_decode(path.read_bytes())[:, :, :3], True


def _read_raster(path: Path) -> tuple[NDArray[Any], bool]:
    # Pillow's own limit is a warning first, and lower than ours.
    Image.MAX_IMAGE_PIXELS = None
    with Image.open(path, formats=_FORMATS) as image:
        _check_size(image)
        pixels = brightest(_frames(image))
    return pixels, pixels.ndim > 2  # noqa: PLR2004


def _frames(image: Image.Image) -> Iterable[NDArray[Any]]:
    for frame in ImageSequence.Iterator(image):
        upright = ImageOps.exif_transpose(frame)
        if upright.mode.startswith("I;16"):
            yield np.asarray(upright)
        else:
            yield np.asarray(upright.convert(_MODES.get(upright.mode, "RGB")))


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise BadImage(f"The image has more than {MAX_PIXELS} pixels; cut it into several.")


def _finite(pixels: NDArray[Any]) -> NDArray[Any]:
    """Put the darkest finite value where there is none, 0 where there is none at all."""
    if pixels.dtype.kind != "f":
        return pixels
    is_finite = np.isfinite(pixels)
    if is_finite.all():
        return pixels
    darkest = pixels[is_finite].min() if is_finite.any() else 0
    return np.where(is_finite, pixels, darkest).astype(pixels.dtype)

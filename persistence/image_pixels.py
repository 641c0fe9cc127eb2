"""The pixels of an image file, as numbers to measure. For confined processes only.

Stacks (z, time, frames, series of one size) are projected: each pixel is the brightest of its
column. A photo's EXIF orientation is applied, a TIFF's is not, as widths and heights have it.
"""

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyvips  # type: ignore[import-untyped]
from numpy.typing import NDArray

from persistence.image_format import ImageFormat, recognise
from persistence.image_raster import load_pages
from persistence.image_tiff import open_alone, open_plane, planes_of_channels, series_of
from persistence.image_verdict import ImageLimits, damaged
from persistence.image_worker import CONTRADICTIONS

Pixels = NDArray[Any]


def read_pixels(path: Path, limits: ImageLimits) -> Pixels:
    """Return the projection (height, width, channels), in the type of the file.

    Samples are as stored, alpha among them. NaN is only where no page has a number. Raise
    RejectedImage.
    """
    kind = recognise(path)
    try:
        if kind is ImageFormat.TIFF:
            return _read_tiff(path)
        pages = (pixels_of(page) for page in load_pages(path, kind, limits))
        return brightest(pages)
    except pyvips.Error as error:
        raise damaged("its pixels can't be decoded to the end") from error
    except CONTRADICTIONS as error:
        raise damaged(f"its {kind.name} structure makes no sense") from error


def _read_tiff(path: Path) -> Pixels:
    logging.getLogger("tifffile").disabled = True
    with path.open("rb") as file, open_alone(file) as tiff:
        alike = series_of(tiff)
        # Planes of one channel are projected together; channels may be stored as planes, too.
        channels = [
            brightest(
                pixels_of(open_plane(path, series, plane)) for series in alike for plane in planes
            )
            for planes in planes_of_channels(alike[0])
        ]
    return channels[0] if len(channels) == 1 else np.concatenate(channels, axis=-1)


def pixels_of(image: Any) -> Pixels:
    """Decode an image of libvips, whole: (height, width, bands)."""
    pixels: Pixels = image.numpy()
    return pixels.reshape(image.height, image.width, image.bands)


def brightest(planes: Iterable[Pixels]) -> Pixels:
    """Project planes of one shape, one of them at a time: NaN is only where none has a number."""
    rest: Iterator[Pixels] = iter(planes)
    found = next(rest)
    for plane in rest:
        found = np.fmax(found, plane)
    return found

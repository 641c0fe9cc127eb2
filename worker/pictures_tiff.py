"""TIFF files, OME-TIFF and ImageJ hyperstacks among them, projected to one plane with channels."""

from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tifffile import PHOTOMETRIC, TiffFile, TiffPage, TiffPageSeries

from worker.projection import brightest

_RGB = (PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR)
_COMPRESSED_JPEG = 7
# Colours that tifffile hands out as they are stored.
_PRINTED = (PHOTOMETRIC.SEPARATED, PHOTOMETRIC.CIELAB)


def read_tiff(path: Path, max_pixels: int) -> tuple[NDArray[Any], bool]:
    """Return the pixels, and whether they are red, green and blue.

    Series of the first one's shape are projected together. Raise ValueError, or whatever tifffile
    stumbles over.
    """
    # Other files in the folder are none of its business, whatever its metadata refer to.
    with path.open("rb") as file, _opened_alone(file) as tiff:
        if not tiff.series:
            raise ValueError("a TIFF without pages")
        first = tiff.series[0]
        page = first.keyframe
        if page.imagewidth * page.imagelength > max_pixels:
            raise ValueError(f"a page has more than {max_pixels} pixels; cut it into several")
        if _is_for_pillow(page):
            return _by_pillow(path), True
        alike = [s for s in tiff.series if (s.axes, s.shape) == (first.axes, first.shape)]
        planes = (_as_seen(plane, page) for series in alike for plane in _planes(series))
        return brightest(planes), page.photometric in (*_RGB, PHOTOMETRIC.PALETTE)


def _opened_alone(file: Any) -> TiffFile:
    return TiffFile(file, _multifile=False, is_mmstack=False, is_ndtiff=False)


def _is_for_pillow(page: TiffPage) -> bool:
    raw_ycbcr = page.photometric == PHOTOMETRIC.YCBCR and page.compression != _COMPRESSED_JPEG
    return raw_ycbcr or page.photometric in _PRINTED


def _by_pillow(path: Path) -> NDArray[Any]:
    with Image.open(path, formats=["TIFF"]) as image:
        return np.asarray(image.convert("RGB"))


def _planes(series: TiffPageSeries) -> Iterator[NDArray[Any]]:
    """Yield arrays (height, width, channels), one for each place along the other axes."""
    page = series.keyframe
    axes, shape = _outer(series)
    at_channel = axes.index("C") if "C" in axes else None
    pages = _pages(series, prod(shape))
    for place in np.ndindex(*(1 if i == at_channel else size for i, size in enumerate(shape))):
        channels = []
        for channel in range(1 if at_channel is None else shape[at_channel]):
            position = [channel if i == at_channel else at for i, at in enumerate(place)]
            index = int(np.ravel_multi_index(position, shape)) if shape else 0
            channels.append(_samples_last(pages(index), page.axes))
        yield channels[0] if len(channels) == 1 else np.concatenate(channels, axis=-1)


def _outer(series: TiffPageSeries) -> tuple[str, tuple[int, ...]]:
    """Return the axes along which the pages of a series lie, and how long they are."""
    inner: str = series.keyframe.axes
    if series.axes.endswith(inner):
        axes = series.axes[: len(series.axes) - len(inner)]
        return axes, series.shape[: len(axes)]
    return "I", (len(series.pages),)


def _pages(series: TiffPageSeries, count: int) -> Any:
    """Return a function from the number of a page to its pixels."""
    page = series.keyframe
    if len(series.pages) >= count:
        return lambda index: _page(series, index)
    # Planes without a directory of their own, as ImageJ writes them for large stacks.
    stack = series.asarray(out="memmap").reshape(count, *page.shape)
    return lambda index: np.asarray(stack[index])


def _page(series: TiffPageSeries, index: int) -> NDArray[Any]:
    page = series.pages[index]
    if page is None:
        raise ValueError("planes are missing that its metadata announce")
    pixels: NDArray[Any] = page.asarray()
    return pixels


def _samples_last(pixels: NDArray[Any], axes: str) -> NDArray[Any]:
    if pixels.dtype.kind not in "biuf":
        raise ValueError(f"pixels of type {pixels.dtype} are none to see")
    native = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    if native.dtype == np.bool_:
        native = native.astype(np.uint8)
    for axis in [axis for axis in axes if axis not in "YXS"]:
        native = native.max(axis=axes.index(axis))
        axes = axes.replace(axis, "")
    if "S" not in axes:
        return native[..., np.newaxis]
    return np.moveaxis(native, axes.index("S"), -1)


def _as_seen(pixels: NDArray[Any], page: TiffPage) -> NDArray[Any]:
    if page.photometric == PHOTOMETRIC.PALETTE and page.colormap is not None:
        colours = page.colormap[:, pixels[..., 0]] >> 8
        return np.moveaxis(colours, 0, -1).astype(np.uint8)
    if page.photometric == PHOTOMETRIC.MINISWHITE and pixels.dtype.kind == "u":
        pixels = np.iinfo(pixels.dtype).max - pixels
    if page.photometric in _RGB:
        return pixels[..., :3]
    kept = pixels[..., : pixels.shape[-1] - _alphas(page)]
    return kept[..., 0] if kept.shape[-1] == 1 else kept


def _alphas(page: TiffPage) -> int:
    # Unspecified extra samples are channels.
    return sum(1 for kind in page.extrasamples if kind)

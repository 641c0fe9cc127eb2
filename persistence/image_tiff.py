"""TIFF in all its shapes: OME-TIFF, ImageJ hyperstacks, BigTIFF, pyramids, plain stacks.

tifffile says what the pages mean, libvips decodes them. The thumbnail shows the middle of each axis
of a stack rather than a projection: it is a picture that the file really holds, and costs one page
to decode, however deep the stack. The other pages are checked to lie within the file.
"""

import logging
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyvips  # type: ignore[import-untyped]
from msgspec import Struct
from numpy.typing import NDArray
from tifffile import PHOTOMETRIC, TiffFile, TiffPageSeries

from persistence.image_format import ImageFormat
from persistence.image_raster import layers_of
from persistence.image_thumbnail import MAX_CHANNELS, Layers, encode, shrink
from persistence.image_verdict import (
    ImageLimits,
    InspectedImage,
    RejectedImage,
    RejectionCode,
    damaged,
)

COLOUR = (
    PHOTOMETRIC.RGB,
    PHOTOMETRIC.PALETTE,
    PHOTOMETRIC.SEPARATED,
    PHOTOMETRIC.YCBCR,
    PHOTOMETRIC.CIELAB,
)
# What the libtiff of libvips decodes: not JPEG 2000, nor Zstandard.
_COMPRESSIONS = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946, 34925, 50001})
# Types that libvips doesn't load from a TIFF, and as what it can take them.
_FOREIGN = {
    "float16": "float32",
    "float64": "float64",
    "int64": "float64",
    "uint64": "float64",
}


class Layout(Struct, frozen=True, kw_only=True):
    """How a series is stored: how many planes, and which of them make up the thumbnail."""

    channels: int
    planes: int
    pages: int
    shown: list[int]


def inspect_tiff(path: Path, limits: ImageLimits) -> InspectedImage:
    """Inspect a TIFF. Raise RejectedImage or pyvips.Error, or whatever tifffile stumbles over."""
    logging.getLogger("tifffile").disabled = True
    with path.open("rb") as file, open_alone(file) as tiff:
        alike = series_of(tiff)
        series = alike[0]
        page, layout = series.keyframe, layout_of(series)
        limits.check(page.imagewidth, page.imagelength, layout.planes * len(alike))
        _check_extents(tiff, path.stat().st_size)
        return InspectedImage(
            width=page.imagewidth,
            height=page.imagelength,
            channels=layout.channels,
            pages=layout.pages * len(alike),
            mime_type=ImageFormat.TIFF.value,
            thumbnail=encode(_layers(path, series, layout)),
        )


def open_alone(file: BinaryIO) -> TiffFile:
    """Open a file and nothing else."""
    # Other files in the folder are none of its business, whatever its metadata refer to.
    return TiffFile(file, _multifile=False, is_mmstack=False, is_ndtiff=False)


def series_of(tiff: TiffFile) -> list[TiffPageSeries]:
    """Return the first series and those that are like it. Raise RejectedImage where there is none.

    Slide scanners put labels and previews behind what they scanned.
    """
    if not tiff.series:
        raise damaged("a TIFF without pages")
    first = tiff.series[0]
    return [s for s in tiff.series if (s.axes, s.shape) == (first.axes, first.shape)]


def layout_of(series: TiffPageSeries) -> Layout:
    """Read from the axes of a series what its planes are."""
    axes, shape = _outer(series)
    planes = prod(shape)
    stored = shape[axes.index("C")] if "C" in axes else 1
    middle = [size // 2 for size in shape]
    places = [
        [channel if axis == "C" else at for axis, at in zip(axes, middle, strict=True)]
        for channel in range(min(stored, MAX_CHANNELS))
    ]
    return Layout(
        channels=stored * series.keyframe.samplesperpixel,
        planes=planes,
        pages=planes // stored,
        shown=[int(np.ravel_multi_index(place, shape)) if shape else 0 for place in places],
    )


def planes_of_channels(series: TiffPageSeries) -> list[list[int]]:
    """Return the planes of each channel that is stored as planes of its own, else all as one's."""
    axes, shape = _outer(series)
    planes = np.arange(prod(shape)).reshape(shape)
    by_channel = np.moveaxis(planes, axes.index("C"), 0) if "C" in axes else planes[np.newaxis]
    return [channel.ravel().tolist() for channel in by_channel]


def _outer(series: TiffPageSeries) -> tuple[str, tuple[int, ...]]:
    """Return the axes along which the planes of a series lie, and how many there are along each."""
    inner: str = series.keyframe.axes
    if series.axes.endswith(inner):
        axes = series.axes[: len(series.axes) - len(inner)]
        return axes, series.shape[: len(axes)]
    return "I", (len(series.pages),)


def _check_extents(tiff: TiffFile, size: int) -> None:
    """Raise where pixels of any page lie behind the end of the file: cheap, and no decoding."""
    for page in tiff.pages:
        ends = map(sum, zip(page.dataoffsets, page.databytecounts, strict=True))
        if max(ends, default=0) > size:
            raise damaged("the pixels of a page lie behind its end")
        keyframe = page.keyframe
        if keyframe and len(page.dataoffsets) < prod(keyframe.chunked):
            raise damaged("a page has more pixels than are listed")
    _check_hidden_planes(tiff, size)


def _check_hidden_planes(tiff: TiffFile, size: int) -> None:
    """Check planes without a directory of their own: ImageJ keeps but one for stacks over 4 GiB."""
    announced = (tiff.imagej_metadata or {}).get("images", 1)
    first = tiff.pages.first
    hides = announced > 1 and len(tiff.pages) == 1 and first.compression == 1
    if hides and first.dataoffsets[0] + announced * first.nbytes > size:
        raise damaged("ImageJ announces more planes than there are")
    for series in tiff.series:
        is_whole = len(series.pages) >= layout_of(series).planes
        if not is_whole and (series.dataoffset or size) + series.nbytes > size:
            raise damaged("the pixels of a stack lie behind its end")


def _layers(path: Path, series: TiffPageSeries, layout: Layout) -> Layers:
    page = series.keyframe
    images = (open_plane(path, series, plane) for plane in layout.shown)
    if page.photometric in COLOUR:
        return layers_of(next(images))
    bands = page.samplesperpixel - sum(1 for kind in page.extrasamples if kind)
    channels = [
        pixels[:, :, band]
        for pixels in map(shrink, images)
        for band in range(min(bands, pixels.shape[-1]))
    ]
    return Layers(planes=channels[:MAX_CHANNELS], colour=False, natural=False)


def open_plane(path: Path, series: TiffPageSeries, plane: int) -> Any:
    """Return a plane of a series as an image of libvips. Raise RejectedImage."""
    first = series.keyframe
    if first.imagedepth > 1 or first.compression not in _COMPRESSIONS:
        raise _unsupported(series)
    if plane >= len(series.pages):
        return _image(series, _read_hidden_plane(path, series, plane))
    page = series.pages[plane]
    if page is None:
        raise damaged("planes are missing that its metadata announce")
    try:
        if str(series.dtype) in _FOREIGN:
            return _image(series, page.asarray(maxworkers=1))
        return pyvips.Image.tiffload(
            str(path), page=page.index, access="sequential", fail_on="error"
        )
    except (pyvips.Error, ValueError) as error:
        raise _unsupported(series) from error


def _read_hidden_plane(path: Path, series: TiffPageSeries, plane: int) -> NDArray[Any]:
    page = series.keyframe
    stored = np.dtype(series.dtype).newbyteorder(page.parent.byteorder)
    first = series.dataoffset or 0
    offset = first + plane * stored.itemsize * prod(page.shape)
    return np.memmap(path, stored, "r", offset, page.shape)


def _image(series: TiffPageSeries, pixels: NDArray[Any]) -> Any:
    dtype = str(series.dtype)
    native = np.asarray(pixels, _FOREIGN.get(dtype, dtype))
    if series.keyframe.axes.startswith("S"):
        native = np.moveaxis(native, 0, -1)
    return pyvips.Image.new_from_array(native)


def _unsupported(series: TiffPageSeries) -> RejectedImage:
    page = series.keyframe
    compression = getattr(page.compression, "name", page.compression)
    return RejectedImage(
        RejectionCode.UNSUPPORTED_FORMAT,
        f"A TIFF with {page.bitspersample} bits of {series.dtype}, compression {compression}, "
        "can't be read. Export it uncompressed or with LZW or Deflate.",
    )

"""The picture of an image file in its full size, as 8 bits a sample. For confined processes only.

It is drawn like the thumbnail, but of a stack the projection: each pixel is the brightest of its
column, as workers see it. Width and height, and where each pixel lies, are those of the image. A
plain picture is drawn while it is read, so it takes little memory, however large it is.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyvips  # type: ignore[import-untyped]
from msgspec import Struct
from tifffile import COMPRESSION, PHOTOMETRIC, TiffPage, TiffPageSeries

from persistence.image_format import ImageFormat, recognise
from persistence.image_pixels import brightest, pixels_of
from persistence.image_raster import load_pages
from persistence.image_thumbnail import (
    FALSE_COLOURS,
    FLOATS,
    MAX_CHANNELS,
    NATURAL,
    Range,
    range_of,
    shrink,
)
from persistence.image_tiff import COLOUR, open_alone, open_plane, planes_of_channels, series_of
from persistence.image_verdict import ImageLimits, damaged
from persistence.image_worker import CONTRADICTIONS

_PRINTED = ("cmyk", "lab", "labs")
# Of these, workers see the first page alone.
_NOT_PROJECTED = (PHOTOMETRIC.SEPARATED, PHOTOMETRIC.CIELAB)
_TOPS = {"uchar": 2**8 - 1, "ushort": 2**16 - 1, "uint": 2**32 - 1}
_BY_TABLE = ("uchar", "ushort")

Open = Callable[[], Any]


class _Planes(Struct, frozen=True, kw_only=True):
    """What to draw: each call of ``open`` returns it anew, as an image of libvips to be read once.

    Its bands are red, green and blue with ``colour``, else channels of fluorescence or grey, and
    alpha behind them with ``has_alpha``.
    """

    open: Open
    colour: bool
    has_alpha: bool = False


def draw_picture(path: Path, limits: ImageLimits) -> Any:
    """Return the picture as an image of libvips, to be read once from top to bottom.

    It has one or three bands. Raise RejectedImage; to read it may raise pyvips.Error.
    """
    kind = recognise(path)
    try:
        planes = _planes_of_tiff(path) if kind is ImageFormat.TIFF else _planes(path, kind, limits)
        return _draw(planes)
    except pyvips.Error as error:
        raise damaged("its pixels can't be decoded to the end") from error
    except CONTRADICTIONS as error:
        raise damaged(f"its {kind.name} structure makes no sense") from error


def _planes(path: Path, kind: ImageFormat, limits: ImageLimits) -> _Planes:
    pages = load_pages(path, kind, limits)
    if len(list(islice(pages, 2))) == 1:
        return _as_libvips_has_it(lambda: next(load_pages(path, kind, limits)))
    return _as_libvips_has_it(_projected(load_pages(path, kind, limits)))


def _planes_of_tiff(path: Path) -> _Planes:
    logging.getLogger("tifffile").disabled = True
    with _series(path) as alike:
        page = alike[0].keyframe
        channels = planes_of_channels(alike[0])
        if page.photometric in COLOUR:
            return _as_libvips_has_it(_channel(path, alike, channels[0], page))
        shown = [_channel(path, alike, planes, page) for planes in channels[:MAX_CHANNELS]]
        bands = page.samplesperpixel - sum(1 for kind in page.extrasamples if kind)
    return _Planes(open=lambda: _joined([opened()[:bands] for opened in shown]), colour=False)


def _channel(
    path: Path, alike: Sequence[TiffPageSeries], planes: Sequence[int], page: TiffPage
) -> Open:
    """Return what opens the planes of one channel, projected."""
    if len(alike) * len(planes) == 1 or _is_first_alone(page):
        return partial(_open_plane, path, planes[0])
    return _projected(open_plane(path, series, plane) for series in alike for plane in planes)


def _open_plane(path: Path, plane: int) -> Any:
    with _series(path) as alike:
        return open_plane(path, alike[0], plane)


@contextmanager
def _series(path: Path) -> Iterator[Sequence[TiffPageSeries]]:
    with path.open("rb") as file, open_alone(file) as tiff:
        yield series_of(tiff)


def _is_first_alone(page: TiffPage) -> bool:
    raw_ycbcr = page.photometric == PHOTOMETRIC.YCBCR and page.compression != COMPRESSION.JPEG
    return raw_ycbcr or page.photometric in _NOT_PROJECTED


def _joined(channels: Sequence[Any]) -> Any:
    joined = channels[0].bandjoin(list(channels[1:]))
    return joined[: min(joined.bands, MAX_CHANNELS)]


def _projected(pages: Iterator[Any]) -> Open:
    """Project pages of one shape, now."""
    first = next(pages)
    interpretation = first.interpretation

    def arrays() -> Iterator[Any]:
        yield pixels_of(first)
        for page in pages:
            yield pixels_of(page)

    image = pyvips.Image.new_from_array(brightest(arrays()), interpretation=interpretation)
    return lambda: image


def _as_libvips_has_it(opened: Open) -> _Planes:
    """Return the planes of images whose interpretation by libvips is to be trusted."""
    first = opened()
    if first.interpretation in _PRINTED:
        return _as_libvips_has_it(lambda: opened().colourspace("srgb"))
    return _Planes(
        open=opened, colour=first.bands - first.hasalpha() > 1, has_alpha=first.hasalpha()
    )


def _draw(planes: _Planes) -> Any:
    image = planes.open()
    count = min(image.bands - planes.has_alpha, MAX_CHANNELS)
    if planes.colour and image.format == "uchar":
        ranges = [NATURAL] * count
    else:
        small = shrink(image)
        ranges = [range_of(small[:, :, band]) for band in range(count)]
        image = planes.open()
    scaled = _scale(image[:count], ranges)
    if count > 1 and not planes.colour:
        scaled = scaled.recomb(FALSE_COLOURS[:count].T.tolist()).clamp()
    if planes.has_alpha:
        alpha = image[image.bands - 1] / _TOPS[image.format]
        scaled = scaled * alpha + (1 - alpha)
    drawn = (scaled * 255).rint().cast("uchar")
    return drawn.copy(interpretation="b-w" if drawn.bands == 1 else "srgb")


def _scale(planes: Any, ranges: Sequence[Range]) -> Any:
    """Scale each band to 0…1. What is not finite becomes 0."""
    lows = np.array([range_.low for range_ in ranges])
    spans = np.array([range_.high - range_.low for range_ in ranges])
    if planes.format in _BY_TABLE:
        values = np.arange(_TOPS[planes.format] + 1)[np.newaxis, :, np.newaxis] / 2
        table = ((values - lows) / spans).clip(0, 1).astype(np.float32)
        return planes.maplut(pyvips.Image.new_from_array(table))
    halves = planes.cast("double") / 2
    scaled = ((halves - lows.tolist()) / spans.tolist()).clamp()
    if planes.format not in FLOATS:
        return scaled
    return (planes.abs() <= np.finfo(np.float64).max).ifthenelse(scaled, 0)

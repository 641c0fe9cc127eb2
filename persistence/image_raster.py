"""Pictures as programs other than microscopes write them: PNG, JPEG, WebP, GIF and BMP."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyvips  # type: ignore[import-untyped]
from PIL import Image

from persistence.image_container import png_size
from persistence.image_format import ImageFormat
from persistence.image_thumbnail import Layers, encode, shrink
from persistence.image_verdict import ImageLimits, InspectedImage, damaged

_LOADERS = {
    ImageFormat.PNG: pyvips.Image.pngload,
    ImageFormat.JPEG: pyvips.Image.jpegload,
    ImageFormat.WEBP: pyvips.Image.webpload,
    ImageFormat.GIF: pyvips.Image.gifload,
}
_ANIMATED = (ImageFormat.WEBP, ImageFormat.GIF)
# EXIF orientations that swap width and height.
_SIDEWAYS = (5, 6, 7, 8)
_BMP_MODES = {"1": "L", "L": "L", "RGBA": "RGBA"}


def inspect_raster(path: Path, kind: ImageFormat, limits: ImageLimits) -> InspectedImage:
    """Inspect a file of any kind but TIFF. Raise RejectedImage, pyvips.Error or OSError."""
    if kind is ImageFormat.BMP:
        return _describe(_load_bmp(path, limits), kind, pages=1)
    if kind is ImageFormat.PNG:
        limits.check(*png_size(path), 1)
    load = _LOADERS[kind]
    header = load(str(path))
    pages = header.get("n-pages") if kind in _ANIMATED and header.get_typeof("n-pages") else 1
    limits.check(header.width, header.height, pages)
    # Of an animation, the frame in the middle: the first one is often blank.
    frame = {"page": pages // 2} if kind in _ANIMATED else {}
    image = load(str(path), access="sequential", fail_on="error", **frame)
    return _describe(image, kind, pages)


def load_pages(path: Path, kind: ImageFormat, limits: ImageLimits) -> Iterator[Any]:
    """Yield the frames, upright, of a file of any kind but TIFF, as images of libvips."""
    if kind is ImageFormat.BMP:
        yield _load_bmp(path, limits)
        return
    load = _LOADERS[kind]
    if kind not in _ANIMATED:
        yield _upright(load, path)
        return
    header = load(str(path))
    for page in range(header.get("n-pages") if header.get_typeof("n-pages") else 1):
        yield _upright(load, path, page=page)


def _upright(load: Callable[..., Any], path: Path, **options: Any) -> Any:
    if _orientation(load(str(path), **options)) == 1:
        return load(str(path), access="sequential", fail_on="error", **options)
    return load(str(path), memory=True, fail_on="error", **options).autorot()


def _describe(image: Any, kind: ImageFormat, pages: int) -> InspectedImage:
    orientation = _orientation(image)
    sideways = orientation in _SIDEWAYS
    return InspectedImage(
        width=image.height if sideways else image.width,
        height=image.width if sideways else image.height,
        channels=image.bands,
        pages=pages,
        mime_type=kind.value,
        thumbnail=encode(layers_of(image), orientation),
    )


def _orientation(image: Any) -> int:
    return int(image.get("orientation")) if image.get_typeof("orientation") else 1


def layers_of(image: Any) -> Layers:
    """Decode an image whose interpretation by libvips is to be trusted."""
    has_alpha, pixels = image.hasalpha(), shrink(image)
    natural = image.format == "uchar" and image.bands > 2  # noqa: PLR2004
    if image.interpretation in {"cmyk", "lab"}:
        small = pyvips.Image.new_from_array(pixels, interpretation=image.interpretation)
        pixels, natural = small.colourspace("srgb").numpy(), True
    alpha = pixels[:, :, -1] / np.iinfo(pixels.dtype).max if has_alpha else None
    planes = [pixels[:, :, band] for band in range(pixels.shape[-1] - has_alpha)]
    return Layers(planes=planes, colour=len(planes) > 1, natural=natural, alpha=alpha)


def _load_bmp(path: Path, limits: ImageLimits) -> Any:
    # libvips leaves BMP to ImageMagick, which its wheel does without.
    Image.MAX_IMAGE_PIXELS = None
    with Image.open(path, formats=["BMP"]) as bitmap:
        limits.check(*bitmap.size, 1)
        try:
            pixels = np.asarray(bitmap.convert(_BMP_MODES.get(bitmap.mode, "RGB")))
        except (OSError, ValueError) as error:
            raise damaged("its BMP pixels break off") from error
    return pyvips.Image.new_from_array(pixels)

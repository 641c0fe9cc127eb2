"""Image files of every kind, made where they are needed, all 60 pixels wide and 40 high."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyvips  # type: ignore[import-untyped]
import tifffile
from numpy.typing import DTypeLike, NDArray
from PIL import Image

WIDTH, HEIGHT = 60, 40
RGBA = 4

Write = Callable[[Path], object]


class Sample(NamedTuple):
    """How to write a file, and what an inspection must find in it."""

    write: Write
    channels: int
    pages: int
    mime_type: str


def blobs(*outer: int, samples: int = 0, dtype: DTypeLike = np.uint16) -> NDArray[Any]:
    """Bright discs on a noisy ground, in a tenth of the type's range: what a microscope sees."""
    shape = (*outer, HEIGHT, WIDTH, *([samples] if samples else []))
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    disc = ((x - 30) ** 2 + (y - 20) ** 2 < 100).astype(np.float64)
    if samples:
        disc = disc[..., np.newaxis]
    noise = np.random.default_rng(7).random(shape)
    picture = 0.01 + 0.08 * disc + 0.01 * noise
    if samples == RGBA:
        picture[..., -1] = 1
    kind = np.dtype(dtype)
    scaled: NDArray[Any] = picture * (np.iinfo(kind).max if kind.kind in "iu" else 1)
    return scaled.astype(kind)


def vips(picture: NDArray[Any]) -> Any:
    deep = "grey16" if picture.ndim == 2 else "rgb16"
    return pyvips.Image.new_from_array(
        picture, interpretation=deep if picture.dtype == np.uint16 else "auto"
    )


def saved(operation: str, picture: NDArray[Any], **options: Any) -> Write:
    """Write with libvips."""
    return lambda path: getattr(vips(picture), operation)(str(path), **options)


def tiff(picture: NDArray[Any], **options: Any) -> Write:
    """Write with tifffile. OME-XML is asked for by ``ome=True``, not by the name of the file."""
    return lambda path: tifffile.imwrite(path, picture, **options)


def animated(operation: str, frames: int) -> Write:
    def write(path: Path) -> None:
        pages = [blobs(samples=3, dtype=np.uint8) * (1 + page) for page in range(frames)]
        roll = vips(np.concatenate(pages)).copy()
        roll.set_type(pyvips.GValue.gint_type, "page-height", HEIGHT)
        getattr(roll, operation)(str(path))

    return write


def bmp(mode: str, picture: NDArray[Any]) -> Write:
    return lambda path: Image.fromarray(picture).convert(mode).save(path, "BMP")


def cmyk_jpeg(path: Path) -> None:
    vips(blobs(samples=3, dtype=np.uint8) * 9).colourspace("cmyk").jpegsave(str(path))


def pyramid(path: Path) -> None:
    """Write a tiled OME-TIFF of three channels, its smaller levels in SubIFDs."""
    options: dict[str, Any] = {"tile": (16, 16), "photometric": "minisblack"}
    with tifffile.TiffWriter(path, ome=True) as writer:
        full = blobs(3)
        writer.write(full, subifds=1, metadata={"axes": "CYX"}, **options)
        writer.write(full[:, ::2, ::2], subfiletype=1, **options)


def several_series(path: Path) -> None:
    with tifffile.TiffWriter(path, ome=True) as writer:
        for _ in range(3):
            writer.write(blobs(2), metadata={"axes": "ZYX"})


def with_a_label(path: Path) -> None:
    """Write a stack of three and, like slide scanners, a small picture of something else."""
    with tifffile.TiffWriter(path) as writer:
        for _ in range(3):
            writer.write(blobs(), contiguous=False, metadata=None)
        writer.write(blobs()[:10, :20], metadata=None)


def bytes_of(write: Write, folder: Path) -> bytes:
    path = folder / "whole"
    write(path)
    return path.read_bytes()


def turned_jpeg(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    target = io.BytesIO()
    picture = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    picture[:, : WIDTH // 2] = 0
    Image.fromarray(picture).save(target, "JPEG", exif=exif, quality=95)
    return target.getvalue()


_RGB8 = blobs(samples=3, dtype=np.uint8)
_HYPERSTACK = {"imagej": True, "metadata": {"axes": "TZCYX"}}

SAMPLES: dict[str, Sample] = {
    "png grey": Sample(saved("pngsave", blobs(dtype=np.uint8)), 1, 1, "image/png"),
    "png grey 16": Sample(saved("pngsave", blobs(), bitdepth=16), 1, 1, "image/png"),
    "png colour": Sample(saved("pngsave", _RGB8), 3, 1, "image/png"),
    "png colour 16": Sample(saved("pngsave", blobs(samples=3)), 3, 1, "image/png"),
    "png alpha": Sample(saved("pngsave", blobs(samples=RGBA, dtype=np.uint8)), 4, 1, "image/png"),
    "png palette": Sample(saved("pngsave", _RGB8, palette=True), 3, 1, "image/png"),
    "png interlaced": Sample(saved("pngsave", _RGB8, interlace=True), 3, 1, "image/png"),
    "jpeg colour": Sample(saved("jpegsave", _RGB8), 3, 1, "image/jpeg"),
    "jpeg grey": Sample(saved("jpegsave", blobs(dtype=np.uint8)), 1, 1, "image/jpeg"),
    "jpeg progressive": Sample(saved("jpegsave", _RGB8, interlace=True), 3, 1, "image/jpeg"),
    "jpeg cmyk": Sample(cmyk_jpeg, 4, 1, "image/jpeg"),
    "webp": Sample(saved("webpsave", _RGB8), 3, 1, "image/webp"),
    "webp lossless": Sample(saved("webpsave", _RGB8, lossless=True), 3, 1, "image/webp"),
    "webp animated": Sample(animated("webpsave", 5), 4, 5, "image/webp"),
    "gif": Sample(saved("gifsave", _RGB8), 4, 1, "image/gif"),
    "gif animated": Sample(animated("gifsave", 5), 4, 5, "image/gif"),
    "bmp colour": Sample(bmp("RGB", _RGB8), 3, 1, "image/bmp"),
    "bmp grey": Sample(bmp("L", blobs(dtype=np.uint8)), 1, 1, "image/bmp"),
    "bmp palette": Sample(bmp("P", _RGB8), 3, 1, "image/bmp"),
    "bmp bits": Sample(bmp("1", blobs(dtype=np.uint8)), 1, 1, "image/bmp"),
    "tiff uint8": Sample(tiff(blobs(dtype=np.uint8)), 1, 1, "image/tiff"),
    "tiff uint16": Sample(tiff(blobs()), 1, 1, "image/tiff"),
    "tiff int16": Sample(tiff(blobs(dtype=np.int16)), 1, 1, "image/tiff"),
    "tiff uint32": Sample(tiff(blobs(dtype=np.uint32)), 1, 1, "image/tiff"),
    "tiff int32": Sample(tiff(blobs(dtype=np.int32)), 1, 1, "image/tiff"),
    "tiff int64": Sample(tiff(blobs(dtype=np.int64)), 1, 1, "image/tiff"),
    "tiff float16": Sample(tiff(blobs(dtype=np.float16)), 1, 1, "image/tiff"),
    "tiff float32": Sample(tiff(blobs(dtype=np.float32)), 1, 1, "image/tiff"),
    "tiff float64": Sample(tiff(blobs(dtype=np.float64)), 1, 1, "image/tiff"),
    "tiff float64 planar": Sample(
        tiff(blobs(2, dtype=np.float64), planarconfig="separate", photometric="minisblack"),
        2,
        1,
        "image/tiff",
    ),
    "tiff big-endian": Sample(tiff(blobs(), byteorder=">"), 1, 1, "image/tiff"),
    "tiff big-endian float": Sample(
        tiff(blobs(dtype=np.float16), byteorder=">"), 1, 1, "image/tiff"
    ),
    "tiff lzw": Sample(saved("tiffsave", blobs(), compression="lzw"), 1, 1, "image/tiff"),
    "tiff deflate": Sample(tiff(blobs(), compression="zlib", predictor=2), 1, 1, "image/tiff"),
    "tiff jpeg": Sample(saved("tiffsave", _RGB8, compression="jpeg"), 3, 1, "image/tiff"),
    "tiff tiled": Sample(tiff(blobs(), tile=(16, 16)), 1, 1, "image/tiff"),
    "tiff colour": Sample(tiff(_RGB8, photometric="rgb"), 3, 1, "image/tiff"),
    "tiff colour 16": Sample(tiff(blobs(samples=3), photometric="rgb"), 3, 1, "image/tiff"),
    "tiff colour planar": Sample(
        tiff(blobs(3, dtype=np.uint8), photometric="rgb", planarconfig="separate"),
        3,
        1,
        "image/tiff",
    ),
    "tiff alpha": Sample(
        tiff(blobs(samples=RGBA, dtype=np.uint8), photometric="rgb"), 4, 1, "image/tiff"
    ),
    "tiff five samples": Sample(
        tiff(blobs(samples=5), photometric="minisblack", planarconfig="contig"),
        5,
        1,
        "image/tiff",
    ),
    "tiff stack": Sample(tiff(blobs(7), photometric="minisblack"), 1, 7, "image/tiff"),
    "tiff stack in one page": Sample(
        tiff(blobs(7), photometric="minisblack", truncate=True), 1, 7, "image/tiff"
    ),
    "tiff with a label": Sample(with_a_label, 1, 3, "image/tiff"),
    "bigtiff": Sample(tiff(blobs(), bigtiff=True), 1, 1, "image/tiff"),
    "bigtiff stack": Sample(
        tiff(blobs(3), bigtiff=True, photometric="minisblack"), 1, 3, "image/tiff"
    ),
    "ome-tiff": Sample(
        tiff(blobs(2, 3, 4), ome=True, metadata={"axes": "TCZYX"}), 3, 8, "image/tiff"
    ),
    "ome-tiff one channel": Sample(
        tiff(blobs(4), ome=True, metadata={"axes": "ZYX"}), 1, 4, "image/tiff"
    ),
    "ome-tiff colour": Sample(
        tiff(
            blobs(4, samples=3, dtype=np.uint8),
            ome=True,
            photometric="rgb",
            metadata={"axes": "ZYXS"},
        ),
        3,
        4,
        "image/tiff",
    ),
    "ome-tiff float": Sample(
        tiff(blobs(2, dtype=np.float32), ome=True, metadata={"axes": "CYX"}), 2, 1, "image/tiff"
    ),
    "ome-tiff big-endian": Sample(
        tiff(blobs(2), ome=True, byteorder=">", metadata={"axes": "CYX"}), 2, 1, "image/tiff"
    ),
    "ome-tiff pyramid": Sample(pyramid, 3, 1, "image/tiff"),
    "ome-tiff of several series": Sample(several_series, 1, 6, "image/tiff"),
    "imagej 16": Sample(tiff(blobs(2, 3, 4), **_HYPERSTACK), 4, 6, "image/tiff"),
    "imagej 8": Sample(tiff(blobs(2, 3, 4, dtype=np.uint8), **_HYPERSTACK), 4, 6, "image/tiff"),
    "imagej float": Sample(
        tiff(blobs(2, 3, 4, dtype=np.float32), **_HYPERSTACK), 4, 6, "image/tiff"
    ),
    "imagej in one page": Sample(
        tiff(blobs(2, 3, 4), truncate=True, **_HYPERSTACK), 4, 6, "image/tiff"
    ),
}

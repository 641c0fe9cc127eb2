"""Pyramids hold the picture exactly where it is, whatever its size, and take bounded memory."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import pyvips  # type: ignore[import-untyped]
import tifffile
from numpy.typing import NDArray

from persistence.image_picture import draw_picture
from persistence.image_verdict import ImageLimits
from persistence.pyramid import OVERLAP, TILE_SIZE, Index, Place, Shape
from persistence.pyramid_worker import Done, Outcome, PyramidWork, Refused, answer
from tests.persistence.pictures import turned_jpeg

LIMITS = ImageLimits()
Pixels = NDArray[np.int64]


def work(original: Path, width: int, height: int) -> bytes:
    folder = original.with_name(f"{original.name} in tiles")
    folder.mkdir()
    return msgspec.json.encode(
        PyramidWork(
            original=str(original),
            folder=str(folder),
            target=str(original.with_name("pyramid")),
            shape=Shape(width=width, height=height),
        )
    )


def made(pixels: NDArray[Any], path: Path, **options: Any) -> bytes:
    """Return the pyramid of a TIFF of these pixels."""
    tifffile.imwrite(path, pixels, **options)
    height, width = pixels.shape[:2]
    assert answer(work(path, width, height), LIMITS) == Done()
    return path.with_name("pyramid").read_bytes()


def tile(pyramid: bytes, place: Place) -> Pixels:
    span = Index.parse(pyramid).span(place)
    assert span is not None
    image = pyvips.Image.webpload_buffer(pyramid[slice(*span)])
    pixels: Pixels = image.numpy().astype(np.int64)
    return pixels.reshape(image.height, image.width, image.bands)


def level(pyramid: bytes, number: int, tolerance: int = 0) -> Pixels:
    """Put a level together, and see that tiles agree on what they share."""
    shape = Index.parse(pyramid).shape
    scale = 2 ** (shape.top - number)
    whole = np.full((-(-shape.height // scale), -(-shape.width // scale), 3), -1, np.int64)
    for place in shape.places():
        if place.level == number:
            top, left = (max(at * TILE_SIZE - OVERLAP, 0) for at in (place.row, place.column))
            pixels = tile(pyramid, place)
            there = whole[top : top + pixels.shape[0], left : left + pixels.shape[1]]
            assert there.shape == pixels.shape
            # Without loss they are equal; with it, nearly so.
            assert (abs(there - pixels)[there >= 0] <= tolerance).all()
            there[:] = pixels
    assert whole.min() >= 0
    return whole


@pytest.mark.parametrize(
    ("width", "height"),
    [
        (1, 1),
        (1, 2),
        (3, 2),
        (1, 5000),
        (5000, 1),
        (TILE_SIZE, TILE_SIZE),
        (TILE_SIZE + 1, TILE_SIZE - 1),
        (TILE_SIZE + 2, 2 * TILE_SIZE),
        (2 * TILE_SIZE + 1, 2 * TILE_SIZE + 2),
        (1500, 700),
    ],
)
def test_each_pixel_is_where_it_was(tmp_path: Path, width: int, height: int) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8)
    pyramid = made(pixels, tmp_path / "image", photometric="rgb")
    shape = Index.parse(pyramid).shape
    assert (shape.width, shape.height) == (width, height)
    np.testing.assert_array_equal(level(pyramid, shape.top), pixels)
    for number in range(shape.top):
        level(pyramid, number)
    assert tile(pyramid, Place(0, 0, 0)).shape == (1, 1, 3)


def test_lower_levels_are_means_of_what_they_stand_for(tmp_path: Path) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (800, 1600, 3), np.uint8)
    pyramid = made(pixels, tmp_path / "image", photometric="rgb")
    top = Index.parse(pyramid).shape.top
    means = pixels.reshape(400, 2, 800, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(level(pyramid, top - 1), means, atol=1)


def test_large_pictures_differ_by_what_webp_leaves_out_alone(tmp_path: Path) -> None:
    y, x = np.mgrid[:2100, :2100]
    pixels = (30_000 + 10_000 * np.sin(x / 15) * np.cos(y / 11)).astype(np.uint16)
    pyramid = made(pixels, tmp_path / "image")
    top = Index.parse(pyramid).shape.top
    drawn = draw_picture(tmp_path / "image", LIMITS).numpy().astype(np.int64)
    difference = abs(level(pyramid, top, tolerance=16) - drawn[..., np.newaxis])
    assert difference.mean() < 2
    assert difference.max() < 16


def test_the_same_image_makes_the_same_pyramid(tmp_path: Path) -> None:
    pixels = np.random.default_rng(3).integers(0, 60_000, (700, 600), np.uint16)
    assert made(pixels, tmp_path / "one") == made(pixels, tmp_path / "other")


def test_a_picture_of_too_many_tiles_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(turned_jpeg(1))
    refused = answer(work(tmp_path / "a", 1, 10**8), LIMITS)
    assert isinstance(refused, Refused)
    assert "too long" in refused.message


def test_a_file_that_is_none_of_the_size_it_should_have_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(turned_jpeg(6))
    refused = answer(work(tmp_path / "a", 60, 40), LIMITS)
    assert isinstance(refused, Refused)
    assert "another way" in refused.message


@pytest.mark.parametrize("content", [b"", b"II*\0", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_a_file_that_is_no_image_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    assert isinstance(answer(work(tmp_path / "a", 60, 40), LIMITS), Refused)


def test_a_file_that_breaks_off_is_refused(tmp_path: Path) -> None:
    whole = turned_jpeg(1)
    (tmp_path / "a").write_bytes(whole[: len(whole) // 2])
    refused = answer(work(tmp_path / "a", 60, 40), LIMITS)
    assert isinstance(refused, Refused)
    assert refused.message.endswith(".")


def test_a_file_that_is_gone_is_refused(tmp_path: Path) -> None:
    assert isinstance(answer(work(tmp_path / "a", 60, 40), LIMITS), Refused)


def test_a_hundred_million_deep_pixels_take_little_memory(tmp_path: Path) -> None:
    """A quarter of what the pixels alone would take is enough, and a fraction of the time."""
    side = 10_000
    pixels = np.tile(np.arange(side, dtype=np.uint16), (side, 1))
    tifffile.imwrite(tmp_path / "image", pixels, compression="zlib", compressionargs={"level": 1})
    limits = ImageLimits(seconds=60, memory_bytes=400 * 2**20)
    process = [
        sys.executable,
        "-m",
        "persistence.pyramid_worker",
        msgspec.json.encode(limits).decode(),
    ]
    question = work(tmp_path / "image", side, side) + b"\n"
    ran = subprocess.run(process, input=question, capture_output=True, check=True, timeout=100)
    assert msgspec.json.decode(ran.stdout, type=Outcome) == Done(), ran.stderr
    pyramid = (tmp_path / "pyramid").read_bytes()
    shape = Index.parse(pyramid).shape
    assert json.loads(msgspec.json.encode(shape)) == {"width": side, "height": side}
    last = tile(pyramid, Place(shape.top, 19, 19))
    assert last.shape == (side - 19 * TILE_SIZE + OVERLAP,) * 2 + (3,)
    first = tile(pyramid, Place(shape.top, 0, 7))
    assert (first[:, -1].mean() - first[:, 100].mean()) > 5

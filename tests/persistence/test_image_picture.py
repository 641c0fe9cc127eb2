"""Pictures in full size show the same as thumbnails do, pixel for pixel where workers see it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips  # type: ignore[import-untyped]
import tifffile
from numpy.typing import NDArray
from PIL import Image

from persistence import image_raster, image_tiff
from persistence.image_picture import draw_picture
from persistence.image_thumbnail import Layers, encode
from persistence.image_verdict import ImageLimits, RejectedImage
from persistence.image_worker import inspect_file
from tests.persistence.pictures import (
    HEIGHT,
    SAMPLES,
    WIDTH,
    blobs,
    bytes_of,
    saved,
    tiff,
    turned_jpeg,
)
from worker.pictures import read

LIMITS = ImageLimits()
ALONE = [name for name, sample in SAMPLES.items() if sample.pages == 1]
STACKS = [name for name, sample in SAMPLES.items() if sample.pages > 1]
_SAMPLES = Path(__file__).parents[2] / "samples"

Pixels = NDArray[np.int64]


@pytest.fixture(autouse=True)
def no_cache() -> Any:
    """The cache of libvips goes by name, and tests reuse names."""
    pyvips.cache_set_max(0)
    yield
    pyvips.cache_set_max(1000)


def drawn(path: Path) -> Pixels:
    image = draw_picture(path, LIMITS)
    assert image.bands in {1, 3}
    assert image.format == "uchar"
    pixels: Pixels = image.colourspace("srgb").numpy().astype(np.int64)
    return pixels


def thumbnail(path: Path, monkeypatch: pytest.MonkeyPatch) -> Pixels:
    """Return the thumbnail of a small image as it is before it is compressed."""
    found: list[Pixels] = []

    def kept(layers: Layers, orientation: int = 1) -> bytes:
        from persistence.image_thumbnail import _draw

        found.append(_draw(layers).astype(np.int64))
        return encode(layers, orientation)

    with monkeypatch.context() as patched:
        patched.setattr(image_raster, "encode", kept)
        patched.setattr(image_tiff, "encode", kept)
        inspect_file(path, LIMITS)
    [pixels] = found
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3))


@pytest.mark.parametrize("name", ALONE)
def test_a_picture_is_drawn_as_its_thumbnail_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = tmp_path / "image"
    SAMPLES[name].write(path)
    # libvips converts colours of prints before they are shrunk here, and behind it there.
    np.testing.assert_allclose(drawn(path), thumbnail(path, monkeypatch), atol=1)


@pytest.mark.parametrize("name", STACKS)
def test_of_a_stack_the_brightest_of_each_column_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path, projected = tmp_path / "stack", tmp_path / "projected"
    SAMPLES[name].write(path)
    seen = read(path)
    pixels = np.atleast_3d(seen.pixels)
    if seen.is_colour:
        image = pyvips.Image.new_from_array(pixels)
        image.pngsave(str(projected))
    else:
        planes = np.moveaxis(pixels, -1, 0)
        tiff(planes, ome=True, metadata={"axes": "CYX"}, photometric="minisblack")(projected)
    np.testing.assert_allclose(drawn(path), thumbnail(projected, monkeypatch), atol=1)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photo_is_as_upright_as_workers_see_it(
    tmp_path: Path, orientation: int, kind: str
) -> None:
    path = tmp_path / "photo"
    path.write_bytes(turned_jpeg(orientation))
    if kind != "JPEG":
        with Image.open(path) as photo:
            photo.save(path, kind, exif=photo.getexif(), lossless=True)
    found = inspect_file(path, LIMITS)
    picture = drawn(path)
    assert picture.shape == (found.height, found.width, 3)
    np.testing.assert_allclose(picture, read(path).pixels, atol=3)


def test_the_orientation_of_a_tiff_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "turned"
    pixels = np.zeros((HEIGHT, WIDTH), np.uint8)
    pixels[:, : WIDTH // 2] = 200
    tiff(pixels, extratags=[(274, 3, 1, 6, True)])(path)
    assert (drawn(path)[..., 0] == np.where(pixels, 255, 0)).all()


def test_alpha_lets_white_through(tmp_path: Path) -> None:
    pixels = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    pixels[..., 0] = 100
    pixels[:, 20:, 3] = 51
    pixels[:, 40:, 3] = 255
    saved("pngsave", pixels)(tmp_path / "a")
    row = drawn(tmp_path / "a")[0]
    assert [list(row[x]) for x in (0, 20, 40)] == [[255] * 3, [224, 204, 204], [100, 0, 0]]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_what_is_not_finite_is_black_and_spoils_nothing(tmp_path: Path, dtype: str) -> None:
    pixels = blobs(dtype=dtype)
    holes = [np.nan, np.inf, -np.inf]
    pixels[0, :3] = holes
    tiff(pixels)(tmp_path / "holes")
    picture = drawn(tmp_path / "holes")[..., 0]
    assert (picture[0, :3] == 0).all()
    assert picture[15:25, 25:35].mean() > 180
    tiff(np.full((HEIGHT, WIDTH), np.nan, dtype))(tmp_path / "empty")
    assert drawn(tmp_path / "empty").max() == 0


def test_the_whole_range_of_floats_can_be_drawn(tmp_path: Path) -> None:
    top = np.finfo(np.float64).max
    tiff(np.repeat(np.array([[-top, 0, top]]), 20, axis=1))(tmp_path / "wide")
    row = drawn(tmp_path / "wide")[0, :, 0]
    np.testing.assert_allclose(row[10:60:20], [0, 127.5, 255], atol=0.5)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "uint32", "float32"])
@pytest.mark.parametrize("value", [0, 1])
def test_a_constant_image_is_drawn_flat(tmp_path: Path, dtype: str, value: int) -> None:
    top = 1 if dtype == "float32" else np.iinfo(dtype).max
    tiff(np.full((HEIGHT, WIDTH), value * top, dtype))(tmp_path / "flat")
    assert set(drawn(tmp_path / "flat").ravel()) == {255 * value}


def test_contrast_is_that_of_the_whole_picture(tmp_path: Path) -> None:
    """What lies beside each other in another part of the range stays so."""
    ramp = np.tile(np.linspace(0, 60_000, 1_200).astype(np.uint16), (1_200, 1))
    tiff(ramp)(tmp_path / "ramp")
    row = drawn(tmp_path / "ramp")[600, :, 0]
    assert (np.diff(row) >= 0).all()
    assert np.ptp(np.diff(row)) <= 1
    assert (row[0], row[-1]) == (0, 255)


def test_more_than_three_channels_are_drawn_by_the_first_three(tmp_path: Path) -> None:
    channels = np.zeros((5, HEIGHT, WIDTH), np.uint16)
    for channel in range(5):
        channels[channel, :, 10 * channel : 10 * channel + 10] = 500
    tiff(channels, ome=True, metadata={"axes": "CYX"})(tmp_path / "five")
    row = drawn(tmp_path / "five")[0]
    assert [list(row[x]) for x in (5, 15, 25, 35, 45)] == [
        [0, 255, 255],
        [255, 0, 255],
        [255, 255, 0],
        [0, 0, 0],
        [0, 0, 0],
    ]


@pytest.mark.parametrize(
    "name", ["png grey 16", "jpeg colour", "tiff uint16", "tiff lzw", "gif", "webp", "bmp grey"]
)
def test_a_file_that_breaks_off_is_refused(tmp_path: Path, name: str) -> None:
    whole = bytes_of(SAMPLES[name].write, tmp_path)
    path = tmp_path / "half"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises((RejectedImage, pyvips.Error)):
        drawn(path)


def test_real_nuclei_are_drawn_as_the_thumbnail_would_be_in_full() -> None:
    path = _SAMPLES / "nuclei-fluorescence.tif"
    original, picture = tifffile.imread(path).astype(np.float64), drawn(path)[..., 0]
    low, high = original[picture == 0].max(), original[picture == 255].min()
    assert low < high < original.max()
    assert (np.diff(picture.ravel()[np.argsort(original.ravel())]) >= 0).all()

"""Thumbnails show what is in an image, whatever its range, channels, pages or orientation."""

from pathlib import Path

import numpy as np
import pytest
import pyvips  # type: ignore[import-untyped]
import tifffile

from tests.persistence.inspecting import Inspector, decoded
from tests.persistence.pictures import HEIGHT, SAMPLES, WIDTH, blobs, saved, tiff, turned_jpeg

NATURAL = {"tiff jpeg", "tiff alpha", "tiff colour", "tiff colour planar", "ome-tiff colour"}
STRETCHED = [
    "png grey",
    "png grey 16",
    "png colour 16",
    "bmp grey",
    *(name for name in SAMPLES if "tiff" in name and name not in NATURAL),
    *(name for name in SAMPLES if "imagej" in name),
]
_REAL = Path(__file__).parents[2] / "samples"


@pytest.mark.parametrize("name", STRETCHED)
async def test_microscopy_in_a_tenth_of_its_range_is_visible(
    inspector: Inspector, tmp_path: Path, name: str
) -> None:
    path = tmp_path / "image"
    SAMPLES[name].write(path)
    drawn = decoded((await inspector.inspect(path)).thumbnail)
    assert drawn[15:25, 25:35].max(axis=-1).mean() > 180
    assert drawn[:, :10].max(axis=-1).mean() < 80


@pytest.mark.parametrize("orientation", range(1, 9))
async def test_a_photo_is_measured_and_drawn_as_its_exif_orientation_says(
    inspector: Inspector, tmp_path: Path, orientation: int
) -> None:
    path = tmp_path / "photo"
    path.write_bytes(turned_jpeg(orientation))
    found = await inspector.inspect(path)
    drawn = decoded(found.thumbnail)[:, :, 0]
    upright = orientation <= 4
    expected = (WIDTH, HEIGHT) if upright else (HEIGHT, WIDTH)
    assert (found.width, found.height) == expected == drawn.shape[::-1]
    first = drawn[:, :10] if upright else drawn[:10]
    # The left half is black: mirrored or turned by 180 degrees it is the right one, and so on.
    assert first.mean() < 60 if orientation in {1, 4, 5, 6} else first.mean() > 200


async def test_colours_of_photographs_and_stains_are_kept(inspector: Inspector) -> None:
    for name in ("tissue-he.jpg", "ihc.png", "retina.jpg"):
        drawn = decoded((await inspector.inspect(_REAL / name)).thumbnail)
        original = pyvips.Image.new_from_file(str(_REAL / name)).numpy()
        assert np.allclose(drawn.mean(axis=(0, 1)), original.mean(axis=(0, 1)), atol=3)


async def test_sixteen_bit_nuclei_are_well_visible(inspector: Inspector) -> None:
    path = _REAL / "nuclei-fluorescence.tif"
    found = await inspector.inspect(path)
    drawn = decoded(found.thumbnail)[:, :, 0]
    original = tifffile.imread(path)
    assert (found.width, found.height, found.channels, found.pages) == (512, 512, 1, 1)
    assert original.max() < 256, "it takes less than a hundredth of its range"
    assert np.percentile(drawn, 5) < 20
    assert np.percentile(drawn, 97) > 120


async def test_channels_are_told_apart_by_colour(inspector: Inspector, tmp_path: Path) -> None:
    picture = np.zeros((3, 40, 60), np.uint16)
    for channel in range(3):
        picture[channel, :, 20 * channel : 20 * channel + 20] = 1000
    path = tmp_path / "channels"
    tiff(picture, ome=True, metadata={"axes": "CYX"})(path)
    drawn = decoded((await inspector.inspect(path)).thumbnail)
    cyan, magenta, yellow = (drawn[20, x] > 128 for x in (10, 30, 50))
    assert [list(c) for c in (cyan, magenta, yellow)] == [
        [False, True, True],
        [True, False, True],
        [True, True, False],
    ]


async def test_the_middle_of_a_stack_is_drawn(inspector: Inspector, tmp_path: Path) -> None:
    stack = np.zeros((5, 2, 40, 60), np.uint16)
    stack[2, :, 10:30, 20:40] = 500
    path = tmp_path / "stack"
    tiff(stack, ome=True, metadata={"axes": "ZCYX"})(path)
    found = await inspector.inspect(path)
    drawn = decoded(found.thumbnail)
    assert (found.channels, found.pages) == (2, 5)
    assert drawn[20, 30].min() > 200
    assert drawn[2, 2].max() < 40


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("value", [0, 1])
async def test_a_constant_image_is_drawn_flat(
    inspector: Inspector, tmp_path: Path, dtype: str, value: int
) -> None:
    path = tmp_path / "flat"
    top = 1 if dtype == "float32" else np.iinfo(dtype).max
    tiff(np.full((40, 60), value * top, dtype))(path)
    drawn = decoded((await inspector.inspect(path)).thumbnail)
    assert drawn.min() == drawn.max() == 255 * value


async def test_what_is_not_finite_is_black_and_spoils_nothing(
    inspector: Inspector, tmp_path: Path
) -> None:
    for size in (1, 20):
        picture = np.kron(blobs(dtype=np.float32), np.ones((size, size), np.float32))
        picture[: 5 * size] = np.nan
        picture[-5 * size :] = np.inf
        picture[:, : 3 * size] = -np.inf
        path = tmp_path / f"holes-{size}"
        tiff(picture)(path)
        drawn = decoded((await inspector.inspect(path)).thumbnail)
        height, width = drawn.shape[:2]
        assert drawn[height // 2, width // 2].min() > 150
        assert drawn[: height // 10].max() < 20
        assert drawn[-height // 10 :].max() < 20
    tiff(np.full((40, 60), np.nan, np.float32))(path)
    assert decoded((await inspector.inspect(path)).thumbnail).max() == 0


async def test_alpha_is_flattened_onto_white(inspector: Inspector, tmp_path: Path) -> None:
    picture = np.zeros((40, 60, 4), np.uint8)
    picture[:, 30:, 3] = 255
    path = tmp_path / "alpha"
    saved("pngsave", picture)(path)
    drawn = decoded((await inspector.inspect(path)).thumbnail)
    assert drawn.shape[-1] == 3
    assert drawn[:, :25].min() > 245
    assert drawn[:, 35:].max() < 10


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((900, 600), (300, 200)), ((301, 7), (300, 7)), ((3, 5000), (1, 300)), ((20, 10), (20, 10))],
)
async def test_thumbnails_fit_the_box_and_are_never_enlarged(
    inspector: Inspector, tmp_path: Path, shape: tuple[int, int], expected: tuple[int, int]
) -> None:
    path = tmp_path / "sized"
    tiff(np.random.default_rng(1).integers(0, 999, shape).astype(np.uint16))(path)
    assert decoded((await inspector.inspect(path)).thumbnail).shape[:2] == expected

"""What the hub's own tests write, and the hub says of it, the worker must read alike."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from persistence.image_verdict import ImageLimits
from persistence.image_worker import inspect_file
from tests.persistence import pictures as written
from worker import pictures
from worker.pictures import BadImage, read

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.mark.parametrize("name", written.SAMPLES)
def test_a_picture_is_as_large_as_the_hub_says(name: str, tmp_path: Path) -> None:
    path = tmp_path / "picture"
    written.SAMPLES[name].write(path)
    verdict = inspect_file(path, ImageLimits())
    picture = read(path)
    assert (picture.width, picture.height) == (verdict.width, verdict.height)


@pytest.mark.parametrize("name", written.SAMPLES)
def test_the_disc_is_brighter_than_what_is_around(name: str, tmp_path: Path) -> None:
    path = tmp_path / "picture"
    written.SAMPLES[name].write(path)
    pixels = read(path).pixels.reshape(40, 60, -1).astype(float).mean(axis=-1)
    assert pixels[20, 30] > 2 * pixels[2, 2]


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.[!m]*")), ids=lambda path: path.name)
def test_the_samples_are_as_large_as_the_hub_says(path: Path) -> None:
    verdict, picture = inspect_file(path, ImageLimits()), read(path)
    assert (picture.width, picture.height) == (verdict.width, verdict.height)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_turned_as_its_exif_says(orientation: int, tmp_path: Path) -> None:
    path = tmp_path / "photo"
    path.write_bytes(written.turned_jpeg(orientation))
    verdict, picture = inspect_file(path, ImageLimits()), read(path)
    assert (picture.width, picture.height) == (verdict.width, verdict.height)


def test_a_stack_is_projected_to_its_brightest(tmp_path: Path) -> None:
    stack = np.random.default_rng(1).integers(0, 2**16, (2, 3, 4, 5, 6), np.uint16)
    tifffile.imwrite(tmp_path / "stack", stack, ome=True, metadata={"axes": "TZCYX"})
    picture = read(tmp_path / "stack")
    assert not picture.is_colour
    assert np.array_equal(picture.pixels, np.moveaxis(stack.max(axis=(0, 1)), 0, -1))


def test_what_is_not_finite_gives_way(tmp_path: Path) -> None:
    stack = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    stack[0, 0], stack[1, 0] = np.nan, np.inf
    stack[1, 1, 0] = -np.inf
    tifffile.imwrite(tmp_path / "stack", stack, photometric="minisblack")
    expected = stack[1].copy()
    expected[1, 0] = stack[0, 1, 0]
    expected[0] = expected[1:].min()
    assert np.array_equal(read(tmp_path / "stack").pixels, expected)


def test_a_picture_without_any_number_is_black(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "nan", np.full((4, 5), np.nan, np.float64))
    assert np.array_equal(read(tmp_path / "nan").pixels, np.zeros((4, 5)))


def test_all_sixteen_bits_of_a_coloured_png_are_read(tmp_path: Path) -> None:
    colours = np.random.default_rng(1).integers(0, 2**16, (40, 60, 3), np.uint16)
    written.saved("pngsave", colours)(tmp_path / "deep")
    assert np.array_equal(read(tmp_path / "deep").pixels, colours)


def test_a_palette_is_looked_up(tmp_path: Path) -> None:
    indexed = Image.fromarray(np.tile(np.arange(6, dtype=np.uint8), (4, 1)), "P")
    indexed.putpalette([10, 20, 30] * 5 + [200, 100, 50])
    for kind in ("PNG", "GIF", "BMP", "TIFF"):
        indexed.save(tmp_path / "palette", kind)
        picture = read(tmp_path / "palette")
        assert picture.is_colour
        assert picture.pixels[0, 5].tolist() == [200, 100, 50], kind


def test_white_is_zero_where_the_tiff_says_so(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "w", np.full((4, 5), 3, np.uint8), photometric="miniswhite")
    assert (read(tmp_path / "w").pixels == 252).all()


def test_bits_are_black_and_white(tmp_path: Path) -> None:
    bits = np.eye(8, dtype=bool)
    tifffile.imwrite(tmp_path / "bits", bits, photometric="minisblack")
    assert np.array_equal(read(tmp_path / "bits").pixels > 0, bits)


@pytest.mark.parametrize("colours", ["CMYK", "LAB", "YCbCr"])
def test_other_colours_are_brought_to_red_green_and_blue(colours: str, tmp_path: Path) -> None:
    red = Image.new("RGB", (8, 6), (200, 30, 40))
    if colours == "LAB":
        tifffile.imwrite(tmp_path / "c", np.full((6, 8, 3), 90, np.uint8), photometric="cielab")
    else:
        red.convert(colours).save(tmp_path / "c", "TIFF")
    picture = read(tmp_path / "c")
    assert picture.is_colour
    assert picture.pixels.shape == (6, 8, 3)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF"])
def test_a_damaged_file_is_a_bad_image(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "broken"
    noise = np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(path, kind)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(BadImage):
        read(path)


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7", b"II*\0", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image_is_a_bad_image(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(BadImage):
        read(tmp_path / "file")


def test_complex_numbers_are_a_bad_image(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "c", np.ones((4, 5), np.complex64))
    with pytest.raises(BadImage, match="complex64"):
        read(tmp_path / "c")


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_a_picture_beyond_the_limit_is_a_bad_image(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("L", (11, 10)).save(tmp_path / "large", kind)
    monkeypatch.setattr(pictures, "MAX_PIXELS", 100)
    with pytest.raises(BadImage, match="more than 100 pixels"):
        read(tmp_path / "large")


def test_a_missing_file_is_no_matter_of_the_image(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "nothing")

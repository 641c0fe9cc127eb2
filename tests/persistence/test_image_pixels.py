"""Pixels to measure: all channels as stored, stacks projected, upright as the hub says."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from persistence.image_pixels import read_pixels
from persistence.image_verdict import ImageLimits, RejectedImage
from persistence.image_worker import inspect_file
from tests.persistence.pictures import SAMPLES, blobs, turned_jpeg

LIMITS = ImageLimits()


@pytest.mark.parametrize("name", SAMPLES)
def test_pixels_have_the_size_and_the_channels_that_the_hub_says(name: str, tmp_path: Path) -> None:
    path = tmp_path / "image"
    SAMPLES[name].write(path)
    said = inspect_file(path, LIMITS)
    pixels = read_pixels(path, LIMITS)
    assert pixels.shape == (said.height, said.width, said.channels)


@pytest.mark.parametrize("axes", ["ZCYX", "CZYX"])
def test_each_channel_of_a_stack_is_projected(axes: str, tmp_path: Path) -> None:
    stack = np.random.default_rng(1).integers(0, 60_000, (4, 4, 30, 20), np.uint16)[:3]
    if axes == "CZYX":
        stack = np.swapaxes(stack, 0, 1)
    path = tmp_path / "stack"
    tifffile.imwrite(path, stack, ome=True, metadata={"axes": axes}, photometric="minisblack")
    expected = np.moveaxis(stack.max(axis=axes.index("Z")), 0, -1)
    np.testing.assert_array_equal(read_pixels(path, LIMITS), expected)


def test_series_that_are_alike_are_projected_together(tmp_path: Path) -> None:
    planes = np.random.default_rng(2).integers(0, 60_000, (3, 30, 20), np.uint16)
    with tifffile.TiffWriter(tmp_path / "a", ome=True) as writer:
        for plane in planes:
            writer.write(plane, metadata={"axes": "YX"})
    found = read_pixels(tmp_path / "a", LIMITS)
    np.testing.assert_array_equal(found[:, :, 0], planes.max(axis=0))


def test_where_a_page_has_no_number_the_others_count(tmp_path: Path) -> None:
    pages = np.array([[[1, np.nan, np.nan]], [[3, 2, np.nan]]], np.float32)
    tifffile.imwrite(tmp_path / "a", pages, photometric="minisblack")
    np.testing.assert_array_equal(read_pixels(tmp_path / "a", LIMITS)[0, :, 0], [3, 2, np.nan])


def test_frames_of_an_animation_are_projected(tmp_path: Path) -> None:
    frames = [Image.new("L", (20, 10), shade) for shade in (10, 200, 30)]
    frames[0].save(tmp_path / "a", "GIF", save_all=True, append_images=frames[1:])
    assert (read_pixels(tmp_path / "a", LIMITS)[:, :, 0] == 200).all()


def test_photos_are_upright(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(turned_jpeg(6))
    pixels = read_pixels(tmp_path / "a", LIMITS)
    assert pixels.shape[:2] == (60, 40)
    assert pixels[:25].max() < 30
    assert pixels[35:].min() > 220


def test_deep_pixels_keep_all_their_bits(tmp_path: Path) -> None:
    picture = blobs(dtype=np.uint16)
    Image.fromarray(picture).save(tmp_path / "a", "PNG")
    np.testing.assert_array_equal(read_pixels(tmp_path / "a", LIMITS)[:, :, 0], picture)


def test_a_file_that_breaks_off_is_refused(tmp_path: Path) -> None:
    Image.fromarray(blobs(dtype=np.uint16)).save(tmp_path / "a", "PNG")
    whole = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RejectedImage):
        read_pixels(tmp_path / "a", LIMITS)

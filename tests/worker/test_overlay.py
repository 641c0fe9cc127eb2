import numpy as np
import pytest
from numpy.typing import NDArray

from worker.outlines import outlines
from worker.overlay import draw
from worker.pictures import Picture


def a_cell(height: int, width: int) -> NDArray[np.int32]:
    labels = np.zeros((height, width), np.int32)
    labels[10:20, 10:30] = 1
    return labels


def test_sixteen_bits_in_a_tenth_of_their_range_are_visible() -> None:
    pixels = np.where(a_cell(40, 60) > 0, 6000, 200).astype(np.uint16)
    image = np.asarray(draw(Picture(pixels=pixels), outlines(a_cell(40, 60))))
    scale = image.shape[1] // 60
    assert image[15 * scale, 20 * scale].min() > 240
    assert image[35 * scale, 50 * scale].max() < 15


@pytest.mark.parametrize("ground", [5, 240])
def test_outlines_stand_out_of_dark_and_of_light_pictures(ground: int) -> None:
    pixels = np.full((40, 60, 3), ground, np.uint8)
    drawn = np.asarray(draw(Picture(pixels=pixels, is_colour=True), outlines(a_cell(40, 60))))
    scale = drawn.shape[1] // 60
    edge, far = drawn[10 * scale, 20 * scale].astype(int), drawn[-1, -1].astype(int)
    assert np.abs(edge - far).max() > 100


def test_outlines_are_wider_on_enlarged_pictures() -> None:
    drawn = np.asarray(draw(Picture(pixels=a_cell(40, 600)), outlines(a_cell(40, 600))))
    assert drawn.shape[1] == 1200
    # Across the cell's left edge.
    coloured = drawn[30, :40, 0] != drawn[30, :40, 2]
    assert coloured.sum() == 2


def test_two_stains_are_told_apart() -> None:
    pixels = np.zeros((40, 60, 2), np.uint16)
    pixels[:, :30, 0] = pixels[:, 30:, 1] = 900
    drawn = np.asarray(draw(Picture(pixels=pixels), {"features": []}))
    assert (drawn[0, 0] != drawn[-1, -1]).any()


def test_a_constant_picture_is_drawn_too() -> None:
    drawn = draw(Picture(pixels=np.full((10, 20), 7, np.float64)), {"features": []})
    assert drawn.size[0] == 2 * drawn.size[1]


def test_a_huge_picture_is_reduced() -> None:
    drawn = draw(Picture(pixels=np.zeros((50, 9000), np.uint8)), {"features": []})
    assert drawn.size == (4096, 23)

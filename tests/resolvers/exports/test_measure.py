"""Measures are those of the polygon, whatever its position, direction and holes."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.exports.measure import Shapes, shapes_of
from resolvers.polygons import cells_of
from tests.resolvers.exports.cells import Polygon, box, closed, geometry, outlines

TRIANGLE = closed((1, 1), (5, 1), (1, 4))


def measured(*cells: Polygon) -> Shapes:
    return shapes_of(outlines(*cells))


def test_a_square_with_a_hole() -> None:
    shapes = measured([box(0, 0, 10, 10), box(6, 4, 8, 6)])
    assert shapes.area == pytest.approx([96])
    assert shapes.perimeter == pytest.approx([48])
    assert shapes.x == pytest.approx([(100 * 5 - 4 * 7) / 96])
    assert shapes.y == pytest.approx([5])
    assert shapes.circularity == pytest.approx([4 * math.pi * 96 / 48**2])


def test_each_cell_is_measured_alone() -> None:
    shapes = measured([TRIANGLE], [box(0, 0, 10, 10), box(6, 4, 8, 6)], [box(2, 3, 4, 6)])
    assert shapes.area == pytest.approx([6, 96, 6])
    assert shapes.perimeter == pytest.approx([12, 48, 10])
    assert shapes.x == pytest.approx([7 / 3, 472 / 96, 3])
    assert shapes.y == pytest.approx([2, 5, 4.5])
    assert shapes.left.tolist() == [1, 0, 2]
    assert shapes.top.tolist() == [1, 0, 3]
    assert shapes.right.tolist() == [5, 10, 4]
    assert shapes.bottom.tolist() == [4, 10, 6]


def test_a_disc_has_a_circularity_of_one() -> None:
    angles = np.linspace(0, 2 * math.pi, 2000, endpoint=False)
    disc = closed(*((50 + 20 * math.cos(a), 60 + 20 * math.sin(a)) for a in angles))
    shapes = measured([disc])
    assert shapes.circularity == pytest.approx([1], abs=1e-5)
    assert shapes.area == pytest.approx([400 * math.pi], rel=1e-5)


@given(st.integers(0, 100_000), st.integers(0, 100_000), st.booleans())
def test_neither_place_nor_direction_matters(right: int, down: int, backwards: bool) -> None:
    ring = [[x + right, y + down] for x, y in TRIANGLE]
    shapes = measured([ring[::-1] if backwards else ring])
    assert shapes.area == pytest.approx([6], rel=1e-12)
    assert shapes.perimeter == pytest.approx([12], rel=1e-12)
    assert shapes.x - right == pytest.approx([7 / 3], abs=1e-9)
    assert shapes.y - down == pytest.approx([2], abs=1e-9)


def test_areas_add_up_to_what_the_run_says() -> None:
    cells = [[TRIANGLE], [box(0, 0, 10, 10), box(6, 4, 8, 6)], [box(0.25, 0, 0.5, 7)]]
    total = cells_of(geometry(cells), width=12, height=12).area
    assert measured(*cells).area.sum() == pytest.approx(total, rel=1e-12)


def test_no_cells_have_no_measures() -> None:
    assert len(measured().area) == len(measured().circularity) == 0

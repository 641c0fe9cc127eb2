"""A pixel belongs to a cell exactly if its centre is inside the cell's outline."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray

from resolvers.exports import raster
from resolvers.exports.raster import TooIntricate, spans_of
from tests.resolvers.exports.cells import (
    EIGHTHS,
    REALS,
    SIDE,
    Polygon,
    box,
    closed,
    mask_of,
    outlines,
    polygons,
)


def masks(*cells: Polygon, width: int = SIDE, height: int = SIDE) -> NDArray[np.bool_]:
    """Return a mask for each cell; fail where a pixel is in two spans of one."""
    spans = spans_of(outlines(*cells), width=width, height=height)
    drawn = np.zeros((len(cells), height, width), np.int64)
    for cell, row, start, stop in zip(spans.cell, spans.row, spans.start, spans.stop, strict=True):
        assert start < stop
        drawn[cell, row, start:stop] += 1
    assert drawn.max(initial=0) <= 1
    once: NDArray[np.bool_] = drawn == 1
    return once


@given(polygons(EIGHTHS))
def test_pixels_are_those_whose_centres_are_inside(cells: list[Polygon]) -> None:
    np.testing.assert_array_equal(masks(*cells), [mask_of(cell) for cell in cells])


@given(polygons(REALS))
def test_whatever_the_coordinates_only_centres_on_an_edge_may_fall_to_either_side(
    cells: list[Polygon],
) -> None:
    found, exact = masks(*cells), np.array([mask_of(cell) for cell in cells])
    for cell, row, column in np.argwhere(found != exact):
        assert distance(cells[cell], column + 0.5, row + 0.5) < 1e-9


def distance(cell: Polygon, x: float, y: float) -> float:
    """Return how far a point is from the nearest edge, along its row."""
    crossings = [
        abs(x0 + (y - y0) * (x1 - x0) / (y1 - y0) - x)
        for ring in cell
        for (x0, y0), (x1, y1) in pairwise(ring)
        if y0 != y1 and min(y0, y1) <= y <= max(y0, y1)
    ]
    return min(crossings)


def test_edges_on_centres_bound_on_the_left_and_at_the_top() -> None:
    [mask] = masks([box(2.5, 3.5, 5.5, 6.5)])
    rows, columns = np.nonzero(mask)
    assert {*rows} == {3, 4, 5}
    assert {*columns} == {2, 3, 4}


@given(EIGHTHS, EIGHTHS, EIGHTHS, EIGHTHS)
def test_neighbours_share_out_the_pixels_on_their_edge(
    x: float, y: float, other_x: float, other_y: float
) -> None:
    far, (upper, lower) = 10 * SIDE, sorted((y, other_y))
    line = ((x, -far), (x, upper), (other_x, lower), (other_x, far))
    left = closed((-far, -far), *line, (-far, far))
    right = closed(*reversed(line), (far, -far), (far, far))
    one, other = masks([left], [right])
    assert (one ^ other).all()


def test_holes_are_not_of_the_cell_and_islands_in_them_are() -> None:
    [mask] = masks([box(1, 1, 11, 11), box(3, 3, 9, 9), box(5, 5, 7, 7)])
    assert mask.sum() == 100 - 36 + 4


def test_what_is_outside_the_image_is_cut_off() -> None:
    [mask] = masks([box(-1, -1, SIDE + 1, SIDE + 1)])
    assert mask.all()
    assert not masks([box(-1, -1, 0.25, SIDE)]).any()


def test_a_cell_smaller_than_a_pixel_may_have_none() -> None:
    assert masks([box(2.1, 2.1, 2.4, 2.4)]).sum() == 0
    assert masks([box(2.4, 2.4, 2.6, 2.6)]).sum() == 1


def test_no_cells_are_no_pixels() -> None:
    assert len(spans_of(outlines(), width=5, height=5).cell) == 0


def test_many_edges_are_worked_off_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [[box(x / 2, y / 2, x / 2 + 3, y / 2 + 4)] for x in range(12) for y in range(10)]
    whole = masks(*cells)
    monkeypatch.setattr(raster, "_AT_ONCE", 7)
    np.testing.assert_array_equal(masks(*cells), whole)


def test_outlines_that_cross_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raster, "MAX_CROSSINGS", 19)
    assert masks([box(1, 1, 5, 10)]).sum() == 36
    with pytest.raises(TooIntricate):
        masks([box(1, 1, 5, 11)])

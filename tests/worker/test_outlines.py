import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from tests.worker.masks import filled
from worker.outlines import outlines
from worker.segmenters.labels import one_part_each

LABELS = arrays(
    np.int32,
    st.tuples(st.integers(1, 14), st.integers(1, 14)),
    elements=st.integers(0, 4),
    fill=st.just(0),
).map(one_part_each)
BLOCKS = LABELS.map(lambda labels: np.kron(labels, np.ones((3, 2), np.int32)))


def rings(geojson: dict[str, Any]) -> list[list[list[list[float]]]]:
    return [feature["geometry"]["coordinates"] for feature in geojson["features"]]


@given(LABELS | BLOCKS)
def test_filling_the_outlines_gives_back_the_very_same_cells(labels: NDArray[np.int32]) -> None:
    assert np.array_equal(filled(outlines(labels), labels.shape), labels)


@given(LABELS | BLOCKS)
def test_vertices_are_corners_on_the_middles_of_pixel_edges(labels: NDArray[np.int32]) -> None:
    for cell in rings(outlines(labels)):
        for ring in cell:
            doubled = 2 * np.asarray(ring)
            assert np.array_equal(doubled, np.rint(doubled))
            assert (doubled.sum(axis=1) % 2 == 1).all()
            steps = np.diff(np.vstack([doubled, doubled[1]]), axis=0)
            turns = steps[:-1, 0] * steps[1:, 1] - steps[:-1, 1] * steps[1:, 0]
            assert turns.all()


def test_one_pixel_is_a_diamond_about_its_centre() -> None:
    labels = np.zeros((3, 4), np.int32)
    labels[1, 2] = 1
    ((ring,),) = rings(outlines(labels))
    assert {tuple(point) for point in ring} == {(2.5, 1.0), (3.0, 1.5), (2.5, 2.0), (2.0, 1.5)}


def test_a_hole_is_a_further_ring_the_other_way_round() -> None:
    labels = np.ones((5, 5), np.int32)
    labels[2, 2] = 0
    ((outer, hole),) = rings(outlines(labels))
    assert area(outer) == pytest.approx(24.5)
    assert area(hole) == pytest.approx(-0.5)


def area(ring: list[list[float]]) -> float:
    x, y = np.asarray(ring).T
    return float(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1])) / 2


def test_a_cell_in_two_parts_is_refused() -> None:
    labels = np.array([[1, 0], [0, 1]], np.int32)
    with pytest.raises(ValueError, match="cell 1 consists of 2 parts"):
        outlines(labels)


def test_no_cells_make_an_empty_collection() -> None:
    nothing = outlines(np.zeros((4, 4), np.int32))
    assert nothing == {"type": "FeatureCollection", "features": []}


def test_ten_thousand_cells_take_a_few_seconds_at_most() -> None:
    y, x = np.mgrid[:2400, :2400]
    inside = (y % 24 - 11.5) ** 2 + (x % 24 - 11.5) ** 2 < 100
    labels = np.where(inside, y // 24 * 100 + x // 24 + 1, 0).astype(np.int32)
    start = time.process_time()
    assert len(outlines(labels)["features"]) == 10_000
    assert time.process_time() - start < 8

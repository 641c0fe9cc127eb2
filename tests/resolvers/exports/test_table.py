"""Tables that spreadsheets and pandas read alike, and that no name can turn into a formula."""

import csv
import io

import numpy as np
import pytest

from resolvers.exports import table
from resolvers.exports.measure import shapes_of
from tests.resolvers.exports.cells import box, outlines


def read(encoded: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(encoded.decode(), newline="")))


def rows(name: str = "a.tif", means: list[list[float]] | None = None, channels: int = 2) -> bytes:
    found = outlines([box(1, 1, 3, 4)], [box(0.5, 0, 2, 1)])
    return table.lines(
        table.cell_rows(
            image=name,
            image_id="img_1",
            labels=found.labels,
            shapes=shapes_of(found),
            pixel_counts=np.array([6, 2]),
            means=None if means is None else np.array(means),
            channels=channels,
        )
    )


def test_the_header_names_units() -> None:
    assert table.cell_header(2) == (
        b"image,image_id,label,area_px2,perimeter_px,centroid_x_px,centroid_y_px,circularity,"
        b"pixel_count,mean_intensity_0,mean_intensity_1\r\n"
    )


def test_each_cell_is_a_row() -> None:
    first, second = read(rows(means=[[1.5, 70000], [np.nan, 0]]))
    assert first[:7] == ["a.tif", "img_1", "1", "6.0", "10.0", "2.0", "2.5"]
    assert float(first[7]) == pytest.approx(4 * np.pi * 6 / 100)
    assert first[8:] == ["6", "1.5", "70000.0"]
    assert second[2:4] == ["2", "1.5"]
    assert second[8:] == ["2", "", "0.0"]


def test_intensities_that_are_not_known_are_empty() -> None:
    assert [row[8:] for row in read(rows())] == [["6", "", ""], ["2", "", ""]]


def test_an_image_of_fewer_channels_leaves_columns_empty() -> None:
    assert [row[9:] for row in read(rows(means=[[4.0], [5.0]], channels=3))] == [
        ["4.0", "", ""],
        ["5.0", "", ""],
    ]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])  # noqa: RUF001
def test_no_name_becomes_a_formula(start: str) -> None:
    name = f'{start}cmd|"/c calc"!A1'
    for row in read(rows(name)):
        assert row[0] == f"'{name}"


@pytest.mark.parametrize("name", ["a,b.tif", 'say "hi".tif', "a=b.tif", "zoë ✓.tif", " =x"])
def test_other_names_are_as_they_are(name: str) -> None:
    assert {row[0] for row in read(rows(name))} == {name}

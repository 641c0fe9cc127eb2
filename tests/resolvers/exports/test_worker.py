"""What the process makes of one image: files that agree with each other."""

import csv
import gzip
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools import mask as cocomask

from persistence.image_verdict import ImageLimits
from resolvers.exports import raster
from resolvers.exports.coco import CocoImage
from resolvers.exports.formats import ExportFormat
from resolvers.exports.intensities import mean_intensities
from resolvers.exports.raster import spans_of
from resolvers.exports.worker import Done, Refused, Work, answer
from tests.resolvers.exports.cells import (
    EIGHTHS,
    SIDE,
    Polygon,
    box,
    labels_of,
    mask_of,
    outlines,
    polygons,
    stored,
)

pytestmark = pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")

CELLS: list[Polygon] = [
    [box(1, 1, 6, 6), box(2, 2, 4, 4)],
    [box(5, 5, 10, 9)],
    [box(0.1, 0.1, 0.3, 0.3)],
]


def made(
    folder: Path,
    cells: Sequence[Polygon] = CELLS,
    formats: Sequence[ExportFormat] = tuple(ExportFormat),
    *,
    original: Path | None = None,
    channels: int = 1,
) -> Done | Refused:
    store = folder / "outlines"
    store.write_bytes(gzip.compress(stored(cells)))
    work = Work(
        outlines=str(store),
        original=str(original) if original else None,
        folder=str(folder),
        formats=list(formats),
        image=CocoImage(
            id=1, file_name="a.tif", width=SIDE, height=SIDE, name="a.tif", hub_id="img_1"
        ),
        channels=channels,
        columns=channels,
        first_annotation=1,
    )
    return answer(msgspec.json.encode(work), ImageLimits())


def rows(folder: Path) -> list[list[str]]:
    text = (folder / ExportFormat.CSV).read_bytes().decode()
    return list(csv.reader(io.StringIO(text, newline="")))


def test_all_formats_speak_of_the_same_cells(tmp_path: Path) -> None:
    assert made(tmp_path) == Done(annotations=3, problem=None)
    features = msgspec.json.decode((tmp_path / ExportFormat.GEOJSON).read_bytes())["features"]
    mask = tifffile.imread(tmp_path / ExportFormat.MASKS)
    annotations = msgspec.json.decode(b"[%s]" % (tmp_path / ExportFormat.COCO).read_bytes())
    table = rows(tmp_path)
    numbers = [feature["properties"]["id"] for feature in features]
    assert numbers == [annotation["label"] for annotation in annotations] == [1, 2, 3]
    assert numbers == [int(row[2]) for row in table]
    assert {*np.unique(mask).tolist()} == {0, 1, 2}
    np.testing.assert_array_equal(mask, labels_of(CELLS))
    for annotation, row, cell in zip(annotations, table, CELLS, strict=True):
        decoded = cocomask.decode(annotation["segmentation"])
        np.testing.assert_array_equal(decoded, mask_of(cell))
        assert int(row[8]) == decoded.sum()
        assert float(row[3]) == annotation["area"]
    assert [float(row[3]) for row in table] == pytest.approx([21, 20, 0.04])


@pytest.mark.parametrize("format_", ExportFormat)
def test_only_what_is_asked_for_is_made(format_: ExportFormat, tmp_path: Path) -> None:
    assert isinstance(made(tmp_path, formats=[format_]), Done)
    assert {path.name for path in tmp_path.iterdir()} == {"outlines", format_.value}


def test_intensities_are_means_over_the_cells_own_pixels(tmp_path: Path) -> None:
    pixels = np.random.default_rng(3).integers(0, 60_000, (4, 3, SIDE, SIDE), np.uint16)
    original = tmp_path / "original"
    tifffile.imwrite(original, pixels, ome=True, metadata={"axes": "ZCYX"})
    assert made(tmp_path, original=original, channels=3) == Done(annotations=3, problem=None)
    projection = pixels.max(axis=0)
    for row, cell in zip(rows(tmp_path)[:2], CELLS, strict=False):
        means = projection[:, mask_of(cell)].mean(axis=1)
        assert [float(value) for value in row[9:]] == pytest.approx(means)
    assert rows(tmp_path)[2][8:] == ["0", "", "", ""]


@given(polygons(EIGHTHS), st.integers(0, 2**32 - 1))
def test_intensities_of_any_outlines_are_right(cells: list[Polygon], seed: int) -> None:
    values: NDArray[Any] = np.random.default_rng(seed).normal(size=(SIDE, SIDE, 2))
    values[0, 0] = np.nan, np.inf
    found = mean_intensities(
        spans_of(outlines(*cells), width=SIDE, height=SIDE), values, count=len(cells)
    )
    finite = np.isfinite(values[:, :, 0])
    for cell, means in zip(cells, found, strict=True):
        mask = mask_of(cell) & finite
        expected = values[mask].mean(axis=0) if mask.any() else [np.nan, np.nan]
        np.testing.assert_allclose(means, expected, atol=1e-12)


def test_an_original_that_cannot_be_decoded_costs_the_intensities_only(tmp_path: Path) -> None:
    original = tmp_path / "original"
    original.write_bytes(b"II*\0 and then nothing of a TIFF")
    done = made(tmp_path, original=original, channels=2)
    assert isinstance(done, Done)
    assert (done.problem or "").startswith("Intensities can't be measured.")
    assert [row[2] for row in rows(tmp_path)] == ["1", "2", "3"]
    assert {value for row in rows(tmp_path) for value in row[9:]} == {""}


def test_an_original_of_another_shape_is_not_measured(tmp_path: Path) -> None:
    original = tmp_path / "original"
    tifffile.imwrite(original, np.zeros((SIDE, SIDE + 1), np.uint8))
    done = made(tmp_path, original=original)
    assert isinstance(done, Done)
    assert done.problem


def test_outlines_that_take_too_much_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raster, "MAX_CROSSINGS", 10)
    assert isinstance(made(tmp_path), Refused)


def test_without_cells_there_are_files_all_the_same(tmp_path: Path) -> None:
    assert made(tmp_path, []) == Done(annotations=0, problem=None)
    assert rows(tmp_path) == []
    assert not tifffile.imread(tmp_path / ExportFormat.MASKS).any()
    assert (tmp_path / ExportFormat.COCO).read_bytes() == b""

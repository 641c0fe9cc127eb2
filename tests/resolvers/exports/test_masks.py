"""Label masks and COCO files hold the same pixels, as others read them."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import tifffile
from hypothesis import given
from numpy.typing import NDArray
from pycocotools import mask as cocomask

from resolvers.exports import coco, masks, run_lengths
from resolvers.exports.coco import CocoImage
from resolvers.exports.masks import label_strips, write_masks
from resolvers.exports.measure import shapes_of
from resolvers.exports.outlines import outlines_of
from resolvers.exports.raster import spans_of
from tests.resolvers.exports.cells import (
    EIGHTHS,
    SIDE,
    Polygon,
    box,
    has_area,
    labels_of,
    mask_of,
    outlines,
    polygons,
    stored,
)

WIDTH, HEIGHT = 9, 14
CELLS = polygons(EIGHTHS).map(lambda cells: [cell for cell in cells if has_area(cell)])

# pycocotools is behind numpy's newest ways.
pytestmark = pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")


def annotations(*cells: Polygon, width: int = SIDE, height: int = SIDE) -> list[dict[str, Any]]:
    found = outlines(*cells)
    image = CocoImage(id=7, file_name="a.tif", width=width, height=height, name="a", hub_id="img_1")
    made = coco.annotations(
        found,
        spans_of(found, width=width, height=height),
        shapes_of(found),
        image=image,
        first_id=100,
    )
    return [msgspec.json.decode(annotation) for annotation in made]


def labels(*cells: Polygon, rows: int = SIDE, **size: int) -> NDArray[np.uint32]:
    width, height = size.get("width", SIDE), size.get("height", SIDE)
    found = outlines(*cells)
    spans = spans_of(found, width=width, height=height)
    strips = label_strips(spans, found.labels, width=width, height=height, rows=rows)
    return np.concatenate(list(strips))


@given(CELLS)
def test_coco_masks_are_as_pycocotools_writes_and_reads_them(cells: list[Polygon]) -> None:
    size = {"width": WIDTH, "height": HEIGHT}
    for cell, annotation in zip(cells, annotations(*cells, **size), strict=True):
        mask = mask_of(cell, **size)
        written = cocomask.encode(np.asfortranarray(mask.astype(np.uint8)))
        assert annotation["segmentation"]["size"] == [HEIGHT, WIDTH]
        assert annotation["segmentation"]["counts"] == written["counts"].decode()
        np.testing.assert_array_equal(cocomask.decode(annotation["segmentation"]), mask)


@given(CELLS)
def test_label_masks_are_the_same_pixels_the_first_cell_on_top(cells: list[Polygon]) -> None:
    size = {"width": WIDTH, "height": HEIGHT}
    np.testing.assert_array_equal(labels(*cells, rows=5, **size), labels_of(cells, **size))
    from_coco = np.zeros((HEIGHT, WIDTH), np.uint32)
    for annotation in reversed(annotations(*cells, **size)):
        from_coco[cocomask.decode(annotation["segmentation"]) > 0] = annotation["label"]
    np.testing.assert_array_equal(labels(*cells, rows=5, **size), from_coco)


def test_masks_of_large_images_have_counts_of_many_digits() -> None:
    size = {"width": 3000, "height": 5000}
    cells = [[box(1, 1, 2, 2)], [box(2900, 0, 3000, 5000)], [box(0, 10, 3000, 4000)]]
    for cell, annotation in zip(cells, annotations(*cells, **size), strict=True):
        (left, top), _, (right, bottom), *_ = cell[0]
        mask = np.zeros((5000, 3000), np.uint8, order="F")
        mask[int(top) : int(bottom), int(left) : int(right)] = 1
        assert annotation["segmentation"]["counts"] == cocomask.encode(mask)["counts"].decode()


def test_many_cells_are_written_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [[box(x, y, x + 2.5, y + 3)] for x in range(8) for y in range(8)]
    whole = annotations(*cells)
    monkeypatch.setattr(run_lengths, "_AT_ONCE", 9)
    assert annotations(*cells) == whole


def test_annotations_carry_the_measures_and_the_label() -> None:
    first, second = annotations([box(1, 1, 3, 4)], [box(-1, 2, 5, SIDE + 1), box(1, 3, 2, 5)])
    assert first | {"segmentation": None} == {
        "id": 100,
        "image_id": 7,
        "category_id": 1,
        "segmentation": None,
        "area": 6,
        "bbox": [1, 1, 2, 3],
        "iscrowd": 0,
        "label": 1,
    }
    assert (second["id"], second["label"]) == (101, 2)
    assert second["area"] == 6 * 11 - 2
    assert second["bbox"] == [0, 2, 5, 10]


@pytest.mark.parametrize(
    ("number", "kind"), [(1, np.uint16), (2**16 - 1, np.uint16), (2**16, np.uint32)]
)
def test_masks_have_16_bits_as_long_as_those_do(
    tmp_path: Path, number: int, kind: type[np.generic]
) -> None:
    found = outlines([box(1, 1, 3, 3)])
    spans = spans_of(found, width=5, height=4)
    write_masks(tmp_path / "m.tif", spans, np.array([number]), width=5, height=4)
    read = tifffile.imread(tmp_path / "m.tif")
    assert read.dtype == kind
    assert read.shape == (4, 5)
    np.testing.assert_array_equal(read[1:3, 1:3], number)
    assert read.sum() == 4 * number


def test_masks_are_written_strip_by_strip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masks, "_STRIP_BYTES", 3 * 2 * SIDE)
    cells = [[box(0, 0, 7, 9)], [box(3, 3, 12, 12)]]
    found = outlines_of(stored(cells))
    write_masks(
        tmp_path / "m.tif",
        spans_of(found, width=SIDE, height=SIDE - 1),
        found.labels,
        width=SIDE,
        height=SIDE - 1,
    )
    with tifffile.TiffFile(tmp_path / "m.tif") as file:
        assert len(file.pages[0].dataoffsets) == 4
        np.testing.assert_array_equal(file.asarray(), labels_of(cells, height=SIDE - 1))


def test_without_cells_there_is_an_empty_mask(tmp_path: Path) -> None:
    found = outlines()
    write_masks(
        tmp_path / "m.tif", spans_of(found, width=3, height=2), found.labels, width=3, height=2
    )
    assert not tifffile.imread(tmp_path / "m.tif").any()
    assert annotations() == []

"""Polygons: what is taken, what is refused and where, and what is measured."""

import gzip
from typing import Any

import msgspec
import pytest

from resolvers import polygons
from resolvers.errors import BadUserInput
from resolvers.polygons import Cells, cells_of, geojson_of

SQUARE = [[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]
HOLE = [[2, 2], [2, 4], [4, 4], [4, 2], [2, 2]]
TRIANGLE = [[20.5, 20], [24.5, 20], [20.5, 23], [20.5, 20]]


def polygon(*rings: object) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


def multi(*polygons: object) -> dict[str, Any]:
    return {"type": "MultiPolygon", "coordinates": list(polygons)}


def feature(geometry: object) -> dict[str, Any]:
    return {"type": "Feature", "properties": {"colour": "red"}, "geometry": geometry}


def features(*geometries: object) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": [feature(each) for each in geometries]}


def check(geojson: object) -> Cells:
    return cells_of(geojson, width=100, height=50)


def decoded(cells: Cells) -> Any:
    return msgspec.json.decode(geojson_of(cells.encoded))


@pytest.mark.parametrize(
    "geojson",
    [
        features(polygon(SQUARE), polygon(TRIANGLE)),
        features(multi([SQUARE], [TRIANGLE])),
        {"type": "GeometryCollection", "geometries": [polygon(SQUARE), multi([TRIANGLE])]},
        multi([SQUARE], [TRIANGLE]),
    ],
)
def test_every_form_comes_out_as_one_feature_collection_of_numbered_polygons(
    geojson: dict[str, Any],
) -> None:
    cells = check(geojson)
    assert (cells.count, cells.area) == (2, 106)
    assert decoded(cells) == {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "properties": {"id": 1}, "geometry": polygon(SQUARE)},
            {"type": "Feature", "properties": {"id": 2}, "geometry": polygon(TRIANGLE)},
        ],
    }


def test_a_polygon_alone_is_one_cell() -> None:
    assert (check(polygon(SQUARE)).count, check(polygon(SQUARE)).area) == (1, 100)


def test_what_comes_out_can_be_handed_in_again() -> None:
    cells = check(features(polygon(SQUARE, HOLE), polygon(TRIANGLE)))
    assert check(decoded(cells)) == cells


@pytest.mark.parametrize(
    "geojson",
    [
        {"type": "FeatureCollection", "features": []},
        {"type": "GeometryCollection", "geometries": []},
        {"type": "MultiPolygon", "coordinates": []},
    ],
)
def test_no_polygons_are_no_cells(geojson: dict[str, Any]) -> None:
    cells = check(geojson)
    assert (cells.count, cells.area) == (0, 0.0)
    assert decoded(cells) == {"type": "FeatureCollection", "features": []}


def test_holes_are_not_part_of_a_cell() -> None:
    other_hole = [[6, 6], [8, 6], [8, 8], [6, 8], [6, 6]]
    cells = check(features(polygon(TRIANGLE), polygon(SQUARE, HOLE, other_hole), polygon(SQUARE)))
    assert cells.area == 6 + (100 - 4 - 4) + 100


def test_the_direction_of_a_ring_does_not_matter() -> None:
    assert check(polygon(SQUARE[::-1], HOLE[::-1])).area == check(polygon(SQUARE, HOLE)).area


def test_an_outline_may_go_beyond_the_border_by_one_pixel() -> None:
    assert check(polygon([[-1, -1], [101, -1], [101, 51], [-1, 51], [-1, -1]])).count == 1


def refused(geojson: object) -> str:
    with pytest.raises(BadUserInput) as refusal:
        check(geojson)
    return refusal.value.message


@pytest.mark.parametrize(
    ("ring", "why"),
    [
        ([[0, 0], [9, 0], [9, 9], [0, 9]], "not closed"),
        ([[0, 0], [9, 0], [0, 0]], "fewer than 4 positions"),
        ([], "fewer than 4 positions"),
        ("ring", "fewer than 4 positions"),
        ([[0, 0], [9, 0], [9, 9], [9]], "not [x, y]"),
        ([[0, 0, 1], [9, 0, 1], [9, 9, 1], [0, 0, 1]], "not [x, y]"),
        ([[0, 0], [9, 0], "ab", [0, 0]], "not [x, y]"),
        ([[0, 0], [9, 0], ["9", 9], [0, 0]], "not a number"),
        ([[0, 0], [9, 0], [True, 9], [0, 0]], "not a number"),
        ([[0, 0], [9, 0], [None, 9], [0, 0]], "not a number"),
        ([[0, 0], [9, 0], [float("nan"), 9], [0, 0]], "not finite"),
        ([[0, 0], [9, 0], [float("inf"), 9], [0, 0]], "not finite"),
        ([[0, 0], [101.5, 0], [9, 9], [0, 0]], "outside the image of 100 × 50 pixels"),
        ([[0, 0], [9, 0], [9, 51.5], [0, 0]], "outside the image of 100 × 50 pixels"),
        ([[0, -1.5], [9, 0], [9, 9], [0, -1.5]], "outside the image of 100 × 50 pixels"),
        ([[5, 5], [5, 5], [5, 5], [5, 5]], "no area"),
        ([[0, 0], [9, 0], [4, 0], [0, 0]], "no area"),
    ],
)
def test_what_is_no_good_is_refused_by_its_place(ring: object, why: str) -> None:
    message = refused(features(polygon(SQUARE, HOLE), polygon(ring), polygon(ring)))
    assert message.startswith("polygons.features[1] ")
    assert why in message


def test_a_bad_hole_is_refused_by_the_place_of_its_polygon() -> None:
    bad = [[0, 0], [9, 0], [9, 99], [0, 0]]
    assert "polygons.features[1] " in refused(features(polygon(SQUARE), polygon(SQUARE, HOLE, bad)))
    assert "polygons.features[1] " in refused(features(polygon(SQUARE), polygon(SQUARE, SQUARE)))


@pytest.mark.parametrize(
    ("geojson", "message"),
    [
        (None, "polygons is neither a Polygon nor a MultiPolygon."),
        ([], "polygons is neither a Polygon nor a MultiPolygon."),
        ({"type": "Point", "coordinates": [1, 2]}, "polygons is neither a Polygon"),
        ({"type": "Polygon"}, "polygons is neither a Polygon nor a MultiPolygon."),
        ({"type": "Polygon", "coordinates": []}, "polygons has no rings."),
        ({"type": "MultiPolygon", "coordinates": "x"}, "polygons is neither"),
        (multi([SQUARE], []), "polygons.coordinates[1] has no rings."),
        (features(multi([SQUARE], [[]])), "polygons.features[0].coordinates[1] has a ring of"),
        ({"type": "FeatureCollection", "features": {}}, "polygons is neither"),
        ({"type": "FeatureCollection", "features": [polygon(SQUARE)]}, "is not a Feature."),
        (features(None), "polygons.features[0] is neither"),
        (features(features(polygon(SQUARE))), "polygons.features[0] is neither"),
        ({"type": "GeometryCollection", "geometries": [feature(polygon(SQUARE))]}, "is neither"),
        (polygon([[0, 0], [10**400, 0], [9, 9], [0, 0]]), "too large a number"),
    ],
)
def test_what_is_no_geometry_of_polygons_is_refused(geojson: object, message: str) -> None:
    assert message in refused(geojson)


def test_too_many_polygons_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polygons, "MAX_POLYGONS", 2)
    assert check(multi([SQUARE], [SQUARE])).count == 2
    assert "at most 2 are taken" in refused(multi([SQUARE], [SQUARE], [SQUARE]))


def test_too_many_positions_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polygons, "MAX_POSITIONS", 9)
    assert check(multi([SQUARE], [TRIANGLE])).count == 2
    assert "at most 9 positions" in refused(multi([SQUARE], [SQUARE]))


def test_equal_cells_are_stored_as_equal_bytes_and_small() -> None:
    many = multi(*([SQUARE] for _ in range(1000)))
    assert check(many).encoded == check(many).encoded
    assert len(check(many).encoded) * 10 < len(gzip.decompress(check(many).encoded))

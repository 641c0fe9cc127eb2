"""Polygons that workers send: checked, counted, measured, and brought into one form of GeoJSON.

Coordinates are pixels: x to the right, y down, from the corner of the top left pixel.
"""

import gzip
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from resolvers.errors import BadUserInput

MAX_POLYGONS = 100_000
MAX_POSITIONS = 2_000_000
TOLERANCE = 1.0
"""How far, in pixels, an outline may go beyond the image's border."""

MEDIA_TYPE = "application/geo+json+gzip"
_SHORTEST_RING = 4

_NUMBERS = {int, float}


class Cells(Struct, frozen=True, kw_only=True):
    """What was found in an image: how many cells, the sum of their areas in square pixels.

    ``encoded`` is a FeatureCollection of Polygons, as JSON, compressed by gzip. Each is a cell,
    with its number, from 1, as the property "id".
    """

    count: int
    area: float
    encoded: bytes


def cells_of(geojson: object, *, width: int, height: int) -> Cells:
    """Check the cells of an image of this size.

    A FeatureCollection of Polygons or MultiPolygons, a GeometryCollection of them, or one of them
    alone; each Polygon is a cell. BadUserInput names the first that is no good: its rings must be
    closed, of 4 or more positions, finite, within the image, and have an area.
    """
    outlines = _Outlines()
    for place, rings in _polygons(geojson):
        outlines.add(place, rings)
    area = outlines.measure(width, height)
    return Cells(
        count=len(outlines.polygons),
        area=area,
        encoded=gzip.compress(_canonical(outlines.polygons), mtime=0),
    )


def geojson_of(encoded: bytes) -> bytes:
    """Return the JSON of a FeatureCollection that ``cells_of`` encoded."""
    return gzip.decompress(encoded)


def _canonical(polygons: Sequence[object]) -> bytes:
    return msgspec.json.encode(
        {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "properties": {"id": number},
                    "geometry": {"type": "Polygon", "coordinates": rings},
                }
                for number, rings in enumerate(polygons, start=1)
            ],
        }
    )


def _polygons(geojson: object) -> Iterator[tuple[str, object]]:
    """Yield the coordinates of each polygon, with the place where it stands."""
    match geojson:
        case {"type": "FeatureCollection", "features": list(features)}:
            for index, feature in enumerate(features):
                yield from _of_feature(feature, f"features[{index}]")
        case {"type": "GeometryCollection", "geometries": list(geometries)}:
            for index, geometry in enumerate(geometries):
                yield from _of_geometry(geometry, f"geometries[{index}]")
        case _:
            yield from _of_geometry(geojson, "")


def _of_feature(feature: object, place: str) -> Iterator[tuple[str, object]]:
    match feature:
        case {"type": "Feature", "geometry": geometry}:
            yield from _of_geometry(geometry, place)
        case _:
            raise _no_good(place, "is not a Feature")


def _of_geometry(geometry: object, place: str) -> Iterator[tuple[str, object]]:
    match geometry:
        case {"type": "Polygon", "coordinates": rings}:
            yield place, rings
        case {"type": "MultiPolygon", "coordinates": list(polygons)}:
            for index, rings in enumerate(polygons):
                yield f"{place}{'.' if place else ''}coordinates[{index}]", rings
        case _:
            raise _no_good(place, "is neither a Polygon nor a MultiPolygon")


class _Outlines:
    """Polygons, and all their positions in one line, so that they are measured all at once."""

    def __init__(self) -> None:
        self.polygons: list[object] = []
        self._places: list[str] = []
        self._first_rings: list[int] = []
        self._ring_ends: list[int] = []
        self._numbers: list[float] = []

    def add(self, place: str, rings: object) -> None:
        """Add a polygon: its outline and, behind it, its holes."""
        if len(self.polygons) == MAX_POLYGONS:
            raise BadUserInput(f"polygons: at most {MAX_POLYGONS} are taken.")
        if not isinstance(rings, list) or not rings:
            raise _no_good(place, "has no rings")
        self._first_rings.append(len(self._ring_ends))
        for ring in rings:
            self._numbers += _flat(place, ring)
            self._ring_ends.append(len(self._numbers) // 2)
        if self._ring_ends[-1] > MAX_POSITIONS:
            raise BadUserInput(f"polygons: at most {MAX_POSITIONS} positions are taken.")
        self.polygons.append(rings)
        self._places.append(place)

    def measure(self, width: int, height: int) -> float:
        """Check where the positions are; return the area of all polygons, without their holes."""
        if not self.polygons:
            return 0.0
        x, y = self._positions()
        finite = np.isfinite(x) & np.isfinite(y)
        self._refuse(~finite, "has a position that is not finite")
        inside = (x >= -TOLERANCE) & (x <= width + TOLERANCE)
        inside &= (y >= -TOLERANCE) & (y <= height + TOLERANCE)
        self._refuse(~inside, f"has a position outside the image of {width} × {height} pixels")
        areas = self._areas(x, y)
        if (empty := np.flatnonzero(areas <= 0)).size:
            raise _no_good(self._places[int(empty[0])], "has no area")
        return float(areas.sum())

    def _positions(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        try:
            numbers = np.array(self._numbers, dtype=np.float64)
        except OverflowError:
            raise BadUserInput("polygons: a coordinate is too large a number.") from None
        return numbers[0::2], numbers[1::2]

    def _areas(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return each polygon's area, by the shoelace formula."""
        ends = np.array(self._ring_ends)
        starts = np.concatenate(([0], ends[:-1]))
        crossed = x * np.roll(y, -1) - np.roll(x, -1) * y
        crossed[ends - 1] = 0.0  # from one ring to the next there is no edge
        rings = np.abs(np.add.reduceat(crossed, starts)) / 2
        outlines = np.array(self._first_rings)
        holes = np.ones(len(rings), dtype=bool)
        holes[outlines] = False
        rings[holes] *= -1
        areas: NDArray[np.float64] = np.add.reduceat(rings, outlines)
        return areas

    def _refuse(self, bad: NDArray[np.bool_], why: str) -> None:
        found = np.flatnonzero(bad)
        if found.size:
            ring = np.searchsorted(self._ring_ends, found[0], side="right")
            polygon = np.searchsorted(self._first_rings, ring, side="right") - 1
            raise _no_good(self._places[int(polygon)], why)


def _flat(place: str, ring: Any) -> list[float]:
    """Return a ring's numbers in one line."""
    if not isinstance(ring, list) or len(ring) < _SHORTEST_RING:
        raise _no_good(place, f"has a ring of fewer than {_SHORTEST_RING} positions")
    if {*map(type, ring)} != {list} or {*map(len, ring)} != {2}:
        raise _no_good(place, "has a position that is not [x, y]")
    numbers = list(chain.from_iterable(ring))
    if not {*map(type, numbers)} <= _NUMBERS:
        raise _no_good(place, "has a coordinate that is not a number")
    if ring[0] != ring[-1]:
        raise _no_good(place, "has a ring that is not closed: its last position must be its first")
    return numbers


def _no_good(place: str, why: str) -> BadUserInput:
    return BadUserInput(f"polygons{'.' if place else ''}{place} {why}.")

"""Outlines for tests of exports, and what is right about them, worked out slowly."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from resolvers.exports.outlines import Outlines, outlines_of
from resolvers.polygons import cells_of, geojson_of

Ring = list[list[float]]
Polygon = list[Ring]

SIDE = 12


def closed(*points: tuple[float, float]) -> Ring:
    ring = [[float(x), float(y)] for x, y in points]
    return [*ring, ring[0]]


def box(left: float, top: float, right: float, bottom: float) -> Ring:
    return closed((left, top), (right, top), (right, bottom), (left, bottom))


def geometry(polygons: Sequence[Polygon]) -> dict[str, Any]:
    return {"type": "MultiPolygon", "coordinates": list(polygons)}


def outlines(*polygons: Polygon) -> Outlines:
    """Return outlines as they come out of the store, whether or not they could get into it."""
    features = [
        {
            "type": "Feature",
            "properties": {"id": number},
            "geometry": {"type": "Polygon", "coordinates": polygon},
        }
        for number, polygon in enumerate(polygons, 1)
    ]
    return outlines_of(msgspec.json.encode({"type": "FeatureCollection", "features": features}))


def stored(polygons: Sequence[Polygon], *, width: int = SIDE, height: int = SIDE) -> bytes:
    """Return the GeoJSON of polygons that were checked on their way in."""
    return geojson_of(cells_of(geometry(polygons), width=width, height=height).encoded)


def mask_of(polygon: Polygon, *, width: int = SIDE, height: int = SIDE) -> NDArray[np.bool_]:
    """Return which centres are inside, pixel by pixel, in exact numbers."""
    half = Fraction(1, 2)
    return np.array(
        [[_is_inside(polygon, c + half, r + half) for c in range(width)] for r in range(height)]
    )


def _is_inside(polygon: Polygon, x: Fraction, y: Fraction) -> bool:
    crossed = 0
    for ring in polygon:
        for (x0, y0), (x1, y1) in pairwise(ring):
            if (y0 <= y) == (y1 <= y):
                continue
            ax, ay, bx, by = map(Fraction, (x0, y0, x1, y1))
            crossed += ax + (y - ay) * (bx - ax) / (by - ay) <= x
    return crossed % 2 == 1


def labels_of(polygons: Sequence[Polygon], **size: int) -> NDArray[np.int64]:
    """Return the label mask in which the first cell has what several claim."""
    masks = [mask_of(polygon, **size) for polygon in polygons]
    labels = np.zeros((size.get("height", SIDE), size.get("width", SIDE)), np.int64)
    for number, mask in reversed(list(enumerate(masks, 1))):
        labels[mask] = number
    return labels


def polygons(coordinate: st.SearchStrategy[float]) -> st.SearchStrategy[list[Polygon]]:
    """Anything that is closed: crossing itself, with holes beside it, with corners twice."""
    point = st.tuples(coordinate, coordinate)
    ring = st.lists(point, min_size=3, max_size=9).map(lambda points: closed(*points))
    return st.lists(st.lists(ring, min_size=1, max_size=3), min_size=1, max_size=4)


def has_area(polygon: Polygon) -> bool:
    """Tell whether a polygon could get into the store."""
    ring_areas = [
        abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairwise(ring))) for ring in polygon
    ]
    return ring_areas[0] > sum(ring_areas[1:])


EIGHTHS = st.integers(-8, 8 * SIDE + 8).map(lambda n: n / 8)
"""Coordinates up to a pixel outside the image, many of them on centres and edges of pixels."""

REALS = st.floats(-1, SIDE + 1, allow_nan=False, width=64)

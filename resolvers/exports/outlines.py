"""The outlines of an image's cells, as arrays."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Positions = NDArray[np.float64]
Numbers = NDArray[np.int64]


class _Geometry(Struct, frozen=True):
    coordinates: list[list[list[float]]]


class _Properties(Struct, frozen=True):
    id: int


class _Feature(Struct, frozen=True):
    properties: _Properties
    geometry: _Geometry


class _Collection(Struct, frozen=True):
    features: list[_Feature]


class Outlines(Struct, frozen=True, kw_only=True, eq=False):
    """Closed rings, one behind the other.

    ``x`` and ``y`` are the positions of all; ring i is those from ``starts[i]`` up to, without,
    ``starts[i + 1]``, and belongs to the cell at ``cells[i]`` of ``labels``. The first ring of a
    cell is its outline, the others are its holes.
    """

    labels: Numbers
    x: Positions
    y: Positions
    starts: Numbers
    cells: Numbers

    @property
    def is_outer(self) -> NDArray[np.bool_]:
        """Which rings are outlines rather than holes."""
        return np.diff(self.cells, prepend=-1) > 0


def outlines_of(geojson: bytes) -> Outlines:
    """Read a FeatureCollection of Polygons that have numbers, as ``resolvers.polygons`` makes."""
    features = msgspec.json.decode(geojson, type=_Collection).features
    polygons = [feature.geometry.coordinates for feature in features]
    rings = [ring for polygon in polygons for ring in polygon]
    lengths = [len(ring) for ring in rings]
    # A position at a time: a list of all numbers would take four times the arrays' memory.
    flat = np.fromiter(
        chain.from_iterable(chain.from_iterable(rings)), np.float64, 2 * sum(lengths)
    )
    return Outlines(
        labels=np.array([feature.properties.id for feature in features], np.int64),
        x=flat[0::2].copy(),
        y=flat[1::2].copy(),
        starts=np.concatenate(([0], np.cumsum(lengths, dtype=np.int64))),
        cells=np.repeat(np.arange(len(polygons)), _counts(polygons)),
    )


def _counts(polygons: Sequence[Sequence[Any]]) -> Numbers:
    return np.array([len(polygon) for polygon in polygons], np.int64)

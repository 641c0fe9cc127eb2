"""Cells from outlines again, by the rule that the API states: a pixel is in where its centre is."""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray


def filled(geojson: dict[str, Any], shape: tuple[int, int]) -> NDArray[np.int32]:
    """Return labels, each Polygon's pixels numbered by its id; even-odd over its rings."""
    labels = np.zeros(shape, np.int32)
    for feature in geojson["features"]:
        inside = np.zeros(shape, bool)
        for ring in feature["geometry"]["coordinates"]:
            assert ring[0] == ring[-1]
            inside ^= _inside(np.asarray(ring), shape)
        assert not labels[inside].any()
        labels[inside] = feature["properties"]["id"]
    return labels


def _inside(ring: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return whose centres lie in the ring, with crossings counted along each row of centres."""
    inside = np.zeros(shape, bool)
    centres = np.arange(shape[1]) + 0.5
    for (x0, y0), (x1, y1) in pairwise(ring):
        for row in range(shape[0]):
            if (y0 > row + 0.5) != (y1 > row + 0.5):
                crossing = x0 + (row + 0.5 - y0) * (x1 - x0) / (y1 - y0)
                inside[row] ^= centres < crossing
    return inside

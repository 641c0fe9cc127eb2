"""Outlines of cells as GeoJSON, from which the very same cells can be filled again."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import find_contours

from worker.segmenters.base import Labels


def outlines(labels: Labels) -> dict[str, Any]:
    """Return a FeatureCollection of one Polygon a cell, its label as the property ``id``.

    Coordinates are in pixels: x right, y down, the origin at the top left pixel's corner. Vertices
    lie on the middles of pixel edges, so a pixel is in the polygon (even-odd, holes are further
    rings) exactly if its centre is. The labels must be as segmenters return them: raise ValueError
    where a cell consists of several 4-connected parts.
    """
    features = [
        {
            "type": "Feature",
            "properties": {"id": number},
            "geometry": {"type": "Polygon", "coordinates": _rings(labels, number, box)},
        }
        for number, box in enumerate(ndimage.find_objects(labels), 1)
        if box is not None
    ]
    return {"type": "FeatureCollection", "features": features}


def _rings(labels: Labels, number: int, box: tuple[slice, slice]) -> list[list[list[float]]]:
    """Return the outer ring, then the holes."""
    mask = np.pad(labels[box] == number, 1).astype(np.float32)
    # Where pixels touch by a corner, the cell's are apart and the background's connected.
    contours = find_contours(mask, 0.5, fully_connected="low")
    corner = np.array([box[0].start, box[1].start]) - 0.5
    rings = [_ring(contour + corner) for contour in contours]
    signed = [_signed_area(ring) for ring in rings]
    outer = [ring for ring, area in zip(rings, signed, strict=True) if area > 0]
    if len(outer) != 1:
        raise ValueError(f"cell {number} consists of {len(outer)} parts")
    holes = [ring for ring, area in zip(rings, signed, strict=True) if area < 0]
    return [ring.tolist() for ring in outer + holes]


def _ring(contour: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a closed contour (row, column) as (x, y), without the points on straight lines."""
    points = contour[:-1, ::-1]
    steps = points - np.roll(points, 1, axis=0)
    following = np.roll(steps, -1, axis=0)
    turns = steps[:, 0] * following[:, 1] != steps[:, 1] * following[:, 0]
    corners = points[turns]
    return np.concatenate([corners, corners[:1]])


def _signed_area(ring: NDArray[np.float64]) -> float:
    x, y = ring[:, 0], ring[:, 1]
    return float(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1])) / 2

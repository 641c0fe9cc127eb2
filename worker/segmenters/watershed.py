"""Nuclei by thresholds, shapes and a watershed: no model, no weights, any size of nucleus.

In fluorescence nuclei are bright; of stained tissue the haematoxylin is looked at. Steps:

1. The whole picture, or windows of a large one, tell the background, the noise, a typical radius
   and the level at which foreground begins (scene.py).
2. The foreground is flooded from its deep and bright places into too many regions; neighbours that
   are one nucleus by shape, brightness and size are merged (merging.py).
3. Each gets a level of its own, where its edge is steepest (edges.py), so that bright ones don't
   glow over dim ones. What that leaves is flooded and merged again, and cut where two ellipses fit
   better than one (splitting.py). Debris is dropped.
"""

from typing import Any

import numpy as np

from worker.pictures import BadImage, Picture
from worker.segmenters.base import Labels, Report
from worker.segmenters.labels import one_part_each
from worker.segmenters.nuclei.finding import first_look, nuclei, piece_of, sizes_of
from worker.segmenters.nuclei.plane import plane_of
from worker.segmenters.nuclei.scene import scene_of, windows_of
from worker.segmenters.nuclei.tiles import put, tiles

# Overlap of tiles and tolerance for a nucleus's middle, in radii of a typical nucleus.
_OVERLAP, _SLACK = 8.0, 0.5
_LEAST_OVERLAP = 32
_NARROWEST = 4
_LEAST_FACTOR, _MOST_FACTOR = 0.05, 20.0
# The share of the work that is done before the tiles.
_PREPARED = 0.1


class Watershed:
    """The segmenter ``watershed``. ``tile`` is the side of the pieces that it works in, in pixels.

    The threshold is a factor on the level at which foreground begins: 1.0 is what the picture
    suggests, below it dimmer nuclei are found, above it only brighter ones. It is kept
    between 0.05 and 20.
    """

    name = "watershed"
    version = "1"

    def __init__(self, tile: int = 1024) -> None:
        self._tile = tile

    def parameters(self, threshold: float | None) -> dict[str, Any]:
        """Return the factor on the automatic threshold, and the side of the tiles."""
        return {"threshold": _factor(threshold), "tile": self._tile}

    def segment(self, picture: Picture, *, threshold: float | None, report: Report) -> Labels:
        """Return the labels of the nuclei. Raise BadImage for a picture without pixels."""
        if not picture.pixels.size:
            raise BadImage("The picture has no pixels.")
        report(0.0)
        result = np.zeros((picture.height, picture.width), np.int32)
        plane = plane_of(picture)
        is_line = min(result.shape) < _NARROWEST
        scene = None if is_line else scene_of(plane, _factor(threshold))
        if scene is None:
            report(1.0)
            return result
        report(_PREPARED)
        overlap = max(_LEAST_OVERLAP, int(_OVERLAP * scene.radius))
        pieces = list(tiles(picture.height, picture.width, max(self._tile, 2 * overlap), overlap))
        looks = [first_look(piece_of(plane, box, scene), scene) for box in windows_of(plane)]
        sizes = sizes_of(looks, scene)
        count = 0
        for done, tile in enumerate(pieces, 1):
            found = nuclei(piece_of(plane, tile.whole, scene), scene, sizes)
            count = put(result, count, found, tile, int(_SLACK * scene.radius))
            report(_PREPARED + (1 - _PREPARED) * done / len(pieces))
        return one_part_each(result)


def _factor(threshold: float | None) -> float:
    return 1.0 if threshold is None else min(max(threshold, _LEAST_FACTOR), _MOST_FACTOR)

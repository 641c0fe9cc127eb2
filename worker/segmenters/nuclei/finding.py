"""The nuclei of a piece of a picture, of whose whole the scene is known."""

import numpy as np
from msgspec import Struct
from scipy import ndimage
from skimage.measure import label as connected_parts
from skimage.morphology import h_maxima
from skimage.segmentation import watershed

from worker.segmenters.base import Labels
from worker.segmenters.labels import without_holes
from worker.segmenters.nuclei.edges import at_own_level, rounded
from worker.segmenters.nuclei.joining import Sizes
from worker.segmenters.nuclei.masks import Mask, boxes, depth, opened, small_holes_filled
from worker.segmenters.nuclei.merging import merged
from worker.segmenters.nuclei.plane import Box, Floats, Plane
from worker.segmenters.nuclei.scene import FINE, Scene
from worker.segmenters.nuclei.shapes import moments_of, roundness
from worker.segmenters.nuclei.splitting import split

# In radii of a typical nucleus.
_BRIGHTNESS_BLUR, _DEPTH_BLUR = 0.15, 0.07
_OPENING = 0.45
# Below this radius in pixels an opening would eat nuclei.
_TINY = 4.0
# In areas of a typical nucleus.
_HOLE, _LEAST_HIDDEN, _LEAST = 0.1, 0.25, 0.08
# How much of a bump must be left of the depth, or of the brightness, for a seed of its own.
_FIRST_BUMP, _SECOND_BUMP = 0.02, 0.01
_FIRST_BRIGHTNESS, _SECOND_BRIGHTNESS = 0.7, 0.4
# A dim nucleus beside a bright one is above its own surroundings, unlike the glow between two.
_ABOVE_LEVEL, _AROUND = 1.4, 0.85
_ROUND, _HIDDEN_ROUND, _SINGLE_ROUND = 0.78, 0.75, 0.965
_ENOUGH, _LEAST_SPREAD = 8, 0.3
_SIGMAS = 3.0
# Less is what the smoothing makes of single bright pixels.
_FEWEST_PIXELS = 16


class Piece(Struct, frozen=True, kw_only=True, eq=False):
    """Heights above the background; ``bright`` are smoother ones, all of them positive."""

    heights: Floats
    bright: Floats


def piece_of(plane: Plane, box: Box, scene: Scene) -> Piece:
    """Read a piece of the picture."""
    pixels, ground = plane.part(box), scene.background.part(box)
    return Piece(
        heights=scene.smoothed(pixels, FINE) - ground,
        bright=np.maximum(scene.smoothed(pixels, _BRIGHTNESS_BLUR) - ground, scene.level / 5),
    )


def first_look(piece: Piece, scene: Scene, sizes: Sizes | None = None) -> Labels:
    """Return nuclei, each down to a level of its own: neighbours may still be one."""
    mask = _foreground(piece, scene)
    labels = _flooded(piece, mask.astype(np.int32), scene, _FIRST_BUMP, _FIRST_BRIGHTNESS)
    labels = merged(labels, piece.bright, sizes)
    if sizes:
        labels = split(labels, piece.bright, scene.area, sizes)
    return without_holes(at_own_level(labels, piece.heights))


def sizes_of(looks: list[Labels], scene: Scene) -> Sizes | None:
    """Return how large nuclei are, judged by those that are ellipses; None for too few."""
    areas = [
        float(moments[0])
        for labels in looks
        for number, box in boxes(labels)
        for moments in [moments_of(labels[box] == number)]
        if moments[0] > 0.15 * scene.area and roundness(moments) > _SINGLE_ROUND
    ]
    if len(areas) < _ENOUGH:
        return None
    logs = np.log(areas)
    middle = float(np.median(logs))
    spread = 1.4826 * float(np.median(np.abs(logs - middle)))
    return Sizes(middle=middle, spread=max(_LEAST_SPREAD, spread))


def nuclei(piece: Piece, scene: Scene, sizes: Sizes | None) -> Labels:
    """Return the labels of the nuclei in a piece."""
    clear = first_look(piece, scene, sizes) > 0
    hidden = _hidden(piece, clear, scene)
    if scene.radius > _TINY:
        clear = opened(clear, 1.0)
    # Neither are clear ones joined with hidden ones, nor parts that don't touch.
    parts = connected_parts(np.where(clear, 1, 2 * hidden), background=0, connectivity=1)
    labels = _flooded(piece, parts.astype(np.int32), scene, _SECOND_BUMP, _SECOND_BRIGHTNESS)
    # Twice, since of two cuts the second may show that the first was in the wrong place.
    for _ in range(2):
        labels = split(merged(labels, piece.bright, sizes), piece.bright, scene.area, sizes)
    return _without_debris(rounded(at_own_level(labels, piece.heights)), piece, scene)


def _foreground(piece: Piece, scene: Scene) -> Mask:
    mask = piece.heights > scene.level
    if scene.radius > _TINY:
        mask = opened(mask, 1.0)
    return small_holes_filled(mask, _HOLE * scene.area)


def _flooded(piece: Piece, parts: Labels, scene: Scene, bump: float, brightness: float) -> Labels:
    """Return regions about the deep and bright places; rather too many than too few."""
    mask = parts > 0
    if not mask.any():
        return np.zeros_like(parts)
    blur = max(0.5, _DEPTH_BLUR * scene.radius)
    deep = ndimage.gaussian_filter(depth(parts), blur)
    # Of logarithms, so that a bump is a share of what it is on, be that large or small.
    ground = np.log(np.maximum(deep, 0.5)) + brightness * np.log(piece.bright)
    lowest = ground[mask].min() - 1
    maxima = h_maxima(np.where(mask, ground, lowest), bump) > 0
    seeds = connected_parts(maxima & mask)
    labels: Labels = watershed(-ground, seeds, mask=mask).astype(np.int32)
    return labels


def _hidden(piece: Piece, clear: Mask, scene: Scene) -> Mask:
    """Return the dim nuclei that bright ones' levels left out."""
    rest = (piece.heights > scene.level) & ~clear
    rest = opened(rest, max(2.0, _OPENING * scene.radius))
    candidates, _ = ndimage.label(rest)
    for number, box in boxes(candidates):
        mask = candidates[box] == number
        height = float(np.median(piece.heights[box][mask]))
        around = float(np.median(_around(piece.heights, mask, box)))
        if (
            mask.sum() < _LEAST_HIDDEN * scene.area
            or height < _ABOVE_LEVEL * scene.level
            or around > _AROUND * height
            or roundness(moments_of(mask)) < _HIDDEN_ROUND
        ):
            rest[box][mask] = False
    return rest


def _around(heights: Floats, mask: Mask, box: Box) -> Floats:
    """Return the heights of the pixels about two pixels off a mask."""
    ring = np.pad(mask, 3)
    ring = ndimage.binary_dilation(ring, iterations=2) ^ ring
    rows, columns = np.nonzero(ring)
    rows, columns = rows + box[0].start - 3, columns + box[1].start - 3
    inside = (rows >= 0) & (columns >= 0) & (rows < heights.shape[0])
    inside &= columns < heights.shape[1]
    ring_heights: Floats = heights[rows[inside], columns[inside]]
    return ring_heights


def _without_debris(labels: Labels, piece: Piece, scene: Scene) -> Labels:
    """Drop what is far too small, no ellipse at all, or hardly brighter than what is around."""
    kept = np.zeros(int(labels.max()) + 1, bool)
    for number, box in boxes(labels):
        mask = labels[box] == number
        around = _around(piece.heights, mask, box)
        contrast = np.median(piece.heights[box][mask]) - (
            np.percentile(around, 10) if around.size else 0
        )
        kept[number] = (
            mask.sum() > max(_FEWEST_PIXELS, _LEAST * scene.area)
            and roundness(moments_of(mask)) >= _ROUND
            and contrast > _SIGMAS * scene.noise
        )
    numbers = np.where(kept, np.cumsum(kept), 0).astype(np.int32)
    remaining: Labels = numbers[labels]
    return remaining

"""Tiles with overlap, and cells put together from them without seams."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from msgspec import Struct
from scipy import ndimage

from worker.segmenters.base import Labels
from worker.segmenters.nuclei.masks import boxes

Box = tuple[slice, slice]

_SAME = 0.5


class Tile(Struct, frozen=True, kw_only=True):
    """A piece of a picture: ``core`` is its own, ``whole`` has some of its neighbours', too."""

    core: Box
    whole: Box


def tiles(height: int, width: int, side: int, overlap: int) -> Iterator[Tile]:
    """Cut into tiles of about ``side``, each with ``overlap`` more on all sides."""
    rows, columns = (_cuts(length, side) for length in (height, width))
    for top, bottom in rows:
        for left, right in columns:
            yield Tile(
                core=(slice(top, bottom), slice(left, right)),
                whole=(
                    slice(max(0, top - overlap), min(height, bottom + overlap)),
                    slice(max(0, left - overlap), min(width, right + overlap)),
                ),
            )


def _cuts(length: int, side: int) -> list[tuple[int, int]]:
    count = max(1, round(length / side))
    edges = np.linspace(0, length, count + 1).astype(int).tolist()
    return list(pairwise(edges))


def put(result: Labels, count: int, found: Labels, tile: Tile, slack: int) -> int:
    """Add the cells that a tile found to the picture's, and return how many there are then.

    A tile's cells are those whose middle lies in its core, or up to ``slack`` pixels beside it:
    neighbours see a middle slightly elsewhere. One that is there already is not added again.
    """
    top, left = tile.whole[0].start, tile.whole[1].start
    for number, box in boxes(found):
        mask = found[box] == number
        y, x = ndimage.center_of_mass(mask)
        middle = (y + box[0].start + top, x + box[1].start + left)
        if not all(
            side.start - slack <= at < side.stop + slack
            for at, side in zip(middle, tile.core, strict=True)
        ):
            continue
        here = result[
            box[0].start + top : box[0].stop + top, box[1].start + left : box[1].stop + left
        ]
        free = mask & (here == 0)
        if free.sum() > _SAME * mask.sum():
            count += 1
            here[free] = count
    return count

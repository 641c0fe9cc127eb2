"""Which pixels belong to which cell: those whose centres are inside the outline.

Even-odd over all rings of a cell, holes among them. A centre that lies exactly on an edge belongs
to the cell if the edge bounds it on the left or at the top, and else to whatever is beyond: cells
that share an edge share out the centres on it, none twice. Coordinates on a grid of 1/1024 of a
pixel, as the middles of pixel edges are, are treated exactly; with others a centre nearer to an
edge than the precision of the numbers may fall to either side, the same in all exports.
"""

import numpy as np
from msgspec import Struct

from resolvers.exports.outlines import Numbers, Outlines, Positions

MAX_CROSSINGS = 2**25
"""Of rows with edges, over all cells of an image: takes 2 GiB of memory."""

_AT_ONCE = 2**20


class TooIntricate(Exception):
    """Outlines that cross more rows of pixels than can be held in memory."""


class Spans(Struct, frozen=True, kw_only=True, eq=False):
    """Pixels of cells, row by row: the columns from ``start`` up to, without, ``stop``.

    ``cell`` is the place of the cell among the outlines. Sorted by cell, row and start; those of a
    cell never overlap, those of different cells may.
    """

    cell: Numbers
    row: Numbers
    start: Numbers
    stop: Numbers


def spans_of(outlines: Outlines, *, width: int, height: int) -> Spans:
    """Return the pixels of each cell within an image of this size. Raise TooIntricate."""
    keys = _crossings(outlines, width, height)
    keys.sort()
    # Rings are closed, so each row crosses those of a cell an even number of times.
    starts, stops = keys[0::2], keys[1::2]
    filled = starts < stops
    starts, stops = starts[filled], stops[filled]
    places, start = np.divmod(starts, width + 1)
    cell, row = np.divmod(places, height)
    return Spans(cell=cell, row=row, start=start, stop=stops - places * (width + 1))


def _crossings(outlines: Outlines, width: int, height: int) -> Numbers:
    """Return where rows of centres cross edges: (cell · height + row) · (width + 1) + column."""
    top, bottom, cells = _edges(outlines)
    first = np.ceil(top[1] - 0.5).clip(0, height).astype(np.int64)
    counts = np.ceil(bottom[1] - 0.5).clip(0, height).astype(np.int64) - first
    behind = np.cumsum(counts)
    ahead = behind - counts
    total = int(behind[-1]) if len(behind) else 0
    if total > MAX_CROSSINGS:
        raise TooIntricate
    keys = np.empty(total, np.int64)
    begin = 0
    while begin < len(counts):
        before = int(ahead[begin])
        end = max(begin + 1, int(np.searchsorted(behind, before + _AT_ONCE, side="right")))
        edges = np.repeat(np.arange(begin, end), counts[begin:end])
        order = np.arange(before, before + len(edges))
        rows = first[edges] + order - ahead[edges]
        (x0, y0), (x1, y1) = top[:, edges], bottom[:, edges]
        x = x0 + (rows + 0.5 - y0) * (x1 - x0) / (y1 - y0)
        columns = np.ceil(x - 0.5).clip(0, width).astype(np.int64)
        keys[before : before + len(edges)] = (cells[edges] * height + rows) * (width + 1) + columns
        begin = end
    return keys


def _edges(outlines: Outlines) -> tuple[Positions, Positions, Numbers]:
    """Return upper ends, lower ends and cells of the edges that are not level.

    From top to bottom, whichever way the ring goes: neighbours then compute the same crossings.
    """
    positions = np.stack([outlines.x, outlines.y])
    rings = np.repeat(outlines.cells, np.diff(outlines.starts))
    inner = np.ones(positions.shape[1], np.bool_)
    inner[outlines.starts[1:] - 1] = False
    begin = np.flatnonzero(inner)
    one, other = positions[:, begin], positions[:, begin + 1]
    sloping = one[1] != other[1]
    one, other, begin = one[:, sloping], other[:, sloping], begin[sloping]
    falls = one[1] < other[1]
    return np.where(falls, one, other), np.where(falls, other, one), rings[begin]

"""The measures of cells' outlines, as real polygons and not as pixels."""

import numpy as np
from msgspec import Struct

from resolvers.exports.outlines import Numbers, Outlines, Positions


class Shapes(Struct, frozen=True, kw_only=True, eq=False):
    """One number for each cell, in pixels and square pixels.

    ``area`` is without holes, ``perimeter`` the length of the outline and of the holes' outlines,
    (``x``, ``y``) the centroid of the area. Boxes are the least and the greatest coordinates.
    """

    area: Positions
    perimeter: Positions
    x: Positions
    y: Positions
    left: Positions
    top: Positions
    right: Positions
    bottom: Positions

    @property
    def circularity(self) -> Positions:
        """4π · area ÷ perimeter²: 1 for a disc, less for everything else."""
        return 4 * np.pi * self.area / np.square(self.perimeter)


def shapes_of(outlines: Outlines) -> Shapes:
    """Measure the cells."""
    if not len(outlines.labels):
        nothing = np.zeros(0)
        return Shapes(**dict.fromkeys(Shapes.__struct_fields__, nothing))
    ring_starts = outlines.starts[:-1]
    cell_starts = np.flatnonzero(outlines.is_outer)
    position_starts = ring_starts[cell_starts]
    # From a corner of the cell: products of large coordinates would lose the small differences.
    lengths = np.diff(np.append(position_starts, len(outlines.x)))
    origin_x = np.repeat(outlines.x[position_starts], lengths)
    origin_y = np.repeat(outlines.y[position_starts], lengths)
    x, y = outlines.x - origin_x, outlines.y - origin_y
    next_x, next_y = np.roll(x, -1), np.roll(y, -1)
    ends = outlines.starts[1:] - 1

    def per_ring(terms: Positions) -> Positions:
        terms[ends] = 0.0  # from one ring to the next there is no edge
        return np.add.reduceat(terms, ring_starts)

    crossed = x * next_y - next_x * y
    doubled = per_ring(crossed.copy())
    # A ring counts whichever way it goes, a hole against its cell.
    sign = np.sign(doubled) * np.where(outlines.is_outer, 1, -1)
    area = np.add.reduceat(sign * doubled, cell_starts) / 2
    moment_x = np.add.reduceat(sign * per_ring((x + next_x) * crossed), cell_starts)
    moment_y = np.add.reduceat(sign * per_ring((y + next_y) * crossed), cell_starts)
    length = per_ring(np.hypot(next_x - x, next_y - y))
    return Shapes(
        area=area,
        perimeter=np.add.reduceat(length, cell_starts),
        x=outlines.x[position_starts] + moment_x / (6 * area),
        y=outlines.y[position_starts] + moment_y / (6 * area),
        left=np.minimum.reduceat(outlines.x, position_starts),
        top=np.minimum.reduceat(outlines.y, position_starts),
        right=np.maximum.reduceat(outlines.x, position_starts),
        bottom=np.maximum.reduceat(outlines.y, position_starts),
    )


def pixel_counts(cells: Numbers, lengths: Numbers, count: int) -> Numbers:
    """Return how many pixels each of ``count`` cells has, of the lengths of its spans."""
    return np.bincount(cells, lengths, count).astype(np.int64)

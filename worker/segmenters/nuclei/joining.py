"""Whether two neighbouring regions are one nucleus: the rule that merges and splits follow."""

import numpy as np
from msgspec import Struct

from worker.segmenters.nuclei.shapes import Moments, roundness, short_axis

# Fitted by logistic regression to neighbours in synthetic pictures of 14 kinds, those of
# benchmarks/segmentation, and rounded; the last two then set to what is most precise there.
_ROUNDER, _CUT, _DIP, _STEP, _SIZE, _CONSTANT = 42.0, 0.66, 1.9, -4.9, -1.2, 1.8
_MOST = 4.0
# From so many standard deviations above the usual size on, size speaks against one nucleus.
_USUAL = 0.5
# A crack between diagonal neighbours counts as two sides of pixels.
_STRAIGHT = 0.9


class Sizes(Struct, frozen=True, kw_only=True):
    """The logarithms of the areas of nuclei: median and standard deviation."""

    middle: float
    spread: float

    def excess(self, area: float) -> float:
        """Return by how many standard deviations an area is more than usual, 0 to 4."""
        above = (float(np.log(area)) - self.middle) / self.spread - _USUAL
        return min(max(above, 0.0), _MOST)


class Region(Struct, frozen=True, kw_only=True, eq=False):
    """A part of the foreground: its moments, mean brightness, and that of its brightest place."""

    moments: Moments
    mean: float
    top: float


def oneness(one: Region, other: Region, sides: int, between: float, sizes: Sizes | None) -> float:
    """Return how much speaks for one nucleus, against two where it is negative.

    ``sides`` is how many sides of pixels the regions share, ``between`` the mean brightness there.
    For one nucleus speak: together they are rounder than each for itself; the cut is as long as
    they are wide; it is as bright as they are. Against it: one is brighter than the other;
    together they are larger than nuclei here are.
    """
    both = one.moments + other.moments
    apart = one.moments[0] * roundness(one.moments) + other.moments[0] * roundness(other.moments)
    rounder = roundness(both) - float(apart / both[0])
    cut = _STRAIGHT * sides / min(short_axis(one.moments), short_axis(other.moments))
    dip = float(np.log(max(between, 1e-6) / min(one.top, other.top)))
    step = abs(float(np.log(one.mean / other.mean)))
    score = _CONSTANT + _ROUNDER * rounder + _CUT * min(cut, _MOST)
    score += _DIP * max(dip, -_MOST / 2) + _STEP * step
    return score + (_SIZE * sizes.excess(both[0]) if sizes else 0.0)

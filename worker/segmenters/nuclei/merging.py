"""Regions that are one nucleus are merged, the surest pair first."""

import heapq

import numpy as np
from numpy.typing import NDArray

from worker.segmenters.base import Labels
from worker.segmenters.nuclei.joining import Region, Sizes, oneness
from worker.segmenters.nuclei.plane import Floats


class _Shared:
    """The crack between two regions: sides of pixels, and the sum of the brightness along it."""

    __slots__ = ("sides", "total")

    def __init__(self, sides: int, total: float) -> None:
        self.sides, self.total = sides, total


class _Map:
    """Which regions lie beside which, kept while they are merged."""

    def __init__(self, labels: Labels, bright: Floats, sizes: Sizes | None) -> None:
        count = int(labels.max()) + 1
        y, x = np.nonzero(labels)
        owner, values = labels[y, x], bright[y, x].astype(np.float64)
        weights = (None, y, x, y * y, x * x, x * y, values)
        sums = [np.bincount(owner, weight, count) for weight in weights]
        self.moments = np.stack(sums[:6], axis=1).astype(np.float64)
        self.totals = sums[6]
        self.tops = np.zeros(count)
        np.maximum.at(self.tops, owner, values)
        self.sizes = sizes
        self.beside: list[dict[int, _Shared]] = [{} for _ in range(count)]
        for one, other, sides, total in _cracks(labels, bright):
            self.beside[one][other] = self.beside[other][one] = _Shared(sides, total)

    def oneness(self, one: int, other: int) -> float:
        shared = self.beside[one][other]
        between = shared.total / shared.sides
        return oneness(self._region(one), self._region(other), shared.sides, between, self.sizes)

    def _region(self, at: int) -> Region:
        moments = self.moments[at]
        return Region(moments=moments, mean=self.totals[at] / moments[0], top=self.tops[at])

    def merge(self, one: int, other: int) -> None:
        self.moments[one] += self.moments[other]
        self.totals[one] += self.totals[other]
        self.tops[one] = max(self.tops[one], self.tops[other])
        del self.beside[one][other], self.beside[other][one]
        for third, shared in self.beside[other].items():
            del self.beside[third][other]
            known = self.beside[one].get(third)
            if known is None:
                self.beside[one][third] = self.beside[third][one] = shared
            else:
                known.sides += shared.sides
                known.total += shared.total
        self.beside[other] = {}


def merged(labels: Labels, bright: Floats, sizes: Sizes | None) -> Labels:
    """Return the labels with those alike that are one nucleus. ``bright`` is positive."""
    world = _Map(labels, bright, sizes)
    count = len(world.beside)
    parent, age = np.arange(count), np.zeros(count, np.int64)
    heap: list[tuple[float, int, int, int, int]] = []

    def consider(one: int, other: int) -> None:
        score = world.oneness(one, other)
        if score > 0:
            heapq.heappush(heap, (-score, one, other, int(age[one]), int(age[other])))

    for one in range(count):
        for other in world.beside[one]:
            if one < other:
                consider(one, other)
    while heap:
        _, one, other, *ages = heapq.heappop(heap)
        if ages != [age[one], age[other]]:
            continue
        world.merge(one, other)
        parent[other] = one
        age[[one, other]] += 1
        for third in world.beside[one]:
            consider(min(one, third), max(one, third))
    together: Labels = _roots(parent)[labels].astype(np.int32)
    return together


def _roots(parent: NDArray[np.int64]) -> NDArray[np.int64]:
    while (parent[parent] != parent).any():
        parent = parent[parent]
    return parent


def _cracks(labels: Labels, bright: Floats) -> list[tuple[int, int, int, float]]:
    """Return for each pair of neighbours: both labels, sides of pixels, sum of brightness."""
    pairs, values = [], []
    for first, second in (
        (np.s_[:, :-1], np.s_[:, 1:]),
        (np.s_[:-1, :], np.s_[1:, :]),
    ):
        a, b = labels[first], labels[second]
        is_crack = (a != b) & (a > 0) & (b > 0)
        a, b = a[is_crack].astype(np.int64), b[is_crack].astype(np.int64)
        pairs.append(np.minimum(a, b) << 32 | np.maximum(a, b))
        values.append((bright[first] + bright[second])[is_crack] / 2)
    keys, inverse, sides = np.unique(np.concatenate(pairs), return_inverse=True, return_counts=True)
    totals = np.bincount(inverse, np.concatenate(values), len(keys))
    return list(
        zip(
            (keys >> 32).tolist(),
            (keys & 0xFFFFFFFF).tolist(),
            sides.tolist(),
            totals.tolist(),
            strict=True,
        )
    )

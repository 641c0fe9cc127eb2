"""Regions that are two nuclei are cut, by shape: where two ellipses fit better than one."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import watershed

from worker.segmenters.base import Labels
from worker.segmenters.nuclei.joining import Region, Sizes, oneness
from worker.segmenters.nuclei.masks import Mask, boxes, largest_part
from worker.segmenters.nuclei.plane import Floats
from worker.segmenters.nuclei.shapes import moments_of, roundness

# Rounder ones are one nucleus anyway; smaller ones, in areas of a typical nucleus, too.
_ROUND, _SMALL = 0.985, 0.7
_FEWEST, _SEED = 8, 0.6
_ITERATIONS, _MANY = 12, 1500
_DIRECTIONS = np.arange(4) * np.pi / 4


def split(labels: Labels, bright: Floats, area: float, sizes: Sizes | None) -> Labels:
    """Return the labels, those cut in two or more that are no single nucleus.

    ``area`` is a typical nucleus's; ``bright`` is positive.
    """
    result = labels.copy()
    following = int(labels.max()) + 1
    waiting = [(number, box) for number, box in boxes(labels)]
    while waiting:
        number, box = waiting.pop()
        mask = result[box] == number
        if mask.sum() < max(30.0, _SMALL * area) or roundness(moments_of(mask)) > _ROUND:
            continue
        part = _best_cut(mask, bright[box], sizes)
        if part is not None:
            result[box][part] = following
            waiting += [(number, box), (following, box)]
            following += 1
    return result


def _best_cut(mask: Mask, bright: Floats, sizes: Sizes | None) -> Mask | None:
    """Return the pixels of one of two nuclei; None where it is one."""
    cuts = [
        cut for pair in _two_ellipses(mask) for cut in (pair, *_along_valley(mask, pair, bright))
    ]
    if not cuts:
        return None
    scores = [_oneness(cut, mask & ~cut, bright, sizes) for cut in cuts]
    best = int(np.argmin(scores))
    return cuts[best] if scores[best] < 0 else None


def _two_ellipses(mask: Mask) -> Iterator[Mask]:
    """Yield the one of two parts that are most like ellipses, beginning in several directions."""
    points = np.stack(np.nonzero(mask), axis=1).astype(np.float64)
    offsets = points - points.mean(axis=0)
    seen: set[bytes] = set()
    for angle in _DIRECTIONS:
        is_first = _clustered(points, offsets @ (np.sin(angle), np.cos(angle)) > 0)
        part = np.zeros(mask.shape, bool)
        part[tuple(points[is_first].astype(int).T)] = True
        cut = _in_one_piece(mask, part)
        if cut is not None and cut.tobytes() not in seen:
            seen |= {cut.tobytes(), (mask & ~cut).tobytes()}
            yield cut


def _clustered(points: NDArray[np.float64], is_first: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Assign points to the nearer of two normal distributions, until nothing changes."""
    # Of a large region some points tell as much as all.
    step = 1 + len(points) // _MANY
    some, is_first = points[::step], is_first[::step]
    for _ in range(_ITERATIONS):
        nearer = _nearer(some, some, is_first)
        if (nearer == is_first).all():
            break
        is_first = nearer
    return _nearer(points, some, is_first)


def _nearer(
    points: NDArray[np.float64], members: NDArray[np.float64], is_first: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return which points are nearer to the first members' distribution than to the others'."""
    if min(is_first.sum(), (~is_first).sum()) < _FEWEST:
        return np.zeros(len(points), bool)
    return _farness(points, members[is_first]) < _farness(points, members[~is_first])


def _farness(points: NDArray[np.float64], members: NDArray[np.float64]) -> NDArray[np.float64]:
    offsets = points - members.mean(axis=0)
    spread = np.cov(members.T) + np.eye(2) / 12
    squares: NDArray[np.float64] = (offsets @ np.linalg.inv(spread) * offsets).sum(axis=1)
    return squares + float(np.log(np.linalg.det(spread)))


def _in_one_piece(mask: Mask, part: Mask) -> Mask | None:
    """Return a part such that neither it nor the rest falls apart; None where one is empty."""
    rest = largest_part(mask & ~largest_part(part))
    cut = mask & ~rest
    return cut if cut.any() and rest.any() else None


def _along_valley(mask: Mask, part: Mask, bright: Floats) -> Iterator[Mask]:
    """Yield the cut between the two parts' middles where it is darkest."""
    seeds = np.zeros(mask.shape, np.int32)
    for number, half in enumerate((part, mask & ~part), 1):
        points = np.stack(np.nonzero(half), axis=1).astype(np.float64)
        if len(points) < _FEWEST:
            return
        offsets = points - points.mean(axis=0)
        spread = np.cov(points.T) + np.eye(2) / 12
        near = (offsets @ np.linalg.inv(spread) * offsets).sum(axis=1) < _SEED
        seeds[tuple(points[near].astype(int).T)] = number
    if seeds.max() == 2 and (seeds == 1).any():  # noqa: PLR2004
        cut = _in_one_piece(mask, watershed(-bright, seeds, mask=mask) == 1)
        if cut is not None:
            yield cut


def _oneness(one: Mask, other: Mask, bright: Floats, sizes: Sizes | None) -> float:
    sides, total = 0, 0.0
    for first, second in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1, :], np.s_[1:, :])):
        is_crack = (one[first] & other[second]) | (other[first] & one[second])
        sides += int(is_crack.sum())
        total += float((bright[first] + bright[second])[is_crack].sum()) / 2
    return oneness(_region(one, bright), _region(other, bright), sides, total / sides, sizes)


def _region(mask: Mask, bright: Floats) -> Region:
    values = bright[mask]
    return Region(moments=moments_of(mask), mean=float(values.mean()), top=float(values.max()))

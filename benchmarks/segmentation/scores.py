"""Average precision as the 2018 Data Science Bowl and StarDist count it."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

LEVELS = tuple(np.arange(0.5, 0.95, 0.05).round(2).tolist())


def overlaps(truth: NDArray[np.int32], found: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return intersection over union of each true cell (row) with each found one (column)."""
    rows, columns = int(truth.max()) + 1, int(found.max()) + 1
    pairs = truth.ravel().astype(np.int64) * columns + found.ravel()
    common = np.bincount(pairs, minlength=rows * columns).reshape(rows, columns)
    union = common.sum(axis=1, keepdims=True) + common.sum(axis=0, keepdims=True) - common
    # A label that isn't used has no pixels, and no union with another such.
    ratios: NDArray[np.float64] = common / np.maximum(union, 1)
    return ratios[1:, 1:]


def average_precision(
    truth: NDArray[np.int32], found: NDArray[np.int32], level: float = 0.5
) -> float:
    """Return TP / (TP + FP + FN), where a pair is a match beyond that intersection over union.

    From 0.5 on a cell can match but one other. Where nothing is and nothing was found it is 1.
    """
    matches = int((overlaps(truth, found) > level).sum())
    everything = len(np.unique(truth[truth > 0])) + len(np.unique(found[found > 0])) - matches
    return matches / everything if everything else 1.0


def mean_precision(truth: NDArray[np.int32], found: NDArray[np.int32]) -> float:
    """Return the mean of average precision over LEVELS."""
    return mean(average_precision(truth, found, level) for level in LEVELS)


def mean(values: Iterable[float]) -> float:
    """Return the mean of at least one value."""
    return float(np.mean(list(values)))

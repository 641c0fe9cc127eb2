"""Scores ``watershed`` beside a plain watershed: ``python -m benchmarks.segmentation``."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import description
from benchmarks.segmentation import plain
from benchmarks.segmentation.scores import average_precision, mean, mean_precision
from benchmarks.segmentation.synthetic import KINDS, picture
from benchmarks.tables import show
from worker.pictures import Picture
from worker.segmenters.watershed import Watershed

# Others than what the rules were fitted to, and than the tests look at.
SEEDS = range(100, 105)
_HEADER = ("nuclei", "AP at 0.5", "plain", "mean AP, 0.5–0.9", "plain", "images/s", "plain")

Segment = Callable[[NDArray[Any]], NDArray[np.int32]]


def ours(pixels: NDArray[Any]) -> NDArray[np.int32]:
    """Segment by ``watershed`` with its own threshold."""
    whole = Picture(pixels=pixels, is_colour=pixels.ndim > 2)
    return Watershed().segment(whole, threshold=None, report=lambda _: None)


def main() -> None:
    """Print the table."""
    rows, everything = [], []
    for name in KINDS:
        numbers = [*_measured(name, ours), *_measured(name, plain.segment)]
        everything.append(numbers)
        rows.append((name, *_written(numbers)))
    average = np.mean(everything, axis=0).tolist()
    show(_HEADER, [*rows, ("all", *_written(average))], description())


def _measured(name: str, segment: Segment) -> tuple[float, float, float]:
    """Return average precision at 0.5, its mean over levels, and pictures a second of CPU."""
    cases = [picture(KINDS[name], seed) for seed in SEEDS]
    start = time.process_time()
    found = [segment(pixels) for pixels, _ in cases]
    seconds = time.process_time() - start
    pairs = [(truth, labels) for (_, truth), labels in zip(cases, found, strict=True)]
    return (
        mean(average_precision(*pair) for pair in pairs),
        mean(mean_precision(*pair) for pair in pairs),
        len(cases) / seconds,
    )


def _written(numbers: list[float]) -> tuple[str, ...]:
    ap, mean_ap, rate, plain_ap, plain_mean, plain_rate = numbers
    precisions = (ap, plain_ap, mean_ap, plain_mean)
    return (*(f"{value:.3f}" for value in precisions), f"{rate:.1f}", f"{plain_rate:.1f}")


if __name__ == "__main__":
    main()

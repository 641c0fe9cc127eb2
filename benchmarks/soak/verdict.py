"""What the samples say: is memory flat, and is nothing kept of those who left?"""

from collections.abc import Sequence
from statistics import linear_regression, mean, median

from benchmarks.soak.gauges import Sample

POOL = 10
"""Connections to the database that a hub keeps, at most."""

_GROWTH = 0.03
_TASKS, _FILES = 2, 3
_NOISE = 2.0


def halves(samples: Sequence[Sample]) -> tuple[Sequence[Sample], Sequence[Sample]]:
    """Cut in the middle. What is filled once fills in the first half; a leak goes on."""
    middle = len(samples) // 2
    return samples[:middle], samples[middle:]


def growth(samples: Sequence[Sample]) -> tuple[float, float]:
    """Return by how much memory grew, and what of it may be noise, in MiB.

    The noise is twice the standard error of a line through the medians of ten stretches: single
    samples depend on those before, and would make the error look smaller than it is.
    """
    size = max(1, len(samples) // 10)
    stretches = [samples[first : first + size] for first in range(0, len(samples), size)]
    times = [mean(sample.seconds for sample in stretch) for stretch in stretches]
    values = [median(sample.memory for sample in stretch) for stretch in stretches]
    slope, base = linear_regression(times, values)
    residuals = [value - base - slope * at for at, value in zip(times, values, strict=True)]
    middle = mean(times)
    spread = sum((at - middle) ** 2 for at in times)
    error = (sum(r * r for r in residuals) / max(1, len(times) - 2) / spread) ** 0.5
    seconds = samples[-1].seconds - samples[0].seconds
    return slope * seconds, _NOISE * error * seconds


def is_flat(samples: Sequence[Sample]) -> bool:
    """Tell whether memory did not grow in the second half: within the noise, or next to nothing."""
    _, second = halves(samples)
    grown, noise = growth(second)
    return grown <= max(noise, _GROWTH * mean(sample.memory for sample in second))


def left_over(before: Sample, after: Sample) -> list[str]:
    """Return what the hub still has of clients that are gone."""
    found = {
        "sockets": after.sockets,
        "streams": after.streams,
        "watched projects": after.watched,
        "tasks": max(0, after.tasks - before.tasks - _TASKS),
        "open files": max(0, after.files - before.files - _FILES),
        "connections to the database": max(0, after.database - max(POOL, before.database)),
    }
    return [f"{count} {what} too many" for what, count in found.items() if count]

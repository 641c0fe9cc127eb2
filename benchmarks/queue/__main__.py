"""Measures the queue alone, and prints its tables: ``python -m benchmarks.queue``."""

from rich.console import Console

from benchmarks.machine import description
from benchmarks.queue.comparison import compare
from benchmarks.queue.report import NUMBERS, RATES, numbers, rates
from benchmarks.tables import show


def main() -> None:
    """Measure, and print."""
    found = compare(Console(stderr=True))
    show(RATES, rates(found), description())
    show(NUMBERS, numbers(found), description())


if __name__ == "__main__":
    main()

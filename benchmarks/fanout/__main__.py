"""Measures the fan-out alone: ``python -m benchmarks.fanout``."""

from rich.console import Console

from benchmarks.fanout.comparison import compare
from benchmarks.fanout.report import HEADER, budgets, servers
from benchmarks.machine import description
from benchmarks.tables import show


def main() -> None:
    """Measure, and print both tables."""
    numbers = compare(Console(stderr=True))
    show(HEADER, servers(numbers), description())
    show(("what", "measured", "budget"), budgets(numbers), description())


if __name__ == "__main__":
    main()

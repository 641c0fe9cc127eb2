"""The numbers of the queue as tables."""

from collections.abc import Sequence

from benchmarks.queue.comparison import ALONE, Found
from benchmarks.queue.numbers import Numbers

RATES = (
    "people × projects: workers",
    "a second, of 1,000",
    "a second, of 1,000,000",
    "time ×",
    "CPU of the hub",
    "CPU ×",
    "CPU of PostgreSQL",
    "time ÷ plain",
)
NUMBERS = ("people × projects: what", "of 1,000", "of 1,000,000")


def rates(found: Found) -> list[Sequence[str]]:
    """Return a row for each kind and number of workers: short queue, long queue, and the ratios."""
    rows: list[Sequence[str]] = []
    for (crowd, workers), (short, long) in found.rates.items():
        plain = found.rates[ALONE, workers._replace(key="plain")][1]
        http = workers.key != "plain"
        done = "claim and complete" if workers.completes else "claim"
        rows.append(
            (
                f"{crowd.people} × {crowd.projects}: {workers.number} {workers.key}, {done}",
                f"{1e6 / short.wall:,.0f}",
                f"{1e6 / long.wall:,.0f}",
                f"{long.wall / short.wall:.2f}",
                f"{long.hub:,.0f} µs" if http else "",
                f"{long.hub / short.hub:.2f}" if http else "",
                f"{long.postgres:,.0f} µs",
                f"{long.wall / plain.wall:.1f}" if http else "",
            )
        )
    return rows


def numbers(found: Found) -> list[Sequence[str]]:
    """Return a row for each question."""
    return [
        (
            f"{crowd.people} × {crowd.projects}: {name}",
            *(f"{getattr(each, name):.1f} ms" for each in lengths),
        )
        for crowd, lengths in found.numbers.items()
        for name in Numbers._fields
    ]

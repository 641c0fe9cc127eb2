"""Measures, and prints what README quotes: ``make bench``."""

import tempfile
from pathlib import Path

from rich.console import Console

from benchmarks.fanout import comparison, report
from benchmarks.hubs import database, hub
from benchmarks.machine import description
from benchmarks.pages import pages
from benchmarks.peers.apollo import apollo
from benchmarks.queue import __main__ as queue
from benchmarks.segmentation import __main__ as segmentation
from benchmarks.status import Project, alternating
from benchmarks.tables import show
from benchmarks.uploads import upload

SMALL, LARGE = 1_000, 1_000_000
CALLS, BATCHED = 150, 1_500
console = Console(stderr=True)


def main() -> None:
    """Run all measurements and print their tables."""
    changes = _changes()
    numbers = comparison.compare(console)
    show(report.HEADER, report.servers(numbers), description())
    show(("what", "measured", "budget"), changes + report.budgets(numbers), description())
    queue.main()
    segmentation.main()


def _changes() -> list[tuple[str, str, str]]:
    """Measure what changes cost, and pages."""
    with (
        tempfile.TemporaryDirectory(prefix="cellhub-bench-data-") as folder,
        database() as url,
        hub(url, Path(folder)) as server,
        apollo(url) as peer,
    ):
        say = console.print
        say("Seeding projects of 1,000 and of 1,000,000 images …")
        small, large = (Project.of_size(server, url, size) for size in (SMALL, LARGE))
        theirs = small.elsewhere(peer)
        say("Setting statuses one by one …")
        one, one_large, other = alternating(
            [
                (server, small.one_by_one),
                (server, large.one_by_one),
                (peer, theirs.one_by_one),
            ],
            CALLS,
        )
        say("Setting statuses in hundreds …")
        many, many_large = alternating(
            [(server, small.in_hundreds), (server, large.in_hundreds)], BATCHED
        )
        say("Turning pages …")
        paging = pages(large, 500)
        say("Uploading 1,000 images …")
        uploaded = upload(server, 1_000)
    return [
        ("status, one a call: CPU of the hub", f"{one.cpu:,.0f} µs", ""),
        ("the same on Apollo Server + pg", f"{other.cpu:,.0f} µs", ""),
        ("hub ÷ Apollo Server: CPU", f"{one.cpu / other.cpu:.2f}", "≤ 1.5"),
        ("status, one a call: time for a call", f"{one.wall / 1e3:.2f} ms", ""),
        ("1,000,000 images ÷ 1,000: CPU", f"{one_large.cpu / one.cpu:.2f}", "≤ 1.2"),
        ("1,000,000 images ÷ 1,000: time", f"{one_large.wall / one.wall:.2f}", "≤ 1.2"),
        ("status, 100 a call: CPU a change", f"{many.cpu:.0f} µs", "≤ 60 µs"),
        ("status, 100 a call: time a change", f"{many.wall:.0f} µs", ""),
        ("1,000,000 images ÷ 1,000: time", f"{many_large.wall / many.wall:.2f}", "≤ 1.2"),
        ("page 1 of 100, of 1,000,000 images", f"{paging.first:.1f} ms", ""),
        ("page 500 ÷ page 1", f"{paging.distant / paging.first:.2f}", ""),
        ("upload of 1,000 16-bit TIFFs in one call", f"{uploaded.wall:.1f} s", ""),
        ("that is", f"{uploaded.size / uploaded.wall / 1e6:.0f} MB/s", ""),
        ("of it CPU of the hub, decoders aside", f"{uploaded.cpu:.1f} s", ""),
    ]


if __name__ == "__main__":
    main()

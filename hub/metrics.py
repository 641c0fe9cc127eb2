"""What the hub counts, for Prometheus.

Several workers share their numbers through files, in the folder that ``PROMETHEUS_MULTIPROC_DIR``
names, so that whichever worker is asked answers for all of them.
"""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NoReturn

import psutil
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.requests import Request
from starlette.responses import Response

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The counters of one application. Its methods cost about a microsecond and never raise."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._followed: list[Callable[[], None]] = []
        self._operations = Counter(
            "cellhub_graphql_operations",
            "GraphQL executions that ended, by type and outcome (ok, or the first error's code)",
            ["type", "outcome"],
            registry=registry,
        )
        self._operation_seconds = Histogram(
            "cellhub_graphql_operation_seconds",
            "Time to execute one, from its arrival to its result",
            ["type"],
            buckets=_SECONDS,
            registry=registry,
        )

    def operation_ended(self, kind: str, outcome: str, seconds: float | None) -> None:
        """Count a query, a mutation or an event of a subscription, "ok" or failed with a code.

        A subscription that failed itself has no time.
        """
        self._operations.labels(kind, outcome).inc()
        if seconds is not None:
            self._operation_seconds.labels(kind).observe(seconds)

    def follow(
        self,
        name: str,
        documentation: str,
        read: Callable[[], float],
        *,
        over_workers: Literal["livesum", "livemin"] = "livesum",
    ) -> None:
        """Show a number that is kept elsewhere as a gauge; ``name`` goes without the hub's prefix.

        ``over_workers`` tells what is shown of several workers: their sum, or the least.
        """
        gauge = Gauge(
            f"cellhub_{name}",
            documentation,
            multiprocess_mode=over_workers,
            registry=self._registry,
        )
        self._followed.append(lambda: gauge.set(read()))

    def follow_total(self, name: str, documentation: str, read: Callable[[], float]) -> None:
        """Show a number that is kept elsewhere and only rises, as the counter ``…_total``.

        Of several workers their sum is shown, with what those counted that have ended.
        """
        counter = Counter(f"cellhub_{name}", documentation, registry=self._registry)
        shown = 0.0

        def catch_up() -> None:
            nonlocal shown
            now = read()
            counter.inc(now - shown)
            shown = now

        self._followed.append(catch_up)

    async def keep_fresh(self, *, every_seconds: float = 5.0) -> NoReturn:
        """Read the followed numbers now and then, so that other workers can show them."""
        while True:
            self._read_followed()
            await asyncio.sleep(every_seconds)

    async def endpoint(self, request: Request) -> Response:
        """Answer a scrape."""
        self._read_followed()
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        registry = self._registry
        if folder := os.environ.get(SHARED_FOLDER):
            _forget_the_dead(Path(folder))
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return Response(encode(registry), headers={"content-type": content_type})

    def _read_followed(self) -> None:
        for refresh in self._followed:
            refresh()


def _forget_the_dead(folder: Path) -> None:
    """Drop what a worker that was killed had open: it won't count it down any more."""
    for path in folder.glob("gauge_live*_*.db"):
        if not psutil.pid_exists(int(path.stem.rpartition("_")[2])):
            path.unlink(missing_ok=True)

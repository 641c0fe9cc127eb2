"""Metrics: what is counted is what a scrape shows, for one process and for several."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.routing import Route

from hub.metrics import Metrics
from tests.hubs import running_hub


def parsed(text: str) -> dict[str, float]:
    return {
        sample.name + "".join(f"|{value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith(("_created", "_bucket"))
    }


async def scraped(metrics: Metrics) -> dict[str, float]:
    app = Starlette(routes=[Route("/metrics", metrics.endpoint)])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
        answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return parsed(answer.text)


async def test_what_is_counted_is_shown() -> None:
    metrics = Metrics()
    metrics.operation_ended("mutation", "ok", 0.25)
    metrics.operation_ended("mutation", "ok", 0.5)
    metrics.operation_ended("event", "FORBIDDEN", 0.125)
    assert await scraped(metrics) == {
        "cellhub_graphql_operations_total|ok|mutation": 2,
        "cellhub_graphql_operations_total|FORBIDDEN|event": 1,
        "cellhub_graphql_operation_seconds_count|mutation": 2,
        "cellhub_graphql_operation_seconds_sum|mutation": 0.75,
        "cellhub_graphql_operation_seconds_count|event": 1,
        "cellhub_graphql_operation_seconds_sum|event": 0.125,
    }


async def test_two_applications_count_for_themselves() -> None:
    first, second = Metrics(), Metrics()
    first.operation_ended("query", "ok", 0.25)
    assert await scraped(second) == {}


async def test_a_followed_number_is_read_at_each_scrape() -> None:
    metrics, queue = Metrics(), [1]
    metrics.follow("bus_waiting", "Messages that wait", lambda: len(queue))
    assert (await scraped(metrics))["cellhub_bus_waiting"] == 1
    queue.append(2)
    assert (await scraped(metrics))["cellhub_bus_waiting"] == 2


async def test_a_followed_total_is_shown_as_a_counter_however_often_it_is_read() -> None:
    metrics, received = Metrics(), [1, 2, 3]
    metrics.follow_total("received", "Messages received", lambda: len(received))
    for _ in range(2):
        assert (await scraped(metrics))["cellhub_received_total"] == 3
    received += [4, 5]
    assert (await scraped(metrics))["cellhub_received_total"] == 5


async def test_a_hub_calls_totals_what_only_rises_and_the_manual_names_what_it_shows(
    database_url: str, tmp_path: Path
) -> None:
    async with running_hub(database_url, tmp_path) as hub:
        text = (await hub.http.get("/metrics")).text
    kinds = dict(re.findall(r"^# TYPE (cellhub_\w+?) (\w+)$", text, re.MULTILINE))
    # The moment at which a counter began is a gauge beside it.
    kinds = {name: kind for name, kind in kinds.items() if not name.endswith("_created")}
    assert {name for name, kind in kinds.items() if kind == "counter"} == {
        "cellhub_graphql_operations_total",
        "cellhub_bus_rebuilds_total",
        "cellhub_bus_messages_received_total",
        "cellhub_bus_messages_dropped_total",
    }
    assert {name for name in kinds if name.endswith("_total")} == {
        name for name, kind in kinds.items() if kind == "counter"
    }
    manual = (Path(__file__).parents[2] / "docs" / "operating.md").read_text()
    assert set(re.findall(r"`(cellhub_\w+)`", manual)) <= kinds.keys()


async def test_a_followed_number_is_kept_fresh_between_scrapes() -> None:
    metrics, reads = Metrics(), asyncio.Queue[None]()

    def read() -> float:
        reads.put_nowait(None)
        return 1

    metrics.follow("reads", "Times it was read", read)
    fresh = asyncio.create_task(metrics.keep_fresh(every_seconds=0.001))
    for _ in range(3):
        await reads.get()
    fresh.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fresh


_WORKER = """
import asyncio
import sys
from starlette.requests import Request
from hub.metrics import Metrics
metrics = Metrics()
metrics.follow("watched", "Projects watched", lambda: 10)
received = 0
metrics.follow_total("received", "Messages received", lambda: received)
healthy = float(sys.argv[1])
metrics.follow("healthy", "1 where all is well", lambda: healthy, over_workers="livemin")
for line in sys.stdin:
    if line == "count\\n":
        metrics.operation_ended("event", "ok", 0.5)
        received += 3
    answer = asyncio.run(metrics.endpoint(Request({"type": "http", "headers": []})))
    print(len(answer.body))
    print(bytes(answer.body).decode(), end="", flush=True)
"""


class Worker:
    """A process that counts what it is told to, and tells what all of them count."""

    def __init__(self, shared: Path, *, healthy: int = 1) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _WORKER, str(healthy)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PROMETHEUS_MULTIPROC_DIR": str(shared)},
        )

    def told(self, command: str) -> dict[str, float]:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()
        return parsed(self.process.stdout.read(int(self.process.stdout.readline())))

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def test_any_worker_answers_for_all_but_not_for_the_gauges_of_the_dead(tmp_path: Path) -> None:
    first, second = Worker(tmp_path), Worker(tmp_path)
    try:
        first.told("count")
        second.told("count")
        both = first.told("show")
        assert both["cellhub_graphql_operations_total|ok|event"] == 2
        assert both["cellhub_received_total"] == 6
        assert both["cellhub_watched"] == 20
        second.kill()
        left = first.told("show")
        assert left["cellhub_graphql_operations_total|ok|event"] == 2
        assert left["cellhub_received_total"] == 6
        assert left["cellhub_watched"] == 10
    finally:
        first.kill()
        second.kill()


def test_all_is_well_where_it_is_with_every_worker(tmp_path: Path) -> None:
    first, second = Worker(tmp_path), Worker(tmp_path, healthy=0)
    try:
        second.told("show")
        assert first.told("show")["cellhub_healthy"] == 0
        second.kill()
        assert first.told("show")["cellhub_healthy"] == 1
    finally:
        first.kill()
        second.kill()

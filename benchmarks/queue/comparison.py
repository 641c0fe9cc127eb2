"""The comparison: queues of a thousand jobs and of a million, of one person and of many."""

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from rich.console import Console

from benchmarks.hubs import database, hub
from benchmarks.queue.numbers import Numbers, numbers
from benchmarks.queue.rates import Queue, Rate, Workers, new_member, new_worker_key, rates
from benchmarks.queue.seeds import database_of, fill
from benchmarks.queue.workers import plain_queue

LENGTHS = (1_000, 1_000_000)


class Crowd(NamedTuple):
    """So many people with so many projects each."""

    people: int
    projects: int


ALONE, MANY = Crowd(1, 1), Crowd(20, 50)
WORKERS = (
    *(Workers("worker", number, completes=False) for number in (1, 8, 32)),
    *(Workers("worker", number, completes=True) for number in (1, 8)),
    Workers("member", 8, completes=False),
    *(Workers("plain", number, completes=False) for number in (1, 8, 32)),
    *(Workers("plain", number, completes=True) for number in (1, 8)),
)


class Found(NamedTuple):
    """What was measured, for each length of the queue."""

    rates: dict[tuple[Crowd, Workers], Sequence[Rate]]
    numbers: dict[Crowd, Sequence[Numbers]]


def compare(console: Console) -> Found:
    """Measure everything; takes some minutes."""
    found = Found(rates={}, numbers={})
    with database() as server_url:
        for crowd in (ALONE, MANY):
            console.print(f"Seeding queues of {crowd.people} × {crowd.projects} projects …")
            with ExitStack() as stack:
                queues = [stack.enter_context(_queue(server_url, crowd, jobs)) for jobs in LENGTHS]
                for workers in WORKERS:
                    if crowd == ALONE or workers.key != "plain":
                        console.print(f"Working: {workers} …")
                        found.rates[crowd, workers] = rates(queues, workers)
                console.print("Asking …")
                found.numbers[crowd] = [numbers(queue) for queue in queues]
    return found


@contextmanager
def _queue(server_url: str, crowd: Crowd, jobs: int) -> Iterator[Queue]:
    """Serve a hub with a queue of so many jobs, and as many that ended within a day."""
    name = f"queue_{crowd.people}_{jobs}"
    with (
        tempfile.TemporaryDirectory(prefix="cellhub-bench-queue-") as folder,
        database_of(server_url, name) as database_url,
        hub(database_url, Path(folder)) as server,
    ):
        member_key, user_id = new_member(server)
        asyncio.run(
            fill(
                database_url,
                UUID(user_id.removeprefix("usr_")),
                people=crowd.people,
                projects=crowd.projects,
                jobs=jobs,
                ended=jobs,
            )
        )
        asyncio.run(plain_queue(database_url, jobs))
        yield Queue(
            server=server,
            database_url=database_url,
            worker_key=asyncio.run(new_worker_key(database_url)),
            member_key=member_key,
        )

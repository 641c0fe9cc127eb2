"""How fast jobs are handed out, by hubs with queues of any length, and by a plain table."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from benchmarks.hubs import Server, signed_up
from benchmarks.queue.seeds import connected, restock
from benchmarks.queue.workers import (
    Work,
    http_workers,
    plain_workers,
    restock_plain,
    seconds_of,
)
from persistence.database import Database
from resolvers import worker_keys
from resolvers.passwords import Passwords

ROUNDS = 3
JOBS = 240
_WARM_UP = 40

Open = Callable[[AsyncExitStack], Coroutine[Any, Any, Sequence[Work]]]


class Rate(NamedTuple):
    """Microseconds a job: on the clock, of the hub's CPU and of PostgreSQL's."""

    wall: float
    hub: float
    postgres: float


class Queue(NamedTuple):
    """A hub with a queue of some length; a key of a worker that serves all, and of a member."""

    server: Server
    database_url: str
    worker_key: str
    member_key: str


class Workers(NamedTuple):
    """So many; by ``key`` those of a hub ("worker", "member") or of the plain table ("plain")."""

    key: str
    number: int
    completes: bool


def new_member(server: Server) -> tuple[str, str]:
    """Sign up whoever the members' key belongs to; return the key and the user's id."""
    token, user_id = signed_up(server, "member")
    made = server.ask(
        "mutation($i: CreateApiKeyInput!) { createApiKey(input: $i) { secret } }",
        token,
        i={"name": "bench"},
    )["createApiKey"]
    return made["secret"], user_id


async def new_worker_key(database_url: str) -> str:
    """Make a key that serves all projects."""
    database, passwords = Database(database_url, on_commit=lambda _: None), Passwords()
    try:
        return await worker_keys.create(database, passwords, name="bench")
    finally:
        passwords.close()
        await database.close()


def rates(queues: Sequence[Queue], workers: Workers) -> list[Rate]:
    """Measure the workers on each of these queues in turns; return the best round of each."""
    rounds = [[asyncio.run(_rate(queue, workers)) for queue in queues] for _ in range(ROUNDS)]
    return [
        Rate(*(min(values) for values in zip(*of_one, strict=True)))
        for of_one in zip(*rounds, strict=True)
    ]


async def _rate(queue: Queue, workers: Workers) -> Rate:
    postmaster = await _postmaster(queue.database_url)
    async with AsyncExitStack() as stack:
        if workers.key == "plain":
            found = await plain_workers(
                stack, queue.database_url, workers.number, completes=workers.completes
            )
        else:
            key = queue.worker_key if workers.key == "worker" else queue.member_key
            found = await http_workers(
                stack, queue.server.url, key, workers.number, completes=workers.completes
            )
        await seconds_of(found, _WARM_UP)
        hub, postgres = queue.server.cpu_seconds(), _cpu_seconds(postmaster)
        wall = await seconds_of(found, JOBS)
        hub, postgres = queue.server.cpu_seconds() - hub, _cpu_seconds(postmaster) - postgres
    await (restock_plain if workers.key == "plain" else restock)(queue.database_url)
    return Rate(*(seconds / JOBS * 1e6 for seconds in (wall, hub, postgres)))


async def _postmaster(database_url: str) -> psutil.Process:
    connection = await connected(database_url)
    backend = psutil.Process(connection.get_server_pid())
    found = backend.parent()
    await connection.close()
    assert found is not None
    return found


def _cpu_seconds(postmaster: psutil.Process) -> float:
    """Return the CPU time that all backends which are there have taken so far."""
    taken = 0
    for process in postmaster.children():
        try:
            taken += int(Path(f"/proc/{process.pid}/schedstat").read_text().split()[0])
        except FileNotFoundError:
            continue
    return taken / 1e9

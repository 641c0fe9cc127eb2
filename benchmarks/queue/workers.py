"""Workers, many at once: of a hub over HTTP, and of a plain table over connections of their own."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import msgspec

from benchmarks.queue.seeds import connected

_CLAIM = """mutation Claim($input: ClaimSegmentationJobsInput!) {
    claimSegmentationJobs(input: $input) {
        claimed { lease job { id model threshold image { name url checksum sizeBytes } } } } }"""
_COMPLETE = """mutation Complete($input: CompleteSegmentationInput!) {
    completeSegmentation(input: $input) { image { id } } }"""
_NO_CELLS = {"type": "GeometryCollection", "geometries": []}

_TABLE = (
    """
    CREATE TABLE plain_jobs (id bigint PRIMARY KEY, image_id uuid NOT NULL, model text NOT NULL,
        state text NOT NULL DEFAULT 'QUEUED', worker text, started_at timestamptz,
        finished_at timestamptz)
    """,
    "CREATE INDEX ON plain_jobs (id) WHERE state = 'QUEUED'",
)
_ROWS = """
    INSERT INTO plain_jobs (id, image_id, model)
    SELECT n, uuidv7(), 'watershed' FROM generate_series(1, $1::int) AS n
"""
_TAKE = "SELECT * FROM plain_jobs WHERE state = 'QUEUED' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED"
_MARK = """
    UPDATE plain_jobs SET state = 'PROCESSING', worker = 'w', started_at = clock_timestamp()
    WHERE id = $1
"""
_END = "UPDATE plain_jobs SET state = 'SUCCEEDED', finished_at = clock_timestamp() WHERE id = $1"

Work = Callable[[], Awaitable[None]]
"""Hands a job out, and does with it what is measured."""


class HttpWorker:
    """A worker of a hub, on a connection that it keeps."""

    def __init__(self, address: str, key: str, *, completes: bool) -> None:
        self._host = urlsplit(address)
        self._head = (
            f"POST /graphql HTTP/1.1\r\nHost: {self._host.netloc}\r\n"
            f"Authorization: Bearer {key}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        )
        self._completes = completes
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def open(self) -> None:
        """Connect."""
        self._reader, self._writer = await asyncio.open_connection(
            self._host.hostname, self._host.port
        )

    async def close(self) -> None:
        """Disconnect."""
        self._writer.close()
        await self._writer.wait_closed()

    async def work(self) -> None:
        """Claim a job, and complete it if it is to."""
        claim = {"worker": "w", "models": ["watershed"]}
        [entry] = (await self._ask(_CLAIM, claim))["claimSegmentationJobs"]["claimed"]
        if self._completes:
            job = {"queueId": entry["job"]["id"], "lease": entry["lease"], "polygons": _NO_CELLS}
            await self._ask(_COMPLETE, job)

    async def _ask(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        body = msgspec.json.encode({"query": query, "variables": {"input": variables}})
        self._writer.write(f"{self._head}{len(body)}\r\n\r\n".encode() + body)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        answer = msgspec.json.decode(await self._reader.readexactly(length))
        if "errors" in answer:
            raise RuntimeError(answer["errors"])
        data: dict[str, Any] = answer["data"]
        return data


class PlainWorker:
    """A worker of a plain table: SELECT … FOR UPDATE SKIP LOCKED, UPDATE."""

    def __init__(self, connection: asyncpg.Connection, *, completes: bool) -> None:
        self._connection = connection
        self._completes = completes

    async def work(self) -> None:
        """Claim a job, and complete it if it is to."""
        async with self._connection.transaction():
            job_id = await self._connection.fetchval(_TAKE)
            await self._connection.execute(_MARK, job_id)
        if self._completes:
            await self._connection.execute(_END, job_id)


async def plain_queue(database_url: str, jobs: int) -> None:
    """Make the plain table, with so many jobs."""
    connection = await connected(database_url)
    for statement in _TABLE:
        await connection.execute(statement)
    await connection.execute(_ROWS, jobs)
    await connection.execute("VACUUM ANALYZE plain_jobs")
    await connection.close()


async def restock_plain(database_url: str) -> None:
    """Have all jobs of the plain table wait again."""
    connection = await connected(database_url)
    await connection.execute("UPDATE plain_jobs SET state = 'QUEUED' WHERE state <> 'QUEUED'")
    await connection.execute("VACUUM plain_jobs")
    await connection.close()


async def http_workers(
    stack: AsyncExitStack, address: str, key: str, count: int, *, completes: bool
) -> Sequence[Work]:
    """Return what so many workers of a hub do."""
    workers = [HttpWorker(address, key, completes=completes) for _ in range(count)]
    for worker in workers:
        await worker.open()
        stack.push_async_callback(worker.close)
    return [worker.work for worker in workers]


async def plain_workers(
    stack: AsyncExitStack, database_url: str, count: int, *, completes: bool
) -> Sequence[Work]:
    """Return what so many workers of the plain table do."""
    workers = []
    for _ in range(count):
        connection = await connected(database_url)
        stack.push_async_callback(connection.close)
        workers.append(PlainWorker(connection, completes=completes).work)
    return workers


async def seconds_of(workers: Sequence[Work], jobs: int) -> float:
    """Have the workers, all at once, do so many jobs in all; return how long it took."""
    left = iter(range(jobs))

    async def work(one: Work) -> None:
        for _ in left:
            await one()

    began = time.perf_counter()
    await asyncio.gather(*(work(one) for one in workers))
    return time.perf_counter() - began

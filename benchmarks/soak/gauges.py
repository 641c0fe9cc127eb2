"""What is looked at while the hub runs."""

import re
from contextlib import suppress

import asyncpg
import httpx
import msgspec
import psutil

from benchmarks.hubs import Server

_METRIC = re.compile(r"^cellhub_(\w+) (\S+)$", re.MULTILINE)
_CONNECTIONS = """SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """A look at the hub.

    ``memory`` is what its process has filled, in MiB, and ``decoders`` the RSS of its children.
    ``files`` leaves connections to the database aside, which are kept for the next who need one.
    """

    seconds: float
    memory: float
    decoders: float
    files: int
    tasks: int
    threads: int
    watched: int
    sockets: int
    streams: int
    database: int


class Gauges:
    """Reads them all."""

    def __init__(self, server: Server, database: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._server = server
        self._process = psutil.Process(server.pid)
        self._database = database

    async def read(self, seconds: float) -> Sample:
        """Look once; ``seconds`` says when that is."""
        # A connection that is kept would be seen itself.
        async with httpx.AsyncClient(base_url=self._server.url, timeout=60) as http:
            text = (await http.get("/metrics", headers={"Connection": "close"})).text
        metrics = {name: int(float(value)) for name, value in _METRIC.findall(text)}
        database = await self._database.fetchval(_CONNECTIONS)
        return Sample(
            seconds=seconds,
            memory=self._server.memory_bytes() / 2**20,
            decoders=self._decoders() / 2**20,
            files=self._process.num_fds() - database,
            tasks=metrics["asyncio_tasks"],
            threads=self._process.num_threads(),
            watched=metrics["watched_projects"],
            sockets=metrics["websocket_connections"],
            streams=metrics["event_streams"],
            database=database,
        )

    def _decoders(self) -> int:
        found = 0
        for child in self._process.children():
            # One that ends meanwhile is replaced.
            with suppress(psutil.NoSuchProcess):
                found += child.memory_info().rss
        return found

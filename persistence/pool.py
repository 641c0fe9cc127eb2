"""Connections: taken in turn, replaced where the server closed them, waited for at restarts."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal
from uuid import UUID
from weakref import WeakValueDictionary

import asyncpg
from sqlalchemy import make_url

from persistence.sql import Connection, Row
from persistence.trouble import DatabaseTrouble, StatementFailed, Unavailable

_NOT_CONNECTED = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)
_LONGEST_WAIT_SECONDS = 30.0
_CONNECT_SECONDS = 5.0
_RETRY_SECONDS = 0.05
# The server gives a statement up by itself; only one that says nothing any more takes longer.
_SILENCE = 1.5
# How long the server may go on with what nobody waits for any more. Almost everything ends sooner,
# which costs less than to cancel it, let alone to close the connection and open another.
_UNWANTED_SECONDS = 0.5


class Gate(asyncio.Semaphore):
    """Lets so many in at a time, in the order they came; sends away who has waited too long."""

    async def acquire(self) -> Literal[True]:
        """Enter, in turn; raises Unavailable."""
        if not self.locked():
            return await super().acquire()
        try:
            async with asyncio.timeout(_LONGEST_WAIT_SECONDS):
                return await super().acquire()
        except TimeoutError:
            raise Unavailable("Too much is asked of the database at once") from None


class Pool:
    """At most ``size`` connections to one PostgreSQL database.

    No viewer has more than half of them at a time, and all together leave one to the hub itself, so
    that it goes on to compare and repair whatever people ask for. Who waits, waits in line.

    When the server can't be reached, who wants a connection waits for it until ``patience_seconds``
    after the first failure, as long as a restart takes; later they are sent away at once.
    """

    def __init__(
        self, url: str, *, size: int, statement_timeout_seconds: float, patience_seconds: float
    ) -> None:
        self._options = _address(url) | {
            "timeout": _CONNECT_SECONDS,
            "command_timeout": statement_timeout_seconds * _SILENCE,
            "record_class": Row,
            # There are some hundred of them, all written by hand.
            "statement_cache_size": 300,
            "max_cached_statement_lifetime": 0,
            "max_cacheable_statement_size": 0,
            "server_settings": {
                "application_name": "cellhub",
                "jit": "off",
                "statement_timeout": str(round(statement_timeout_seconds * 1000)),
                "idle_in_transaction_session_timeout": "60000",
            },
        }
        self._idle: list[Connection] = []
        self._cleaning: set[asyncio.Task[None]] = set()
        self._places = Gate(size)
        self._viewers_places = Gate(max(1, size - 1))
        self._share = max(1, size // 2)
        self._shares: WeakValueDictionary[UUID, Gate] = WeakValueDictionary()
        self._patience_seconds = patience_seconds
        self._away_since: float | None = None

    @property
    def gates(self) -> Sequence[Gate]:
        """What the hub itself has to pass for a connection."""
        return (self._places,)

    def gates_of(self, viewer_id: UUID) -> Sequence[Gate]:
        """Return what a viewer's operations have to pass for a connection, one behind the other."""
        share = self._shares.get(viewer_id)
        if share is None:
            share = self._shares[viewer_id] = Gate(self._share)
        return (share, self._viewers_places, self._places)

    @asynccontextmanager
    async def connection(self, gates: Sequence[Gate]) -> AsyncIterator[Connection]:
        """Hold a connection; a transaction left open in it is rolled back. Raises Unavailable."""
        passed: list[Gate] = []
        try:
            for gate in gates:
                await gate.acquire()
                passed.append(gate)
            connection = self._idle_one() or await self._opened(passed)
            try:
                yield connection
            finally:
                if connection.idle:
                    self._idle.append(connection)
                else:
                    await self._aside(self._clean_up(connection), passed)
        finally:
            _leave(passed)

    async def close(self) -> None:
        """Close all connections, when nobody is in a block any more."""
        await asyncio.gather(*self._cleaning)
        await self._close_idle()

    def _idle_one(self) -> Connection | None:
        """Return a connection that was used before, passing over those that have closed since."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed:
                return connection
        return None

    async def _close_idle(self) -> None:
        idle, self._idle = self._idle, []
        await asyncio.gather(*(connection.close() for connection in idle))

    async def _opened(self, passed: list[Gate]) -> Connection:
        """Return a new connection. If nobody waits for it any more, it is for others."""
        opening = asyncio.create_task(self._connect())
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            await self._aside(self._keep(opening), passed)
            raise

    async def _aside(self, work: Coroutine[Any, Any, None], passed: list[Gate]) -> None:
        """Wait for work that goes on if nobody waits any more; its place is taken until its end."""
        task = asyncio.create_task(_in_place(work, passed.copy()))
        passed.clear()
        self._cleaning.add(task)
        task.add_done_callback(self._cleaning.discard)
        await asyncio.shield(task)

    async def _keep(self, opening: "asyncio.Task[Connection]") -> None:
        """Have a connection that nobody waits for, unless it takes long to open."""
        await asyncio.wait({opening}, timeout=_UNWANTED_SECONDS)
        if not opening.done():
            opening.cancel()
            await asyncio.wait({opening})
        if not opening.cancelled() and opening.exception() is None:
            self._idle.append(opening.result())

    async def _clean_up(self, connection: Connection) -> None:
        """Make a connection fit for others, or close it where it stays at something."""
        with suppress(TimeoutError, DatabaseTrouble, StatementFailed):
            async with asyncio.timeout(_UNWANTED_SECONDS):
                await connection.settle()
        if connection.idle:
            self._idle.append(connection)
            return
        if connection.closed:
            # What ended it may be about to end the others.
            await self._close_idle()
        await connection.close()

    async def _connect(self) -> Connection:
        now = asyncio.get_running_loop().time
        while True:
            began = now()
            try:
                driver = await asyncpg.connect(**self._options)
            except _NOT_CONNECTED as error:
                if self._away_since is None:
                    self._away_since = began
                if now() - self._away_since >= self._patience_seconds:
                    raise Unavailable from error
            else:
                self._away_since = None
                return Connection(driver)
            await asyncio.sleep(_RETRY_SECONDS)


async def _in_place(work: Coroutine[Any, Any, None], passed: Sequence[Gate]) -> None:
    try:
        await work
    finally:
        _leave(passed)


def _leave(passed: Sequence[Gate]) -> None:
    for gate in passed:
        gate.release()


def _address(url: str) -> dict[str, Any]:
    """Return what an address of SQLAlchemy's, which migrations use as well, is to the driver."""
    address = make_url(url)
    _, arguments = address.get_dialect()().create_connect_args(address)
    return dict(arguments)

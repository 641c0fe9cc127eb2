"""Connections: taken in turn, replaced where the server closed them, waited for at restarts."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Literal
from uuid import UUID
from weakref import WeakValueDictionary

from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from persistence.trouble import Unavailable, is_away

_LONGEST_WAIT_SECONDS = 30.0
_CONNECT_SECONDS = 5.0
_RETRY_SECONDS = 0.05
# The server gives a statement up by itself; only one that says nothing any more takes longer.
_SILENCE = 1.5


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
        self._engine = create_async_engine(
            url,
            pool_size=size,
            max_overflow=0,
            # What people said, and hashes of their secrets, have no place in a log.
            hide_parameters=True,
            connect_args={
                "timeout": _CONNECT_SECONDS,
                "command_timeout": statement_timeout_seconds * _SILENCE,
                "server_settings": {
                    "application_name": "cellhub",
                    "jit": "off",
                    "statement_timeout": str(round(statement_timeout_seconds * 1000)),
                    "idle_in_transaction_session_timeout": "60000",
                },
            },
        )
        event.listen(self._engine.sync_engine, "checkout", _replace_closed)
        self.transactions = self._engine
        self.autocommit = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self.snapshots = self._engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
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
    async def connection(
        self, engine: AsyncEngine, gates: Sequence[Gate]
    ) -> AsyncIterator[AsyncConnection]:
        """Hold a connection of one of this pool's engines. Raises Unavailable."""
        passed = 0
        try:
            for gate in gates:
                await gate.acquire()
                passed += 1
            connection = await self._connect(engine)
            try:
                yield connection
            finally:
                # It may have to roll back first, whoever loses patience meanwhile.
                await asyncio.shield(asyncio.create_task(connection.close()))
        finally:
            for gate in gates[:passed]:
                gate.release()

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()

    async def _connect(self, engine: AsyncEngine) -> AsyncConnection:
        now = asyncio.get_running_loop().time
        while True:
            began = now()
            try:
                connection = await engine.connect()
            except Exception as error:
                if not is_away(error):
                    raise
                if self._away_since is None:
                    self._away_since = began
                if now() - self._away_since >= self._patience_seconds:
                    raise Unavailable from error
            else:
                self._away_since = None
                return connection
            await asyncio.sleep(_RETRY_SECONDS)


def _replace_closed(dbapi_connection: object, _record: object, _proxy: object) -> None:
    """Have the pool connect anew where the server has closed a connection that lay idle.

    The driver has seen it close: to find out costs no trip.
    """
    if dbapi_connection.driver_connection.is_closed():  # type: ignore[attr-defined]
        raise DisconnectionError

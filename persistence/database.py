"""The database: connections, snapshots, and transactions that hand on what they announce."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import copy
from typing import Any, Self
from uuid import UUID

from sqlalchemy import CursorResult, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from persistence.pool import Pool
from persistence.records import MembershipsChange, ProjectChange
from persistence.trouble import trouble_of

Connection = AsyncConnection
"""A connection to run repository functions on."""

Announcement = ProjectChange | MembershipsChange
"""What a transaction has to tell the world once it is committed."""


class UnitOfWork:
    """One transaction: a connection to execute on, and what to announce after the commit."""

    def __init__(self, connection: Connection, *, commits_at_once: bool = False) -> None:
        self.connection = connection
        self.announcements: list[Announcement] = []
        self.committing = False
        """Whether a commit has begun: if the connection is lost now, nobody knows its outcome."""
        self._commits_at_once = commits_at_once

    def announce(self, announcement: Announcement) -> None:
        """Tell this to ``on_commit`` if, and after, the transaction commits."""
        self.announcements.append(announcement)

    async def change(
        self, statement: TextClause, parameters: Mapping[str, object]
    ) -> CursorResult[Any]:
        """Execute a statement that may be all that the unit of work writes."""
        self.committing = self._commits_at_once
        result = await self.connection.execute(statement, parameters)
        self.committing = False
        return result


class Database:
    """One PostgreSQL database, as the hub itself gets at it, or as one viewer does.

    ``on_commit`` gets the announcements of a transaction, in their order, after its commit; it must
    neither block nor raise. All blocks below raise DatabaseTrouble (``persistence.trouble``) where
    the database is to blame. Whoever is in one must not enter another: the two connections might be
    the last ones, each waited for by the holder of the other.
    """

    def __init__(
        self,
        url: str,
        *,
        on_commit: Callable[[Sequence[Announcement]], None],
        pool_size: int = 10,
        statement_timeout_seconds: float = 15.0,
        patience_seconds: float = 3.0,
    ) -> None:
        self._pool = Pool(
            url,
            size=pool_size,
            statement_timeout_seconds=statement_timeout_seconds,
            patience_seconds=patience_seconds,
        )
        self._gates = self._pool.gates
        self._on_commit = on_commit

    def for_viewer(self, viewer_id: UUID) -> Self:
        """Return this database as a viewer gets at it: at most half of the connections at a time.

        It costs next to nothing, shares everything, and is not to be closed.
        """
        view = copy(self)
        view._gates = self._pool.gates_of(viewer_id)  # noqa: SLF001 (its own)
        return view

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[UnitOfWork]:
        """Run a READ COMMITTED transaction: commit at the end, roll back if the block raises."""
        async with self._unit(self._pool.transactions) as unit:
            yield unit
            unit.committing = True
            await unit.connection.commit()
            unit.committing = False
            if unit.announcements:
                self._on_commit(unit.announcements)

    @asynccontextmanager
    async def single_statement(self) -> AsyncIterator[UnitOfWork]:
        """Hold a connection on which each statement commits at once: for a change that is just one.

        That one is executed by ``UnitOfWork.change``. It spares the trips for BEGIN and COMMIT, and
        locks for no longer than it runs.
        """
        async with self._unit(self._pool.autocommit, commits_at_once=True) as unit:
            try:
                yield unit
            finally:
                if unit.announcements:
                    self._on_commit(unit.announcements)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """Hold a connection on which each statement stands alone and sees what is committed."""
        async with self._unit(self._pool.autocommit) as unit:
            yield unit.connection

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Connection]:
        """Hold a connection on which all statements see the same moment, read only."""
        async with self._unit(self._pool.snapshots) as unit:
            yield unit.connection
            await unit.connection.commit()

    async def check(self) -> None:
        """Raise unless the database answers."""
        async with self.reading() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.close()

    @asynccontextmanager
    async def _unit(
        self, engine: AsyncEngine, *, commits_at_once: bool = False
    ) -> AsyncIterator[UnitOfWork]:
        async with self._pool.connection(engine, self._gates) as connection:
            unit = UnitOfWork(connection, commits_at_once=commits_at_once)
            try:
                yield unit
            except Exception as error:
                trouble = trouble_of(error, committing=unit.committing)
                if trouble is None:
                    raise
                raise trouble from error

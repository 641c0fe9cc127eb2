"""The database: connections, snapshots, and transactions that hand on what they announce."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from copy import copy
from typing import Self
from uuid import UUID

from persistence.pool import Pool
from persistence.records import MembershipsChange, ProjectChange
from persistence.sql import Connection, Rows, Statement

__all__ = ["Announcement", "Connection", "Database", "UnitOfWork"]

_ANSWER = Statement("SELECT 1")

Announcement = ProjectChange | MembershipsChange
"""What a transaction has to tell the world once it is committed."""


class UnitOfWork:
    """One transaction: a connection to execute on, and what to announce after the commit."""

    def __init__(self, connection: Connection, *, commits_at_once: bool = False) -> None:
        self.connection = connection
        self.announcements: list[Announcement] = []
        self._commits_at_once = commits_at_once

    def announce(self, announcement: Announcement) -> None:
        """Tell this to ``on_commit`` if, and after, the transaction commits."""
        self.announcements.append(announcement)

    async def change(self, statement: Statement, parameters: Mapping[str, object]) -> Rows:
        """Execute a statement that may be all that the unit of work writes."""
        return await self.connection.execute(
            statement, parameters, committing=self._commits_at_once
        )


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
        async with self._pool.connection(self._gates) as connection:
            unit = UnitOfWork(connection)
            await connection.begin()
            yield unit
            await connection.commit()
            if unit.announcements:
                self._on_commit(unit.announcements)

    @asynccontextmanager
    async def single_statement(self) -> AsyncIterator[UnitOfWork]:
        """Hold a connection on which each statement commits at once: for a change that is just one.

        That one is executed by ``UnitOfWork.change``. It spares the trips for BEGIN and COMMIT, and
        locks for no longer than it runs.
        """
        async with self._pool.connection(self._gates) as connection:
            unit = UnitOfWork(connection, commits_at_once=True)
            try:
                yield unit
            finally:
                if unit.announcements:
                    self._on_commit(unit.announcements)

    def reading(self) -> AbstractAsyncContextManager[Connection]:
        """Hold a connection on which each statement stands alone and sees what is committed."""
        return self._pool.connection(self._gates)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Connection]:
        """Hold a connection on which all statements see the same moment, read only."""
        async with self._pool.connection(self._gates) as connection:
            await connection.begin("REPEATABLE READ, READ ONLY")
            yield connection
            await connection.roll_back()

    async def check(self) -> None:
        """Raise unless the database answers."""
        async with self.reading() as connection:
            await connection.execute(_ANSWER)

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.close()

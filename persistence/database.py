"""The database: connections, snapshots, and transactions that hand on what they announce."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from persistence.records import MembershipsChange, ProjectChange

Connection = AsyncConnection
"""A connection to run repository functions on."""

Announcement = ProjectChange | MembershipsChange
"""What a transaction has to tell the world once it is committed."""


class UnitOfWork:
    """One transaction: a connection to execute on, and what to announce after the commit."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.announcements: list[Announcement] = []

    def announce(self, announcement: Announcement) -> None:
        """Tell this to ``on_commit`` if, and after, the transaction commits."""
        self.announcements.append(announcement)


class Database:
    """A pool of connections to one PostgreSQL database.

    ``on_commit`` gets the announcements of a transaction, in their order, after its commit; it must
    neither block nor raise.
    """

    def __init__(
        self,
        url: str,
        *,
        on_commit: Callable[[Sequence[Announcement]], None],
        pool_size: int = 10,
        statement_timeout_seconds: float = 30.0,
    ) -> None:
        self._engine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            # What people said, and hashes of their secrets, have no place in a log.
            hide_parameters=True,
            connect_args={
                "server_settings": {
                    "application_name": "cellhub",
                    "jit": "off",
                    "statement_timeout": str(round(statement_timeout_seconds * 1000)),
                    "idle_in_transaction_session_timeout": "60000",
                }
            },
        )
        self._autocommit = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._snapshots = self._engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._on_commit = on_commit

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[UnitOfWork]:
        """Run a READ COMMITTED transaction: commit at the end, roll back if the block raises."""
        async with self._engine.connect() as connection:
            unit = UnitOfWork(connection)
            async with connection.begin():
                yield unit
            if unit.announcements:
                self._on_commit(unit.announcements)

    @asynccontextmanager
    async def single_statement(self) -> AsyncIterator[UnitOfWork]:
        """Hold a connection on which each statement commits at once: for a change that is just one.

        It spares the trips for BEGIN and COMMIT, and locks for no longer than it runs.
        """
        async with self.reading() as connection:
            unit = UnitOfWork(connection)
            try:
                yield unit
            finally:
                if unit.announcements:
                    self._on_commit(unit.announcements)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """Hold a connection on which each statement stands alone and sees what is committed."""
        async with self._autocommit.connect() as connection:
            yield connection

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Connection]:
        """Hold a connection on which all statements see the same moment, read only."""
        async with self._snapshots.connect() as connection, connection.begin():
            yield connection

    async def check(self) -> None:
        """Raise unless the database answers."""
        async with self.reading() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()

"""Who is cancelled while the database works for them costs nobody a connection."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import asyncpg
import pytest

from persistence.database import Database
from persistence.sql import Statement

POOL = 2
MOMENT = 5.0
_ADD = Statement("INSERT INTO notes VALUES (1)")
_ADD_SLOWLY = Statement("INSERT INTO slow_notes VALUES (1)")
_WAIT = Statement("SELECT pg_advisory_xact_lock_shared(7)")
_ONE = Statement("SELECT 1")
_PREPARED = Statement("SELECT count(*) FROM pg_prepared_statements")
# Waits where the client already waits for COMMIT.
_SCHEMA = """
    CREATE TABLE notes (note int);
    CREATE TABLE slow_notes (note int);
    CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON slow_notes DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION wait();
"""
_HUBS_BACKENDS = """(
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'cellhub'
) AS backends"""

Use = Callable[[Database], Awaitable[object]]


class Server:
    """The server seen from elsewhere: its backends, and a lock that statements wait for."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def stop_statements(self) -> None:
        await self._connection.execute("SELECT pg_advisory_lock(7)")

    async def let_go_on(self) -> None:
        await self._connection.execute("SELECT pg_advisory_unlock(7)")

    async def until_waiting(self, count: int = 1) -> None:
        """Wait until so many statements wait for the lock."""
        while await self._count("pg_locks WHERE NOT granted") < count:
            pass

    async def pids(self) -> set[int]:
        """Return the backends that serve the hub."""
        rows = await self._connection.fetch(f"SELECT pid FROM {_HUBS_BACKENDS}")
        return {row["pid"] for row in rows}

    async def remains(self) -> tuple[int, int]:
        """Return how many notes there are, and how many locks the hub's backends have."""
        locks = await self._count(f"pg_locks JOIN {_HUBS_BACKENDS} USING (pid)")
        return await self._count("(TABLE notes UNION ALL TABLE slow_notes)"), locks

    async def _count(self, rows: str) -> int:
        return int(await self._connection.fetchval(f"SELECT count(*) FROM {rows}"))


NOTHING = (0, 0)


@pytest.fixture
async def server(empty_database_url: str) -> AsyncIterator[Server]:
    connection = await asyncpg.connect(empty_database_url.replace("+asyncpg", ""))
    await connection.execute(_SCHEMA)
    yield Server(connection)
    await connection.close()


@pytest.fixture
async def cold(empty_database_url: str, server: Server) -> AsyncIterator[Database]:
    """A database to which no connection is open."""
    made = Database(empty_database_url, on_commit=lambda _: None, pool_size=POOL)
    yield made
    await made.close()


@pytest.fixture
async def database(cold: Database) -> Database:
    """A database to which all connections are open."""
    everybody = asyncio.Barrier(POOL)

    async def hold() -> None:
        async with cold.reading():
            await everybody.wait()

    await asyncio.gather(*(hold() for _ in range(POOL)))
    return cold


async def read(database: Database, statement: Statement = _ONE) -> None:
    async with database.reading() as connection:
        await connection.execute(statement)


async def wait_reading(database: Database) -> None:
    await read(database, _WAIT)


async def wait_in_a_snapshot(database: Database) -> None:
    async with database.snapshot() as connection:
        await connection.execute(_WAIT)


async def wait_in_a_transaction(database: Database) -> None:
    async with database.transaction() as unit:
        await unit.connection.execute(_ADD)
        await unit.connection.execute(_WAIT)


async def wait_in_a_commit(database: Database) -> None:
    async with database.transaction() as unit:
        await unit.connection.execute(_ADD_SLOWLY)


WAITS = [wait_reading, wait_in_a_snapshot, wait_in_a_transaction, wait_in_a_commit]


async def ended(*tasks: "asyncio.Future[Any]") -> None:
    """Wait until tasks have ended that were cancelled."""
    async with asyncio.timeout(MOMENT):
        await asyncio.wait(tasks)
    assert all(task.cancelled() for task in tasks)


async def a_turn() -> None:
    """Let whatever is ready go on."""
    for _ in range(3):
        await asyncio.sleep(0)


async def test_a_flood_of_cancelled_reads_uses_the_same_connections(
    database: Database, server: Server
) -> None:
    before, given_up = await server.pids(), 0
    for number in range(300):
        # On the way to the server and back there are some turns of the event loop.
        tasks = [asyncio.create_task(read(database)) for _ in range(2 * POOL)]
        for _ in range(number % 30):
            await asyncio.sleep(0)
        for task in tasks:
            given_up += task.cancel()
        await asyncio.wait(tasks)
    assert given_up > 300
    assert await server.pids() == before


async def test_what_is_cancelled_while_it_is_prepared_is_prepared_for_the_next(
    database: Database, server: Server
) -> None:
    statements = [Statement(f"SELECT {number}") for number in range(20)]
    for statement in statements * 5:
        task = asyncio.create_task(read(database, statement))
        await a_turn()
        task.cancel()
        await asyncio.wait([task])
    async with database.reading() as connection:
        prepared = (await connection.execute(_PREPARED)).scalar_one()
    assert prepared <= len(statements) + 1


async def test_a_connection_that_opens_for_nobody_any_more_serves_the_next(
    cold: Database, server: Server
) -> None:
    for _ in range(10):
        task = asyncio.create_task(read(cold))
        await asyncio.sleep(0)
        task.cancel()
        await ended(task)
    [opened] = await server.pids()
    await read(cold)
    assert await server.pids() == {opened}


@pytest.mark.parametrize("use", WAITS)
async def test_what_is_cancelled_and_ends_soon_keeps_its_connection(
    database: Database, server: Server, use: Use
) -> None:
    before = await server.pids()
    for count in range(1, 2 * POOL):
        await server.stop_statements()
        task = asyncio.ensure_future(use(database))
        await server.until_waiting()
        task.cancel()
        await server.let_go_on()
        await ended(task)
        # What committed already is committed; all else is undone.
        assert await server.remains() == (count if use is wait_in_a_commit else 0, 0)
    assert await server.pids() == before


@pytest.mark.parametrize("use", WAITS)
async def test_what_is_cancelled_and_takes_long_is_undone_and_gives_its_place_back(
    database: Database, server: Server, use: Use
) -> None:
    await server.stop_statements()
    for _ in range(2):
        tasks = [asyncio.ensure_future(use(database)) for _ in range(POOL)]
        await server.until_waiting(POOL)
        for task in tasks:
            task.cancel()
        await ended(*tasks)
        assert await server.remains() == NOTHING
    async with asyncio.timeout(MOMENT):
        await asyncio.gather(*(read(database) for _ in range(3 * POOL)))


@pytest.mark.parametrize("soon", [True, False])
@pytest.mark.parametrize("use", WAITS[:-1])
async def test_a_place_is_taken_until_its_connection_is_of_use_again(
    database: Database, server: Server, use: Use, soon: bool
) -> None:
    await server.stop_statements()
    tasks = [asyncio.ensure_future(use(database)) for _ in range(POOL)]
    await server.until_waiting(POOL)
    for _ in range(2):
        # The second time, nobody waits any more for what cleans up.
        for task in tasks:
            task.cancel()
        await a_turn()
    await ended(*tasks)
    if soon:
        await server.let_go_on()
    async with database.reading():
        assert len(await server.pids()) <= POOL
    await asyncio.gather(*(read(database) for _ in range(3 * POOL)))
    assert await server.remains() == NOTHING


async def test_who_gives_up_a_statement_leaves_nothing_behind_in_the_block(
    database: Database, server: Server
) -> None:
    before = await server.pids()
    for _ in range(POOL):
        async with database.reading() as connection:
            with suppress(TimeoutError):
                async with asyncio.timeout(0):
                    await connection.execute(_ONE)
    await asyncio.gather(*(read(database) for _ in range(3 * POOL)))
    assert await server.pids() == before


async def test_a_connection_is_told_one_thing_at_a_time(database: Database) -> None:
    async with database.reading() as connection:
        answered, refused = await asyncio.gather(
            connection.execute(_ONE), connection.execute(_ONE), return_exceptions=True
        )
        assert isinstance(refused, RuntimeError)
        assert not isinstance(answered, BaseException)
        await connection.execute(_ONE)

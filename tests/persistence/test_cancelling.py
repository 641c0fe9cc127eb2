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
_ADD = Statement("INSERT INTO notes VALUES (:note)")
_NAP = Statement("SELECT pg_sleep(0.05)")
_SLEEP = Statement("SELECT pg_sleep(60)")
_ONE = Statement("SELECT 1")
_PREPARED = Statement("SELECT count(*) FROM pg_prepared_statements")
# The note says for how long its COMMIT takes.
_SCHEMA = """
    CREATE TABLE notes (note float);
    CREATE FUNCTION take_long() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN PERFORM pg_sleep(NEW.note); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON notes DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION take_long();
"""

Use = Callable[[Database], Awaitable[object]]


class Server:
    """What PostgreSQL itself says about the hub's connections."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection

    async def pids(self) -> set[int]:
        rows = await self.connection.fetch(
            "SELECT pid FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'cellhub'"
        )
        return {row["pid"] for row in rows}

    async def until_at(self, query: str) -> None:
        """Wait until the hub is at a query that begins like this."""
        while not await self.connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND state = 'active' AND query LIKE $1 || '%'",
            query,
        ):
            pass

    async def locks(self) -> int:
        """How many locks are held, or waited for, in the database by others."""
        return int(
            await self.connection.fetchval(
                "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )

    async def notes(self) -> int:
        return int(await self.connection.fetchval("SELECT count(*) FROM notes"))


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


async def nap_reading(database: Database) -> None:
    await read(database, _NAP)


async def nap_in_a_snapshot(database: Database) -> None:
    async with database.snapshot() as connection:
        await connection.execute(_NAP)


async def nap_in_a_transaction(database: Database) -> None:
    async with database.transaction() as unit:
        await unit.connection.execute(_ADD, {"note": 0.0})
        await unit.connection.execute(_NAP)


async def sleep_in_a_transaction(database: Database) -> None:
    async with database.transaction() as unit:
        await unit.connection.execute(_ADD, {"note": 0.0})
        await unit.connection.execute(_SLEEP)


async def write(database: Database, seconds: float) -> None:
    async with database.transaction() as unit:
        await unit.connection.execute(_ADD, {"note": seconds})


async def cancelled(task: "asyncio.Future[Any]") -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(MOMENT):
            await task


@pytest.mark.parametrize("use", [nap_reading, nap_in_a_snapshot, nap_in_a_transaction])
async def test_what_is_cancelled_goes_back_to_where_it_began(
    database: Database, server: Server, use: Use
) -> None:
    before = await server.pids()
    for _ in range(2 * POOL):
        task = asyncio.ensure_future(use(database))
        await server.until_at("SELECT pg_sleep(0.05)")
        await cancelled(task)
        assert await server.locks() == 0
    assert await server.notes() == 0
    assert await server.pids() == before


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
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await cancelled(task)
    async with database.reading() as connection:
        prepared = (await connection.execute(_PREPARED)).scalar_one()
    assert prepared <= len(statements) + 1


async def test_a_connection_that_opens_for_nobody_any_more_serves_the_next(
    cold: Database, server: Server
) -> None:
    for _ in range(10):
        task = asyncio.create_task(read(cold))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await cancelled(task)
    [opened] = await server.pids()
    await read(cold)
    assert await server.pids() == {opened}


async def test_what_takes_long_is_ended_and_its_place_is_given_back(
    database: Database, server: Server
) -> None:
    for _ in range(POOL):
        task = asyncio.create_task(sleep_in_a_transaction(database))
        await server.until_at("SELECT pg_sleep(60)")
        await cancelled(task)
        assert await server.locks() == 0
    async with asyncio.timeout(MOMENT):
        await asyncio.gather(*(read(database) for _ in range(3 * POOL)))
    assert await server.notes() == 0


@pytest.mark.parametrize("use", [nap_in_a_transaction, sleep_in_a_transaction])
async def test_a_place_is_taken_until_its_connection_is_of_use_again(
    database: Database, server: Server, use: Use
) -> None:
    tasks = [asyncio.ensure_future(use(database)) for _ in range(POOL)]
    await server.until_at("SELECT pg_sleep")
    for _ in range(2):
        # The second time, in the middle of cleaning up.
        for task in tasks:
            task.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    await asyncio.wait(tasks)

    async def counted() -> int:
        async with database.reading():
            return len(await server.pids())

    assert await counted() <= POOL
    await asyncio.gather(*(read(database) for _ in range(3 * POOL)))
    assert await server.notes() == 0


async def test_what_is_cancelled_within_its_commit_is_committed_if_that_ends_soon(
    database: Database, server: Server
) -> None:
    before = await server.pids()
    task = asyncio.create_task(write(database, 0.05))
    await server.until_at("COMMIT")
    await cancelled(task)
    assert await server.notes() == 1
    assert await server.pids() == before


async def test_what_is_cancelled_within_a_commit_that_takes_long_is_undone(
    database: Database, server: Server
) -> None:
    task = asyncio.create_task(write(database, 60.0))
    await server.until_at("COMMIT")
    await cancelled(task)
    assert await server.notes() == 0
    assert await server.locks() == 0
    await asyncio.gather(*(read(database) for _ in range(3 * POOL)))


async def test_who_gives_up_a_statement_leaves_nothing_behind_in_the_block(
    database: Database, server: Server
) -> None:
    before = await server.pids()
    for _ in range(2 * POOL):
        async with database.reading() as connection:
            with suppress(TimeoutError):
                async with asyncio.timeout(0.01):
                    await connection.execute(_NAP)
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

"""A PostgreSQL that goes away: who notices, what is told, and what comes back by itself."""

import asyncio
import logging
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from hub.embedded_postgres import EmbeddedPostgres
from persistence.database import Announcement, Connection, Database
from persistence.records import MembershipsChange
from persistence.sql import Statement
from persistence.trouble import DatabaseTrouble, OutcomeUnknown, TooSlow, Unavailable

POOL = 4
PATIENCE = 2.0
NEWS = MembershipsChange(user_id=UUID(int=7), since=0, revision=1)
_COUNT = Statement("SELECT count(*) FROM notes")
_WRITE = Statement("INSERT INTO notes SELECT 1")
# Sleeps where the client already waits for COMMIT.
_SLOW_COMMIT = """
    CREATE FUNCTION take_long() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$;
    CREATE TABLE slow_notes (note int);
    CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON slow_notes DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION take_long();
"""

Use = Callable[[Database], Awaitable[object]]


async def read(database: Database) -> int:
    async with database.reading() as connection:
        return int((await connection.execute(_COUNT)).scalar_one())


async def snapshot(database: Database) -> int:
    async with database.snapshot() as connection:
        return int((await connection.execute(_COUNT)).scalar_one())


async def write(database: Database) -> None:
    async with database.transaction() as unit:
        await unit.connection.execute(_WRITE)


async def write_at_once(database: Database) -> None:
    async with database.single_statement() as unit:
        await unit.change(_WRITE, {})


USES = (read, snapshot, write, write_at_once)


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    """A server that these tests may stop and kill. Its path is short, so that its address stays."""
    folder = Path(tempfile.mkdtemp(prefix="cellhub-tests-"))
    made = EmbeddedPostgres(
        folder, options={"fsync": "off", "max_connections": "20", "max_wal_senders": "0"}
    )
    with made:
        asyncio.run(_prepare(made))
        yield made
    shutil.rmtree(folder)


async def _prepare(server: EmbeddedPostgres) -> None:
    async with outsider(server) as connection:
        await connection.execute(f"CREATE TABLE notes (note int);{_SLOW_COMMIT}")


@asynccontextmanager
async def outsider(server: EmbeddedPostgres) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(server.url.replace("+asyncpg", ""))
    try:
        yield connection
    finally:
        await connection.close()


def refuse(announcements: Sequence[Announcement]) -> None:
    raise AssertionError(f"announced, though it did not happen: {announcements}")


@pytest.fixture
async def database(
    server: EmbeddedPostgres, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[Database]:
    made = Database(
        server.url,
        on_commit=refuse,
        pool_size=POOL,
        patience_seconds=PATIENCE,
        statement_timeout_seconds=5,
    )
    yield made
    await made.close()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def stop(server: EmbeddedPostgres) -> None:
    await asyncio.to_thread(server.stop)


async def start(server: EmbeddedPostgres) -> None:
    await asyncio.to_thread(server.start)


@asynccontextmanager
async def outage(server: EmbeddedPostgres) -> AsyncIterator[None]:
    await stop(server)
    try:
        yield
    finally:
        await start(server)


async def fill(database: Database) -> None:
    """Have all connections of the pool open."""
    everybody = asyncio.Barrier(POOL)

    async def hold() -> None:
        async with database.reading() as connection:
            await connection.execute(_COUNT)
            await everybody.wait()

    await asyncio.gather(*(hold() for _ in range(POOL)))


async def until_running(server: EmbeddedPostgres, query: str) -> int:
    """Wait until a backend is at a query that has these words; return its process id."""
    async with outsider(server) as connection:
        while True:
            found = await connection.fetchval(
                "SELECT pid FROM pg_stat_activity WHERE state = 'active'"
                " AND pid <> pg_backend_pid() AND query ~ ('\\m' || $1 || '\\M')",
                query,
            )
            if found is not None:
                return int(found)


async def trouble_of(use: Awaitable[object]) -> DatabaseTrouble | None:
    try:
        await use
    except DatabaseTrouble as trouble:
        return trouble
    return None


@pytest.mark.parametrize("use", USES)
async def test_a_restart_costs_nobody_who_comes_after_it(
    server: EmbeddedPostgres, database: Database, use: Use
) -> None:
    await fill(database)
    async with outage(server):
        pass
    for _ in range(3 * POOL):
        await use(database)
    await asyncio.gather(*(use(database) for _ in range(10 * POOL)))


async def test_who_comes_during_a_restart_waits_for_its_end(
    server: EmbeddedPostgres, database: Database
) -> None:
    await fill(database)
    async with outage(server):
        early = [asyncio.create_task(use(database)) for use in USES * POOL]
    await asyncio.gather(*early)


async def test_a_longer_outage_is_told_at_once_and_ends_by_itself(
    server: EmbeddedPostgres, database: Database
) -> None:
    loop = asyncio.get_running_loop()
    await fill(database)
    async with outage(server):
        first = await asyncio.gather(*(trouble_of(read(database)) for _ in range(10 * POOL)))
        assert {type(trouble) for trouble in first} == {Unavailable}
        began = loop.time()
        later = [await trouble_of(use(database)) for use in USES for _ in range(POOL)]
        assert {type(trouble) for trouble in later} == {Unavailable}
        assert loop.time() - began < PATIENCE
    await asyncio.gather(*(use(database) for use in USES for _ in range(POOL)))
    # The next one may be short again.
    await test_who_comes_during_a_restart_waits_for_its_end(server, database)


async def test_what_is_asked_first_of_a_database_that_is_away_is_told_so(
    server: EmbeddedPostgres, database: Database
) -> None:
    async with outage(server):
        tries = await asyncio.gather(*(trouble_of(read(database)) for _ in range(3 * POOL)))
        assert {type(trouble) for trouble in tries} == {Unavailable}
    await asyncio.gather(*(read(database) for _ in range(3 * POOL)))


async def test_a_server_that_has_too_many_connections_is_told_like_one_that_is_away(
    server: EmbeddedPostgres, database: Database
) -> None:
    async with AsyncExitStack() as taken:
        with suppress(asyncpg.TooManyConnectionsError):
            while True:
                await taken.enter_async_context(outsider(server))
        assert isinstance(await trouble_of(read(database)), Unavailable)
    await read(database)


async def sleep(connection: Connection) -> None:
    await connection.execute(Statement("SELECT pg_sleep(60)"))


async def sleep_reading(database: Database) -> None:
    async with database.reading() as connection:
        await sleep(connection)


async def sleep_in_a_snapshot(database: Database) -> None:
    async with database.snapshot() as connection:
        await sleep(connection)


async def sleep_in_a_transaction(database: Database) -> None:
    async with database.transaction() as unit:
        unit.announce(NEWS)
        await unit.connection.execute(_WRITE)
        await sleep(unit.connection)


async def sleep_before_the_only_write(database: Database) -> None:
    async with database.single_statement() as unit:
        await sleep(unit.connection)
        await unit.change(_WRITE, {})
        unit.announce(NEWS)


async def sleep_in_a_commit(database: Database) -> None:
    async with database.transaction() as unit:
        await unit.connection.execute(Statement("INSERT INTO slow_notes VALUES (1)"))
        unit.announce(NEWS)


async def sleep_in_the_only_write(database: Database) -> None:
    async with database.single_statement() as unit:
        await unit.change(Statement("INSERT INTO notes SELECT 1 FROM pg_sleep(60)"), {})
        unit.announce(NEWS)


BROKEN_OFF = [
    (sleep_reading, "pg_sleep", Unavailable),
    (sleep_in_a_snapshot, "pg_sleep", Unavailable),
    (sleep_in_a_transaction, "pg_sleep", Unavailable),
    (sleep_before_the_only_write, "pg_sleep", Unavailable),
    (sleep_in_a_commit, "COMMIT", OutcomeUnknown),
    (sleep_in_the_only_write, "pg_sleep", OutcomeUnknown),
]


@pytest.mark.parametrize(("use", "query", "trouble"), BROKEN_OFF)
async def test_what_breaks_off_is_not_done_unless_it_was_committing(
    server: EmbeddedPostgres,
    database: Database,
    use: Use,
    query: str,
    trouble: type[DatabaseTrouble],
) -> None:
    before = await read(database)
    running = asyncio.create_task(trouble_of(use(database)))
    await until_running(server, query)
    async with outage(server):
        assert type(await running) is trouble
    assert await read(database) == before


@pytest.mark.parametrize(("use", "query", "trouble"), BROKEN_OFF)
async def test_a_single_connection_that_is_lost_costs_only_who_had_it(
    server: EmbeddedPostgres,
    database: Database,
    use: Use,
    query: str,
    trouble: type[DatabaseTrouble],
) -> None:
    await fill(database)
    running = asyncio.create_task(trouble_of(use(database)))
    pid = await until_running(server, query)
    async with outsider(server) as connection:
        await connection.execute("SELECT pg_terminate_backend($1)", pid)
    assert type(await running) is trouble
    await asyncio.gather(*(each(database) for each in USES for _ in range(POOL)))


async def test_a_connection_that_is_ended_at_any_moment_is_told_as_lost(
    server: EmbeddedPostgres, database: Database
) -> None:
    async def read_on() -> None:
        async with database.reading() as connection:
            while True:
                await connection.execute(_COUNT)

    async with outsider(server) as killer:
        for _ in range(40):
            running = asyncio.create_task(trouble_of(read_on()))
            pid = await until_running(server, "FROM notes")
            await killer.execute("SELECT pg_terminate_backend($1)", pid)
            assert type(await running) is Unavailable


async def test_a_server_that_crashes_is_told_like_one_that_is_stopped(
    server: EmbeddedPostgres, database: Database
) -> None:
    await fill(database)
    running = asyncio.create_task(trouble_of(sleep_in_a_commit(database)))
    pid = await until_running(server, "COMMIT")
    # The others are ended by their postmaster, which recovers by itself.
    os.kill(pid, signal.SIGKILL)
    assert type(await running) is OutcomeUnknown
    await asyncio.gather(*(use(database) for use in USES for _ in range(POOL)))


async def test_a_statement_that_takes_too_long_is_cut_off_and_so_told(
    server: EmbeddedPostgres,
) -> None:
    database = Database(server.url, on_commit=lambda _: None, statement_timeout_seconds=0.2)
    try:
        before = await read(database)
        for use, query, _ in BROKEN_OFF:
            # PostgreSQL sets a COMMIT no limit; it is the hub that gives up waiting for it.
            expected = OutcomeUnknown if query == "COMMIT" else TooSlow
            assert type(await trouble_of(use(database))) is expected
        assert await read(database) == before
    finally:
        await database.close()


async def test_a_server_that_says_nothing_any_more_is_given_up(server: EmbeddedPostgres) -> None:
    database = Database(server.url, on_commit=lambda _: None, statement_timeout_seconds=0.5)
    stopped = []
    try:
        for use, query, trouble in (BROKEN_OFF[0], BROKEN_OFF[4]):
            running = asyncio.create_task(trouble_of(use(database)))
            stopped.append(await until_running(server, query))
            os.kill(stopped[-1], signal.SIGSTOP)
            assert type(await running) is trouble
        await asyncio.gather(*(use(database) for use in USES for _ in range(POOL)))
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
        await database.close()


async def write_and_fail(database: Database) -> None:
    async with database.transaction() as unit:
        await unit.connection.execute(_WRITE)
        raise FileNotFoundError


async def test_nobody_waits_for_long_for_a_silent_server_to_end_what_is_unwanted(
    server: EmbeddedPostgres, database: Database
) -> None:
    unwanted = asyncio.create_task(sleep_reading(database))
    stopped = await until_running(server, "pg_sleep")
    os.kill(stopped, signal.SIGSTOP)
    try:
        unwanted.cancel()
        with pytest.raises(asyncio.CancelledError):
            await unwanted
        await asyncio.gather(*(use(database) for use in USES for _ in range(POOL)))
    finally:
        os.kill(stopped, signal.SIGCONT)


async def test_nobody_waits_for_long_for_a_connection_that_is_unwanted(
    server: EmbeddedPostgres, database: Database
) -> None:
    silent = int(next(server._folder.glob("*/postmaster.pid")).read_text().split()[0])
    os.kill(silent, signal.SIGSTOP)
    try:
        unwanted = asyncio.create_task(read(database))
        await asyncio.sleep(0)
        unwanted.cancel()
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(asyncio.CancelledError):
                await unwanted
    finally:
        os.kill(silent, signal.SIGCONT)
    await asyncio.gather(*(use(database) for use in USES for _ in range(POOL)))

"""Connections and transactions: what they see, leave behind, and say when something is wrong."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import asyncpg
import pytest

from persistence.database import Database
from persistence.ids import FIRST_ID
from persistence.pool import Pool
from persistence.records import MembershipsChange, ProjectChange
from persistence.sql import Statement
from persistence.trouble import DatabaseTrouble, StatementFailed
from tests.lab import Lab

PID = Statement("SELECT pg_backend_pid()")
SLEEP = Statement("SELECT pg_sleep(60)")
SLEEPING = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state"
ADD = Statement("INSERT INTO notes VALUES (:note)")
NOTES = Statement("SELECT note FROM notes ORDER BY note")


@pytest.fixture
async def outside(empty_database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(empty_database_url.replace("+asyncpg", ""))
    await connection.execute("CREATE TABLE notes (note text UNIQUE)")
    yield connection
    await connection.close()


@pytest.fixture
async def database(empty_database_url: str, outside: asyncpg.Connection) -> AsyncIterator[Database]:
    made = Database(empty_database_url, on_commit=_refuse, pool_size=1)
    yield made
    await made.close()


def _refuse(_announcements: object) -> None:
    raise AssertionError("nothing was announced")


async def notes(database: Database) -> list[Any]:
    async with database.reading() as connection:
        return (await connection.execute(NOTES)).scalars()


async def pid(database: Database) -> int:
    async with database.reading() as connection:
        return int((await connection.execute(PID)).scalar_one())


async def write_and_fail(database: Database) -> None:
    async with database.transaction() as unit:
        await unit.connection.execute(ADD, {"note": "lost"})
        raise LookupError


async def test_a_block_that_fails_is_rolled_back_and_its_connection_serves_the_next(
    database: Database,
) -> None:
    before = await pid(database)
    with pytest.raises(LookupError):
        await write_and_fail(database)
    assert await notes(database) == []
    assert await pid(database) == before


async def announce_and_fail(database: Database) -> None:
    async with database.transaction() as unit:
        unit.announce(MembershipsChange(user_id=FIRST_ID, since=0, revision=1))
        raise LookupError


async def test_what_is_announced_is_told_in_order_and_only_after_a_commit(lab: Lab) -> None:
    with pytest.raises(LookupError):
        await announce_and_fail(lab.database)
    assert lab.announced == []
    await lab.project(await lab.user())
    assert [type(each) for each in lab.announced] == [ProjectChange, MembershipsChange]


async def test_each_statement_of_a_reading_sees_what_is_committed_by_then(
    database: Database, outside: asyncpg.Connection
) -> None:
    async with database.reading() as connection:
        for note in ("a", "b"):
            await outside.execute("INSERT INTO notes VALUES ($1)", note)
            assert (await connection.execute(NOTES)).scalars()[-1] == note


async def test_a_snapshot_sees_one_moment_and_changes_nothing(
    database: Database, outside: asyncpg.Connection
) -> None:
    async with database.snapshot() as connection:
        assert await connection.execute(NOTES) == []
        await outside.execute("INSERT INTO notes VALUES ('later')")
        assert await connection.execute(NOTES) == []
    assert await notes(database) == ["later"]
    with pytest.raises(StatementFailed, match="read-only"):
        await write_in_a_snapshot(database)


async def write_in_a_snapshot(database: Database) -> None:
    async with database.snapshot() as connection:
        await connection.execute(ADD, {"note": "never"})


async def write_and_sleep(database: Database) -> None:
    async with database.transaction() as unit:
        await unit.connection.execute(ADD, {"note": "lost"})
        await unit.connection.execute(SLEEP)


async def test_what_nobody_waits_for_any_more_ends_on_the_server_too(
    database: Database, outside: asyncpg.Connection
) -> None:
    running = asyncio.create_task(write_and_sleep(database))
    while await outside.fetchval(f"{SLEEPING} = 'active'") == 0:
        pass
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await notes(database) == []
    while await outside.fetchval(f"{SLEEPING} = 'active'") > 0:
        pass


async def test_a_table_that_changes_meanwhile_does_not_upset_what_was_prepared(
    database: Database, outside: asyncpg.Connection
) -> None:
    everything = Statement("SELECT * FROM notes")
    await outside.execute("INSERT INTO notes VALUES ('a')")
    async with database.reading() as connection:
        assert [dict(row) for row in await connection.execute(everything)] == [{"note": "a"}]
        await outside.execute("ALTER TABLE notes ADD COLUMN size int DEFAULT 7")
        [row] = await connection.execute(everything)
        assert (row.note, row.size) == ("a", 7)


@pytest.mark.parametrize(
    ("sql", "state"),
    [
        ("INSERT INTO notes VALUES (:note)", "23505"),
        ("SELECT * FROM notes LIMIT :note", "22000"),
    ],
)
async def test_the_error_of_a_statement_keeps_its_values_to_itself(
    database: Database, outside: asyncpg.Connection, sql: str, state: str
) -> None:
    await outside.execute("INSERT INTO notes VALUES ('a secret')")
    with pytest.raises(StatementFailed) as raised:
        async with database.reading() as connection:
            await connection.execute(Statement(sql), {"note": "a secret"})
    assert raised.value.state == state
    told = f"{raised.value!r} {raised.value.__cause__!r}"
    assert "secret" not in told
    assert raised.value.__suppress_context__


async def test_a_commit_that_the_server_refuses_is_an_error_and_changes_nothing(
    database: Database, outside: asyncpg.Connection
) -> None:
    await outside.execute("ALTER TABLE notes ADD UNIQUE (note) DEFERRABLE INITIALLY DEFERRED")
    await outside.execute("ALTER TABLE notes DROP CONSTRAINT notes_note_key")
    with pytest.raises(StatementFailed, match="duplicate key"):
        await write_twice(database)
    assert await notes(database) == []


async def write_twice(database: Database) -> None:
    async with database.transaction() as unit:
        for _ in range(2):
            await unit.connection.execute(ADD, {"note": "twice"})


async def fail_and_go_on(database: Database) -> None:
    async with database.transaction() as unit:
        unit.announce(MembershipsChange(user_id=FIRST_ID, since=0, revision=1))
        await unit.connection.execute(ADD, {"note": "lost"})
        with suppress(StatementFailed):
            await unit.connection.execute(Statement("SELECT 1 / 0"))


async def test_who_goes_on_after_a_failed_statement_is_not_told_that_it_was_committed(
    database: Database,
) -> None:
    with pytest.raises(RuntimeError, match="rolled back"):
        await fail_and_go_on(database)
    assert await notes(database) == []


async def test_what_is_left_halfway_twice_is_cleaned_up_before_the_database_is_closed(
    database: Database, outside: asyncpg.Connection
) -> None:
    running = asyncio.create_task(write_and_sleep(database))
    while await outside.fetchval(f"{SLEEPING} = 'active'") == 0:
        pass
    running.cancel()
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await database.close()
    assert await outside.fetchval(f"{SLEEPING} IS NOT NULL") == 0


def test_parameters_are_numbered_once_and_casts_are_left_alone() -> None:
    statement = Statement("SELECT :a::text, x[1:2], :b, :a, 'at 12:30', now()::date, ':'")
    assert statement.sql == "SELECT $1::text, x[1:2], $2, $1, 'at 12:30', now()::date, ':'"
    assert statement.parameters == ("a", "b")


async def test_a_row_has_its_columns_only(database: Database) -> None:
    async with database.reading() as connection:
        row = (await connection.execute(Statement("SELECT 1 AS one, 'x' AS two"))).one()
    assert (row.one, row.two, dict(row)) == (1, "x", {"one": 1, "two": "x"})
    with pytest.raises(AttributeError, match="three"):
        row.three  # noqa: B018


async def test_only_as_many_rows_as_are_asked_for_are_taken_for_right(database: Database) -> None:
    async with database.reading() as connection:
        none = await connection.execute(Statement("SELECT 1 WHERE false"))
        two = await connection.execute(Statement("SELECT generate_series(1, 2)"))
    assert (none.one_or_none(), none.scalar_one_or_none(), none.scalars()) == (None, None, [])
    assert two.scalars() == [1, 2]
    for wrong in (none.one, none.scalar_one, two.one, two.one_or_none, two.scalar_one_or_none):
        with pytest.raises(ValueError, match="unpack"):
            wrong()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql+asyncpg://u:p%40@h:6000/d", {"host": "h", "port": 6000, "password": "p@"}),
        ("postgresql+asyncpg://u@h/d?ssl=require", {"host": "h", "ssl": "require"}),
        ("postgresql+asyncpg://u@/d?host=/s&port=5432", {"host": "/s", "port": 5432}),
        ("postgresql+asyncpg://u@/d?host=a:1&host=b:2", {"host": ["a", "b"], "port": [1, 2]}),
    ],
)
def test_addresses_mean_to_the_driver_what_they_mean_to_migrations(
    url: str, expected: dict[str, object]
) -> None:
    options = Pool(url, size=1, statement_timeout_seconds=1, patience_seconds=1)._options
    assert expected | {"user": "u", "database": "d"} == {
        name: options.get(name) for name in [*expected, "user", "database"]
    }


async def test_mistakes_of_the_hub_are_not_taken_for_the_databases(database: Database) -> None:
    with pytest.raises(Exception, match="no_such_table") as raised:
        async with database.reading() as connection:
            await connection.execute(Statement("SELECT * FROM no_such_table"))
    assert not isinstance(raised.value, DatabaseTrouble)
    with pytest.raises(LookupError):
        await write_and_fail(database)
    assert await notes(database) == []

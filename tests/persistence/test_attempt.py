"""Attempts within windows of time, as counted."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from persistence import attempt
from persistence.database import Database
from tests.persistence.locks import until_someone_waits

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
WINDOW = timedelta(minutes=15)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    made = Database(database_url, on_commit=lambda announcements: None)
    yield made
    await made.close()


async def count(
    database: Database, *subjects: str, after: timedelta = timedelta()
) -> dict[str, int]:
    async with database.transaction() as unit:
        tallies = await attempt.count(unit.connection, subjects, now=NOW + after, window=WINDOW)
    return {tally.subject: tally.count for tally in tallies}


async def test_attempts_add_up_by_subject(database: Database) -> None:
    assert await count(database, "account:a", "address:x") == {"account:a": 1, "address:x": 1}
    assert await count(database, "address:x", "account:b") == {"account:b": 1, "address:x": 2}


async def test_attempts_at_once_all_count(database: Database) -> None:
    tallies = await asyncio.gather(
        *(count(database, "address:x", f"account:{i % 2}") for i in range(10))
    )
    assert sorted(tally["address:x"] for tally in tallies) == list(range(1, 11))
    assert max(tally.get("account:0", 0) for tally in tallies) == 5


async def test_calls_that_name_the_same_subjects_in_another_order_can_not_deadlock(
    database: Database,
) -> None:
    async with database.transaction() as unit:
        await attempt.count(unit.connection, ["a"], now=NOW, window=WINDOW)
        other = asyncio.create_task(count(database, "b", "a"))
        await until_someone_waits(database)
        await attempt.count(unit.connection, ["b"], now=NOW, window=WINDOW)
    assert await other == {"a": 2, "b": 2}


async def test_a_window_begins_with_its_first_attempt_and_is_not_prolonged(
    database: Database,
) -> None:
    last = WINDOW - timedelta(microseconds=1)
    assert await count(database, "a") == {"a": 1}
    assert await count(database, "a", after=last) == {"a": 2}
    assert await count(database, "a", after=WINDOW) == {"a": 1}
    assert await count(database, "a", after=WINDOW + last) == {"a": 2}


async def test_a_tally_says_when_its_window_started(database: Database) -> None:
    await count(database, "a")
    async with database.transaction() as unit:
        later = NOW + timedelta(minutes=5)
        [tally] = await attempt.count(unit.connection, ["a"], now=later, window=WINDOW)
    assert tally.window_started_at == NOW


async def test_a_subject_forgiven_starts_again(database: Database) -> None:
    await count(database, "a", "b")
    async with database.transaction() as unit:
        await attempt.forgive(unit.connection, "a")
    assert await count(database, "a", "b") == {"a": 1, "b": 2}


async def test_an_attempt_taken_back_does_not_count(database: Database) -> None:
    await count(database, "a")
    await count(database, "a")
    async with database.transaction() as unit:
        await attempt.take_back(unit.connection, "a")
    assert await count(database, "a") == {"a": 2}


async def test_no_tally_falls_below_zero(database: Database) -> None:
    await count(database, "a")
    async with database.transaction() as unit:
        for _ in range(3):
            await attempt.take_back(unit.connection, "a")
    assert await count(database, "a") == {"a": 1}


async def test_windows_that_are_over_are_purged(database: Database) -> None:
    await count(database, "old")
    await count(database, "new", after=WINDOW)
    async with database.transaction() as unit:
        assert await attempt.purge(unit.connection, before=NOW + WINDOW) == 1
    assert await count(database, "old", "new", after=WINDOW) == {"old": 1, "new": 2}

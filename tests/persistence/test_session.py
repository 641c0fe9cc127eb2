"""Sessions and their families of refresh tokens, as remembered."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from persistence import account, session
from persistence.database import Database
from persistence.ids import new_id
from persistence.records import UserRecord
from persistence.sql import Statement
from tests.persistence.locks import until_someone_waits

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
MONTH = timedelta(days=30)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    made = Database(database_url, on_commit=lambda announcements: None)
    yield made
    await made.close()


@pytest.fixture
async def user(database: Database) -> UserRecord:
    async with database.transaction() as unit:
        made = await account.create(
            unit.connection, name="Ada", email="a@b.de", email_key="a@b.de", password_hash="x"
        )
    assert made is not None
    return made


async def opened(database: Database, user: UserRecord, token: str = "first") -> UUID:
    async with database.transaction() as unit:
        return await session.open_session(
            unit.connection, user.id, token_hash=token, now=NOW, expires_at=NOW + MONTH
        )


async def rotated(
    database: Database, token: str, following: str, now: datetime = NOW
) -> session.Rotation | None:
    async with database.transaction() as unit:
        return await session.rotate(
            unit.connection, token, next_hash=following, now=now, expires_at=now + MONTH
        )


async def revoked(database: Database, token: str) -> UUID | None:
    async with database.transaction() as unit:
        return await session.revoke(unit.connection, token, now=NOW)


async def revoked_reused(database: Database, token: str) -> UUID | None:
    async with database.transaction() as unit:
        return await session.revoke_reused(unit.connection, token, now=NOW)


async def is_open(database: Database, session_id: UUID, user_id: UUID) -> bool:
    async with database.reading() as connection:
        return await session.is_open(connection, session_id, user_id)


async def tokens(database: Database) -> set[str]:
    async with database.reading() as connection:
        return set(
            (await connection.execute(Statement("SELECT token_hash FROM refresh_tokens"))).scalars()
        )


async def test_a_token_is_exchanged_for_the_next_one_of_the_same_session(
    database: Database, user: UserRecord
) -> None:
    session_id = await opened(database, user)
    expected = session.Rotation(session_id=session_id, user=user)
    assert await rotated(database, "first", "second") == expected
    assert await rotated(database, "second", "third") == expected
    assert await tokens(database) == {"first", "second", "third"}


async def test_a_token_is_good_once(database: Database, user: UserRecord) -> None:
    await opened(database, user)
    await rotated(database, "first", "second")
    assert await rotated(database, "first", "third") is None
    assert await tokens(database) == {"first", "second"}


async def test_an_unknown_token_is_not_good(database: Database, user: UserRecord) -> None:
    await opened(database, user)
    assert await rotated(database, "unknown", "second") is None
    assert await revoked(database, "unknown") is None
    assert await revoked_reused(database, "unknown") is None


async def test_a_token_is_good_until_it_expires(database: Database, user: UserRecord) -> None:
    await opened(database, user)
    assert await rotated(database, "first", "second", now=NOW + MONTH) is None
    just_in_time = NOW + MONTH - timedelta(microseconds=1)
    assert await rotated(database, "first", "second", now=just_in_time) is not None


async def test_rotation_extends_the_session(database: Database, user: UserRecord) -> None:
    await opened(database, user)
    now = NOW + timedelta(days=29)
    await rotated(database, "first", "second", now=now)
    assert await rotated(database, "second", "third", now=now + timedelta(days=29)) is not None


async def test_a_session_is_open_until_it_is_revoked(database: Database, user: UserRecord) -> None:
    session_id = await opened(database, user)
    other = await opened(database, user, "of another session")
    assert await is_open(database, session_id, user.id)
    assert await revoked(database, "first") == session_id
    assert not await is_open(database, session_id, user.id)
    assert await is_open(database, other, user.id)


async def test_a_session_is_open_to_its_own_user_only(database: Database, user: UserRecord) -> None:
    session_id = await opened(database, user)
    assert not await is_open(database, session_id, new_id())
    assert not await is_open(database, new_id(), user.id)


async def test_a_session_is_revoked_once(database: Database, user: UserRecord) -> None:
    await opened(database, user)
    assert await revoked(database, "first") is not None
    assert await revoked(database, "first") is None


async def test_any_token_of_a_family_revokes_it(database: Database, user: UserRecord) -> None:
    session_id = await opened(database, user)
    await rotated(database, "first", "second")
    assert await revoked(database, "first") == session_id
    assert await rotated(database, "second", "third") is None
    assert await tokens(database) == {"first", "second"}


async def test_only_a_used_token_counts_as_reused(database: Database, user: UserRecord) -> None:
    session_id = await opened(database, user)
    assert await revoked_reused(database, "first") is None
    await rotated(database, "first", "second")
    assert await revoked_reused(database, "second") is None
    assert await revoked_reused(database, "first") == session_id


async def test_of_rotations_at_once_with_one_token_one_succeeds(
    database: Database, user: UserRecord
) -> None:
    await opened(database, user)
    made = await asyncio.gather(*(rotated(database, "first", f"next {i}") for i in range(8)))
    assert sum(rotation is not None for rotation in made) == 1
    assert len(await tokens(database)) == 2


async def test_a_rotation_that_waits_for_a_revocation_finds_the_session_ended(
    database: Database, user: UserRecord
) -> None:
    await opened(database, user)
    async with database.transaction() as unit:
        await session.revoke(unit.connection, "first", now=NOW)
        rotation = asyncio.create_task(rotated(database, "first", "second"))
        await until_someone_waits(database)
    assert await rotation is None
    assert await tokens(database) == {"first"}


async def test_what_expired_is_purged_and_nothing_else(
    database: Database, user: UserRecord
) -> None:
    gone = await opened(database, user, "of a session that was left")
    kept = await opened(database, user)
    await rotated(database, "first", "second", now=NOW + timedelta(days=1))
    async with database.transaction() as unit:
        assert await session.purge(unit.connection, before=NOW + MONTH) == 0
        just_after = NOW + MONTH + timedelta(seconds=1)
        assert await session.purge(unit.connection, before=just_after) == 1
    assert not await is_open(database, gone, user.id)
    assert await is_open(database, kept, user.id)
    assert await tokens(database) == {"second"}

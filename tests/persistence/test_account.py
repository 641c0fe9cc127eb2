"""Accounts and API keys, as remembered."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from persistence import account
from persistence.database import Database
from persistence.ids import new_id
from persistence.records import UserRecord
from persistence.sql import Statement

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    made = Database(database_url, on_commit=lambda announcements: None)
    yield made
    await made.close()


async def create(database: Database, email: str = "Ada@example.com") -> UserRecord | None:
    async with database.transaction() as unit:
        return await account.create(
            unit.connection,
            name="Ada",
            email=email,
            email_key=email.casefold(),
            password_hash="$argon2id$…",
        )


async def ada(database: Database, email: str = "Ada@example.com") -> UserRecord:
    user = await create(database, email)
    assert user is not None
    return user


async def test_an_account_is_found_by_the_key_of_its_email_address(database: Database) -> None:
    user = await ada(database)
    assert (user.name, user.email) == ("Ada", "Ada@example.com")
    async with database.reading() as connection:
        found = await account.credentials(connection, "ada@example.com")
        assert found == account.Credentials(user=user, password_hash="$argon2id$…")
        assert await account.credentials(connection, "Ada@example.com") is None
        assert await account.user_by_email_key(connection, "ada@example.com") == user
        assert await account.user_by_email_key(connection, "Ada@example.com") is None


async def test_an_email_address_that_is_taken_creates_nothing(database: Database) -> None:
    first = await ada(database)
    assert await create(database, "ADA@example.com") is None
    async with database.reading() as connection:
        assert (await connection.execute(Statement("SELECT id FROM users"))).scalars() == [first.id]


async def test_of_accounts_made_at_once_with_one_email_address_one_is_made(
    database: Database,
) -> None:
    made = await asyncio.gather(*(create(database) for _ in range(8)))
    assert sum(user is not None for user in made) == 1


async def test_users_are_read_by_id_without_those_that_do_not_exist(database: Database) -> None:
    first, second = await ada(database), await ada(database, "grace@example.com")
    async with database.reading() as connection:
        found = await account.users(connection, [second.id, new_id(), first.id])
        assert found == {first.id: first, second.id: second}
        assert await account.users(connection, []) == {}


async def share(database: Database, *members: UserRecord) -> None:
    project_id = new_id()
    async with database.transaction() as unit:
        await unit.connection.execute(
            Statement("INSERT INTO projects (id, owner_id, name) VALUES (:id, :owner_id, 'cells')"),
            {"id": project_id, "owner_id": members[0].id},
        )
        for member in members:
            await unit.connection.execute(
                Statement("INSERT INTO project_members VALUES (:project_id, :user_id, 'VIEWER')"),
                {"project_id": project_id, "user_id": member.id},
            )


async def test_those_whom_one_shares_a_project_with_are_acquaintances(database: Database) -> None:
    first, second, third = [
        await ada(database, f"{name}@example.com") for name in ("ada", "grace", "mary")
    ]
    await share(database, first, second)
    await share(database, second, third)
    everybody = [user.id for user in (first, second, third)]
    for viewer, known in [
        (first, {first, second}),
        (second, {first, second, third}),
        (third, {second, third}),
    ]:
        async with database.reading() as connection:
            found = await account.acquaintances(connection, viewer.id, everybody)
        assert found == {user.id: user for user in known}


async def test_a_password_hash_is_replaced_only_where_it_is_still_the_old_one(
    database: Database,
) -> None:
    user = await ada(database)
    for old, new, left in [("another", "lost", "$argon2id$…"), ("$argon2id$…", "new", "new")]:
        async with database.transaction() as unit:
            await account.replace_password_hash(
                unit.connection, user.id, old_hash=old, new_hash=new
            )
        async with database.reading() as connection:
            found = await account.credentials(connection, "ada@example.com")
            assert found is not None
            assert found.password_hash == left


async def test_an_api_key_is_found_by_its_hash_until_it_is_revoked(database: Database) -> None:
    user = await ada(database)
    async with database.transaction() as unit:
        key = await account.create_api_key(
            unit.connection, user.id, name="worker", secret_hash="hash"
        )
    assert (key.user_id, key.name, key.last_used_at) == (user.id, "worker", None)
    async with database.reading() as connection:
        assert await account.find_api_key(connection, "hash") == key
        assert await account.find_api_key(connection, "another") is None
        await connection.execute(Statement("UPDATE api_keys SET revoked_at = now()"))
        assert await account.find_api_key(connection, "hash") is None


async def test_the_last_use_of_a_key_is_written_once_a_minute(database: Database) -> None:
    user = await ada(database)
    async with database.transaction() as unit:
        key = await account.create_api_key(unit.connection, user.id, name="w", secret_hash="hash")
    seen = []
    for seconds in (0, 59, 60, 61, 500):
        now = NOW + timedelta(seconds=seconds)
        async with database.transaction() as unit:
            await account.touch_api_key(
                unit.connection, key.id, now=now, unless_since=now - timedelta(minutes=1)
            )
            found = await account.find_api_key(unit.connection, "hash")
            assert found is not None
            assert found.last_used_at is not None
            seen.append((found.last_used_at - NOW).total_seconds())
    assert seen == [0, 0, 60, 60, 500]

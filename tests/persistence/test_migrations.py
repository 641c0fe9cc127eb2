"""The migrations build what ``persistence.tables`` says, and can be taken back."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Row, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from hub.embedded_postgres import EmbeddedPostgres
from persistence import triggers  # noqa: F401, they belong to the tables
from persistence.migrate import MigrationError, downgrade, pending, upgrade
from persistence.tables import metadata

T = TypeVar("T")

# Alembic compares neither CHECKs nor the conditions of partial indexes nor persistence nor comments
# of columns: the catalogue tells of everything.
_CATALOGUE = text("""
    SELECT kind, name, definition FROM (
        SELECT 'relation', relname::text,
               concat_ws(' ', relkind, relpersistence, obj_description(oid, 'pg_class'))
        FROM pg_class WHERE relnamespace = 'public'::regnamespace
        UNION ALL
        SELECT 'column', attrelid::regclass || '.' || attname,
               concat_ws(' ', attnum, format_type(atttypid, atttypmod), attnotnull,
                         pg_get_expr(adbin, adrelid), attidentity, attgenerated,
                         col_description(attrelid, attnum))
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0
        UNION ALL
        SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace
        UNION ALL
        SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL
        SELECT 'trigger', tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid)
        FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL
        SELECT 'function', proname::text, pg_get_functiondef(oid)
        FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    ) AS everything (kind, name, definition)
    WHERE name NOT LIKE 'alembic_version%'
    ORDER BY kind, name
""")


async def _on(url: str, work: Callable[[Connection], T]) -> T:
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.begin() as connection:
        return await connection.run_sync(work)


def _catalogue(connection: Connection) -> list[Row[tuple[str, str, str]]]:
    return list(connection.execute(_CATALOGUE).all())


async def test_the_migrated_schema_is_what_the_tables_say(
    database_url: str, empty_database_url: str
) -> None:
    await _on(empty_database_url, metadata.create_all)
    assert await _on(database_url, _catalogue) == await _on(empty_database_url, _catalogue)


async def test_alembic_finds_no_difference_to_migrate(database_url: str) -> None:
    def differences(connection: Connection) -> object:
        options = {"compare_type": True, "compare_server_default": True}
        return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)

    assert await _on(database_url, differences) == []


async def test_down_leaves_nothing_and_up_works_again(database_url: str) -> None:
    before = await _on(database_url, _catalogue)
    await downgrade(database_url, "base")
    assert await _on(database_url, _catalogue) == []
    await upgrade(database_url)
    assert await _on(database_url, _catalogue) == before


async def test_every_revision_can_be_taken_back_alone(database_url: str) -> None:
    assert not await pending(database_url)
    await downgrade(database_url, "-1")
    assert await pending(database_url)
    await upgrade(database_url, "+1")
    assert not await pending(database_url)


async def test_an_empty_database_is_pending_until_it_is_upgraded(empty_database_url: str) -> None:
    assert await pending(empty_database_url)
    await upgrade(empty_database_url)
    assert not await pending(empty_database_url)


async def test_processes_that_start_at_once_migrate_once(empty_database_url: str) -> None:
    await asyncio.gather(*(upgrade(empty_database_url) for _ in range(5)))
    assert not await pending(empty_database_url)


async def test_a_database_of_a_newer_version_is_refused(database_url: str) -> None:
    newer = text("UPDATE alembic_version SET version_num = '9999'")
    await _on(database_url, lambda connection: connection.execute(newer))
    with pytest.raises(MigrationError, match=r"not one for this version.*9999"):
        await upgrade(database_url)


async def test_a_database_that_is_not_there_is_named(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(MigrationError, match='database "nowhere" does not exist'):
        await upgrade(postgres.url_of("nowhere"))


async def test_a_revision_that_fails_leaves_nothing_behind(empty_database_url: str) -> None:
    in_the_way = text("CREATE TABLE segmentations (id int)")
    await _on(empty_database_url, lambda connection: connection.execute(in_the_way))
    before = await _on(empty_database_url, _catalogue)
    with pytest.raises(MigrationError, match="already exists"):
        await upgrade(empty_database_url)
    assert await _on(empty_database_url, _catalogue) == before
    assert await pending(empty_database_url)

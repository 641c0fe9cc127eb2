"""Bring a database to a revision of the schema, from code alone: there is no alembic.ini.

The revisions lie in ``migrations/versions``. Each run is one transaction under an advisory lock, so
that processes which start at once take turns, and a revision that fails leaves nothing behind.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

_MIGRATIONS = Path(__file__).with_name("migrations")
_LOCK = text("SELECT pg_advisory_xact_lock(7310868735422378083)")


class MigrationError(Exception):
    """The database can't be brought to a revision; the message says why, in one line."""


async def upgrade(url: str, revision: str = "head") -> None:
    """Apply what is missing up to ``revision``; does nothing if it is all there.

    Raises ``MigrationError``: no database answers at the address, its user may not do this, or it
    is newer than this code.
    """
    await _migrate(url, revision, down=False)


async def downgrade(url: str, revision: str) -> None:
    """Take back what came after ``revision``; ``base`` takes back everything.

    Raises ``MigrationError``.
    """
    await _migrate(url, revision, down=True)


async def pending(url: str) -> bool:
    """Tell whether the database is not at the newest revision; raises ``MigrationError``."""
    head = ScriptDirectory.from_config(_config()).get_current_head()

    def current(connection: Connection) -> str | None:
        return MigrationContext.configure(connection).get_current_revision()

    async with _transaction(url) as connection:
        return await connection.run_sync(current) != head


async def _migrate(url: str, revision: str, *, down: bool) -> None:
    def run(connection: Connection) -> None:
        connection.execute(_LOCK)
        config = _config()
        config.attributes["connection"] = connection
        (command.downgrade if down else command.upgrade)(config, revision)

    async with _transaction(url) as connection:
        await connection.run_sync(run)


@asynccontextmanager
async def _transaction(url: str) -> AsyncIterator[AsyncConnection]:
    try:
        async with create_async_engine(url, poolclass=NullPool).begin() as connection:
            yield connection
    except (OSError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        reason = str(error).partition("\n")[0] or repr(error)
        raise MigrationError(f"The database can't be migrated: {reason}") from error
    except CommandError as error:
        raise MigrationError(f"The database is not one for this version: {error}") from error


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config

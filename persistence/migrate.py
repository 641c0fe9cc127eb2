"""Bring a database to a revision of the schema, from code alone: there is no alembic.ini.

The revisions lie in ``migrations/versions``. Each run is one transaction under an advisory lock, so
that processes which start at once take turns, and a revision that fails leaves nothing behind.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

_MIGRATIONS = Path(__file__).with_name("migrations")
_LOCK = text("SELECT pg_advisory_xact_lock(7310868735422378083)")


async def upgrade(url: str, revision: str = "head") -> None:
    """Apply what is missing up to ``revision``; does nothing if it is all there."""
    await _migrate(url, revision, down=False)


async def downgrade(url: str, revision: str) -> None:
    """Take back what came after ``revision``; ``base`` takes back everything."""
    await _migrate(url, revision, down=True)


async def pending(url: str) -> bool:
    """Tell whether the database is behind the newest revision."""
    head = ScriptDirectory.from_config(_config()).get_current_head()

    def current(connection: Connection) -> str | None:
        return MigrationContext.configure(connection).get_current_revision()

    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.connect() as connection:
        return await connection.run_sync(current) != head


async def _migrate(url: str, revision: str, *, down: bool) -> None:
    def run(connection: Connection) -> None:
        connection.execute(_LOCK)
        config = _config()
        config.attributes["connection"] = connection
        (command.downgrade if down else command.upgrade)(config, revision)

    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.run_sync(run)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config

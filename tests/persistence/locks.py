"""Seeing that one transaction waits for another."""

import asyncio

from persistence.database import Database
from persistence.sql import Statement


async def until_someone_waits(database: Database) -> None:
    """Return as soon as a transaction in the database waits for a lock."""
    waiting = Statement("""
        SELECT count(*) FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND datname = current_database()
    """)
    async with database.reading() as connection:
        while not (await connection.execute(waiting)).scalar_one():  # noqa: ASYNC110
            await asyncio.sleep(0)

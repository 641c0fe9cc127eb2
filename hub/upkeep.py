"""What a hub does by itself, whoever asks for nothing."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import NoReturn

from persistence import lease
from persistence.database import Database

SECONDS_BETWEEN = 3.0

logger = logging.getLogger(__name__)


async def take_back_lost_jobs(database: Database) -> NoReturn:
    """Put the jobs of workers that have fallen silent back into the queue, every few seconds."""
    while True:
        try:
            await lease.expire(database)
        except Exception as error:  # noqa: BLE001, the database may be back the next time
            logger.warning("Jobs whose leases are over could not be taken back: %r", error)
        await asyncio.sleep(SECONDS_BETWEEN)


@asynccontextmanager
async def in_background(*works: Coroutine[object, object, NoReturn]) -> AsyncIterator[None]:
    """Have works that never end go on within the block."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

"""What a hub does by itself, whoever asks for nothing."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import NoReturn, Protocol

from persistence import lease
from persistence.database import Database
from resolvers.authentication import revoked
from resolvers.context import Services, Viewer

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


class Connections(Protocol):
    """Connections that last, and who is behind them."""

    @property
    def viewers(self) -> Collection[Viewer]:
        """Those whose credentials let them in."""
        ...

    def forbid(self, concerned: Callable[[Viewer], bool]) -> None:
        """End the connections of these viewers."""
        ...


async def cut_off_revoked(services: Services, *connections: Connections) -> NoReturn:
    """End connections whose credentials were revoked, even where no message told so."""
    while True:
        await asyncio.sleep(SECONDS_BETWEEN)
        try:
            await _cut_off_revoked(services, connections)
        except Exception as error:  # noqa: BLE001, the database may be back the next time
            logger.warning("Credentials of open connections could not be checked: %r", error)


async def _cut_off_revoked(services: Services, connections: Sequence[Connections]) -> None:
    if viewers := [viewer for each in connections for viewer in each.viewers]:
        gone = await revoked(services, viewers)
        for each in connections if gone else ():
            each.forbid(lambda viewer: not gone.isdisjoint((viewer.session_id, viewer.api_key_id)))


@asynccontextmanager
async def in_background(*works: Coroutine[object, object, NoReturn]) -> AsyncIterator[None]:
    """Have works that never end go on within the block."""
    tasks = [asyncio.create_task(work) for work in works]
    for task in tasks:
        task.add_done_callback(_report_death)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def _report_death(task: "asyncio.Task[NoReturn]") -> None:
    if not task.cancelled() and (error := task.exception()):
        logger.error("A work in the background has died.", exc_info=error)

"""segmentationJobsAvailable: workers learn of work, and need not ask again and again."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress

from msgspec import Struct

from persistence import claim
from resolvers.changes import JOBS_CHANNEL
from resolvers.context import Context
from resolvers.lease import scope_of

SECONDS_BETWEEN_LOOKS = 5.0
"""A word may be lost, and jobs that rest become available without one."""

SECONDS_BETWEEN_UPDATES = 0.1


class JobsAvailable(Struct, frozen=True, kw_only=True):
    """How many jobs wait for models that a worker has, those that rest after a failure, too."""

    waiting: int


async def jobs_available(
    context: Context, models: Sequence[str] | None
) -> AsyncGenerator[JobsAvailable, None]:
    """Stream when there is something to claim for the viewer: the state first, whatever it is.

    Then when jobs are queued, a moment later at most, and every few seconds for as long as some are
    available.
    Raises BadUserInput for impossible models.
    """
    scope = scope_of(context, models)
    queued = asyncio.Event()
    async with context.services.bus.listen(JOBS_CHANNEL, lambda _: queued.set()):
        first = True
        while True:
            queued.clear()
            async with context.database.reading() as connection:
                now = await claim.waiting(connection, scope)
            if now.available or first:
                first = False
                yield JobsAvailable(waiting=now.jobs)
            # Most words are about what others wait for: not each is worth a look of its own.
            await asyncio.sleep(SECONDS_BETWEEN_UPDATES)
            with suppress(TimeoutError):
                async with asyncio.timeout(SECONDS_BETWEEN_LOOKS):
                    await queued.wait()

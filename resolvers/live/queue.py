"""queueStatsUpdated: how much of a project waits for workers."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import UUID

from persistence import queue_numbers
from persistence.records import QueueNumbers
from resolvers.context import Context
from resolvers.live.project import project_updates


async def queue_updates(context: Context, project_id: UUID) -> AsyncGenerator[QueueNumbers, None]:
    """Stream the project's queue: at once, then when as much as one of its numbers changes.

    Raises NotFound where the viewer can't see the project, and Forbidden as soon as that is so.
    """
    last: QueueNumbers | None = None
    async with aclosing(project_updates(context, project_id)) as updates:
        async for update in updates:
            if update.stats is None:
                continue
            async with context.services.database.reading() as connection:
                paces = await queue_numbers.paces(connection, [project_id])
            numbers = queue_numbers.numbers_of(project_id, update.stats, paces.get(project_id))
            if numbers != last:
                last = numbers
                yield numbers

"""queueStatsUpdated: how much of a project waits for workers."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import UUID

from persistence.change import ProjectAccess
from persistence.records import ProjectChange, ProjectRole, QueueNumbers
from resolvers import access
from resolvers.context import Context
from resolvers.live.audience import ProjectAudience
from resolvers.live.standing import standing


class QueueView(ProjectAudience):
    """A project's queue after each change; its relay leaves out what says nothing new."""

    def events(
        self, key: UUID, change: ProjectChange, _known: int
    ) -> list[tuple[int, QueueNumbers]]:
        """Return the one update that there is."""
        return [(change.revision, QueueNumbers.of(key, change.stats))]


async def queue_updates(context: Context, project_id: UUID) -> AsyncGenerator[QueueNumbers, None]:
    """Stream the project's queue: at once, then when anything that is selected of it changes.

    Updates that all get alike go to the context's outlet; the others are yielded. Raises NotFound
    where the viewer can't see the project, and Forbidden as soon as that is so.
    """
    services = context.services
    if not context.outlet.group.moves:
        updates = standing(context, services.queue_relays, project_id, _numbers)
        async with aclosing(updates):
            async for update in updates:
                yield update
        return
    async with context.database.reading() as connection:
        first = await access.project_for(connection, context, project_id, ProjectRole.VIEWER)
    members_revision = first.project.members_revision
    async with services.presence.here(project_id, context.user_id, members_revision):
        await services.queue_panels.show(project_id, context.user_id, context.outlet)


def _numbers(seen: ProjectAccess) -> tuple[int, QueueNumbers]:
    stats = seen.project.stats
    return stats.revision, QueueNumbers.of(seen.project.id, stats)

"""queueStatsUpdated: how much of a project waits for workers."""

from collections.abc import AsyncGenerator
from uuid import UUID

from persistence.change import ProjectAccess
from persistence.records import ProjectChange, QueueNumbers
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


def queue_updates(context: Context, project_id: UUID) -> AsyncGenerator[QueueNumbers, None]:
    """Stream the project's queue: at once, then when as much as one of its numbers changes.

    Updates that all get alike go to the context's outlet; the others are yielded. Raises NotFound
    where the viewer can't see the project, and Forbidden as soon as that is so.
    """
    return standing(context, context.services.queue_relays, project_id, _numbers)


def _numbers(seen: ProjectAccess) -> tuple[int, QueueNumbers]:
    stats = seen.project.stats
    return stats.revision, QueueNumbers.of(seen.project.id, stats)

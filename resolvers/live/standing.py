"""Whether a viewer may see a project, for as long as a stream lasts."""

from collections.abc import AsyncGenerator, Callable
from typing import Any
from uuid import UUID

from persistence import project
from persistence.change import ProjectAccess
from persistence.records import ProjectChange, ProjectRole
from realtime.following import Following
from realtime.outlet import Outlet
from realtime.relays import Relays
from realtime.view import Reason
from resolvers import access
from resolvers.context import Context
from resolvers.errors import Forbidden
from resolvers.live.audience import NO_LONGER


async def standing(
    context: Context,
    relays: Relays[ProjectChange],
    project_id: UUID,
    outlet: Outlet,
    told: Callable[[ProjectAccess], Any] = lambda _seen: None,
) -> AsyncGenerator[ProjectAccess, None]:
    """Have the outlet follow a project until it is deleted.

    Yields what the viewer sees at first, and again when updates couldn't tell what changed;
    ``told`` makes of it the event that stands for it. Raises NotFound where the viewer can't see
    the project, and Forbidden as soon as that is so.
    """
    services = context.services
    async with Following(context.user_id, outlet) as following:
        await following.join(relays, project_id)
        async with services.database.reading() as connection:
            first = await access.project_for(connection, context, project_id, ProjectRole.VIEWER)
        seen: ProjectAccess | None = first
        async with services.presence.here(project_id, context.user_id):
            while seen is not None:
                yield seen
                record = seen.project
                following.follow(
                    project_id, record.stats.revision, record.members_revision, told(seen)
                )
                parting = await anext(following)
                if parting.reason is Reason.SHUT_OUT:
                    raise Forbidden(NO_LONGER)
                if parting.reason is Reason.GONE:
                    return
                seen = await _now(context, project_id)


async def _now(context: Context, project_id: UUID) -> ProjectAccess | None:
    """Return what the viewer sees now; None where the project is gone."""
    async with context.services.database.snapshot() as connection:
        seen = await project.access(connection, project_id, context.user_id)
        if seen is None and await project.find(connection, project_id) is not None:
            raise Forbidden(NO_LONGER)
    return seen

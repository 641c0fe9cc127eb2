"""Following a project for as long as the viewer may see it and it exists."""

from collections.abc import AsyncGenerator, Callable
from typing import Any, TypeVar
from uuid import UUID

from persistence import project
from persistence.change import ProjectAccess
from persistence.records import ProjectRole
from realtime.following import Following
from realtime.log import NEVER
from realtime.relays import Relays
from realtime.view import Reason
from resolvers import access
from resolvers.context import Context
from resolvers.errors import Forbidden
from resolvers.live.audience import NO_LONGER

T = TypeVar("T")


async def standing(
    context: Context,
    relays: Relays[Any],
    project_id: UUID,
    state: Callable[[ProjectAccess], tuple[int, T]],
    *,
    shares_first: bool = False,
) -> AsyncGenerator[T, None]:
    """Have the context's outlet follow a project until it is deleted.

    Yields the event of the first moment, and of later ones when no update could tell what changed;
    ``state`` makes it, and tells behind which revision to go on. With ``shares_first`` the outlet
    begins with what those were told last who follow already, if there are any. Raises NotFound
    where the viewer can't see the project, and Forbidden as soon as that is so.
    """
    services = context.services
    async with Following(context.user_id, context.outlet) as following:
        await following.join(relays, project_id)
        async with context.database.reading() as connection:
            first = await access.project_for(connection, context, project_id, ProjectRole.VIEWER)
        seen: ProjectAccess | None = first
        members_revision = first.project.members_revision
        async with services.presence.here(project_id, context.user_id, members_revision):
            if shares_first:
                following.follow(project_id, NEVER, members_revision)
                seen = await _parted(context, following, project_id)
            while seen is not None:
                revision, event = state(seen)
                yield event
                following.follow(project_id, revision, seen.project.members_revision, event)
                seen = await _parted(context, following, project_id)


async def _parted(context: Context, following: Following, project_id: UUID) -> ProjectAccess | None:
    """Wait until the project can't be followed as before; return what the viewer sees then.

    None where the project is gone. Raises Forbidden where the viewer is shut out.
    """
    parting = await anext(following)
    if parting.reason is Reason.SHUT_OUT:
        raise Forbidden(NO_LONGER)
    if parting.reason is Reason.GONE:
        return None
    async with context.database.snapshot() as connection:
        seen = await project.access(connection, project_id, context.user_id)
        if seen is None and await project.find(connection, project_id) is not None:
            raise Forbidden(NO_LONGER)
    return seen

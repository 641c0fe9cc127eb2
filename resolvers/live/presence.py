"""presenceChanged: who is watching a project, with any subscription to it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import UUID

from msgspec import Struct

from resolvers.context import Context
from resolvers.live.guard import while_visible


class PresentUsers(Struct, frozen=True, kw_only=True):
    """The users who watch a project, each once."""

    project_id: UUID
    user_ids: frozenset[UUID]


async def presences(context: Context, project_id: UUID) -> AsyncGenerator[PresentUsers, None]:
    """Stream the users who watch the project: at once, then whenever somebody comes or goes.

    Raises NotFound where the viewer can't see the project, and Forbidden as soon as that is so.
    """
    async with (
        context.services.presence.watch(project_id) as watch,
        aclosing(while_visible(context, project_id, watch)) as visible,
    ):
        async for users in visible:
            yield PresentUsers(project_id=project_id, user_ids=users)

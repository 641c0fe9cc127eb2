"""presenceChanged: who is watching a project, with any subscription that names it.

Whoever watches all their projects at once is looking at none of them in particular.
"""

from collections.abc import AsyncGenerator
from uuid import UUID

from msgspec import Struct

from realtime.room import Attendance
from resolvers.context import Context
from resolvers.live.audience import Members
from resolvers.live.standing import standing


class PresentUsers(Struct, frozen=True, kw_only=True):
    """The users who watch a project, each once."""

    project_id: UUID
    user_ids: frozenset[UUID]


class PresenceView(Members):
    """A project's users after each change of who is there."""

    def events(self, key: UUID, change: Attendance, _known: int) -> list[tuple[int, PresentUsers]]:
        """Return the one update that there is."""
        return [(change.revision, PresentUsers(project_id=key, user_ids=change.users))]

    def is_last(self, _change: Attendance) -> bool:
        """Tell that more may follow: where the project is gone nothing comes."""
        return False

    def audience_revision(self, change: Attendance) -> int:
        """Return as of which change of memberships whoever is there came."""
        return change.audience_revision


def presences(context: Context, project_id: UUID) -> AsyncGenerator[PresentUsers, None]:
    """Stream the users who watch the project: at once, then whenever somebody comes or goes.

    Updates that all get alike go to the context's outlet, the first one too where somebody else
    watches already; the others are yielded. Raises NotFound where the viewer can't see the project,
    and Forbidden as soon as that is so.
    """
    services = context.services

    def state(_seen: object) -> tuple[int, PresentUsers]:
        attendance = services.presence.attendance(project_id)
        return attendance.revision, PresentUsers(project_id=project_id, user_ids=attendance.users)

    return standing(context, services.presence_relays, project_id, state, shares_first=True)

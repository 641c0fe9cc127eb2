"""presenceChanged: who is watching a project, or each of them, with any subscription that names it.

Whoever watches all their projects at once is looking at none of them in particular.
"""

from collections.abc import AsyncGenerator, Collection, Iterable, Iterator, Mapping, Sequence
from uuid import UUID

from msgspec import Struct

from persistence import account, project
from persistence.change import ProjectAccess
from persistence.records import UserRecord
from realtime.log import NEVER
from realtime.room import Attendance
from realtime.view import Parting, Reason
from resolvers.context import Context
from resolvers.live.audience import Members
from resolvers.live.standing import standing
from resolvers.live.visible import Visible


class PresentUsers(Struct, frozen=True, kw_only=True):
    """The users who watch a project, each once."""

    project_id: UUID
    user_ids: frozenset[UUID]


class KnownUsers(Struct, frozen=True, kw_only=True):
    """The users who watch a project, and what is known of some of them already."""

    present: PresentUsers
    known: Mapping[UUID, UserRecord]


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


async def all_presences(context: Context) -> AsyncGenerator[KnownUsers, None]:
    """Stream who watches each of all projects that the viewer can see: those that anybody does.

    Then whenever somebody comes or goes in one of them, those yet to come too. Updates that all get
    alike go to the context's outlet; the others are yielded. A project that is out of sight is told
    of no more.
    """
    async with _Observed(context) as projects:
        async for update in projects.snapshots():
            yield update
        async for update in projects.changes():
            yield update


class _Observed(Visible[KnownUsers]):
    """Who watches projects at which the viewer only looks on."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, context.services.presence_relays, context.outlet)

    async def begin(
        self, found: Sequence[ProjectAccess], *, first: bool
    ) -> AsyncGenerator[KnownUsers, None]:
        """Tell who is at each, and follow it; nobody is news only where somebody may have been."""
        known = await self._people(found)
        for seen in found:
            self.told.add(seen.project.id)
            for update in self._tell(seen, known, nobody=not first):
                yield update

    def end(
        self, project_ids: Collection[UUID], _existing: Mapping[UUID, int]
    ) -> Iterable[KnownUsers]:
        """Say nothing."""
        for project_id in project_ids:
            self.leave(project_id)
        return ()

    async def after(self, parting: Parting) -> AsyncGenerator[KnownUsers, None]:
        """Tell who is there where the viewer may know."""
        project_id: UUID = parting.key
        seen: ProjectAccess | None = None
        if parting.reason is Reason.BEHIND:
            async with self.context.database.reading() as connection:
                seen = await project.access(connection, project_id, self.context.user_id)
        if seen is not None:
            for update in self._tell(seen, await self._people([seen]), nobody=True):
                yield update
            return
        self.leave(project_id)
        if parting.reason is not Reason.GONE:
            # Who was let in again since may have been told so before being told of this.
            async for update in self.reconcile():
                yield update

    def _tell(
        self, seen: ProjectAccess, known: Mapping[UUID, UserRecord], *, nobody: bool
    ) -> Iterator[KnownUsers]:
        """Follow a project; yield who is there before, if that is known to be for the viewer."""
        project_id, members_revision = seen.project.id, seen.project.members_revision
        attendance = self.context.services.presence.attendance(project_id)
        if attendance.audience_revision > members_revision:
            # Whoever came since may be none of the viewer's business: the relay finds out.
            self.following.follow(project_id, NEVER, members_revision)
            return
        present = PresentUsers(project_id=project_id, user_ids=attendance.users)
        if nobody or attendance.users:
            yield KnownUsers(present=present, known=known)
        self.following.follow(project_id, attendance.revision, members_revision, present)

    async def _people(self, found: Sequence[ProjectAccess]) -> Mapping[UUID, UserRecord]:
        """Read who is at these projects, all at once."""
        attendance = self.context.services.presence.attendance
        present = frozenset[UUID]().union(*(attendance(seen.project.id).users for seen in found))
        if not present:
            return {}
        async with self.context.database.reading() as connection:
            return await account.users(connection, present)

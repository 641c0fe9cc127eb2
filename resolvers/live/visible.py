"""All projects that the viewer can see, those yet to come too, followed as memberships change."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Generic, Self, TypeVar
from uuid import UUID

from persistence import project
from persistence.change import ProjectAccess
from persistence.records import MembershipsChange
from realtime.following import Following
from realtime.outlet import Outlet
from realtime.relays import Relays
from realtime.view import Parting
from realtime.watch import Watch
from resolvers.context import Context

T = TypeVar("T")


class Visible(ABC, Generic[T]):
    """What is told of all projects that the viewer can see, within ``async with``.

    What all get alike goes to the outlet; the rest is yielded. ``told`` are the projects that are
    followed, or about to be.
    """

    def __init__(self, context: Context, relays: Relays[Any], outlet: Outlet) -> None:
        self.context = context
        self.following = Following(context.user_id, outlet)
        self.told: set[UUID] = set()
        self._relays = relays
        self._memberships: Watch[MembershipsChange]

    async def __aenter__(self) -> Self:
        feeds, user_id = self.context.services.membership_feeds, self.context.user_id
        self._memberships = feeds.join(user_id, merge=_newer)
        return self

    async def __aexit__(self, *error: object) -> None:
        self.context.services.membership_feeds.leave(self._memberships)
        self.following.leave_all()

    async def snapshots(self) -> AsyncGenerator[T, None]:
        """Begin to watch, and yield what there is; to be called first."""
        await self.context.services.membership_feeds.begun(self._memberships)
        async for update in self.reconcile(first=True):
            yield update

    async def changes(self) -> AsyncGenerator[T, None]:
        """Yield what changes behind the snapshots."""
        self._memberships.on_arrival = partial(self.following.note, self._memberships)
        self._memberships.on_arrival()
        async for item in self.following:
            if item is not self._memberships:
                async for update in self.after(item):
                    yield update
            elif self._memberships.take() is not None:
                async for update in self.reconcile():
                    yield update

    async def reconcile(self, *, first: bool = False) -> AsyncGenerator[T, None]:
        """Bring what was told in line with the memberships that the database has now."""
        context, user_id = self.context, self.context.user_id
        # Of one moment, lest one who is shut out and let in again be told of both as of the latter.
        async with context.database.snapshot() as connection:
            visible = await project.visible(connection, user_id)
            existing = await project.revisions(connection, self.told - visible)
        # All of them at once: while one is told of, no other is to be told more.
        for update in [*self.end(self.told - visible, existing)]:
            yield update
        new = visible - self.told
        await self.following.join_all(self._relays, new)
        async with context.database.reading() as connection:
            found = await project.accesses(connection, new, user_id)
        for project_id in new - found.keys():
            self.following.leave(project_id)
        async for update in self.begin([found[key] for key in sorted(found)], first=first):
            yield update

    def leave(self, project_id: UUID) -> int:
        """Follow a project no longer; return the revision of the last event that was delivered."""
        self.told.remove(project_id)
        return self.following.leave(project_id)

    @abstractmethod
    def begin(self, found: Sequence[ProjectAccess], *, first: bool) -> AsyncGenerator[T, None]:
        """Follow projects that came in sight, all of them; yield what is told of that.

        ``first`` tells those that were there at the beginning.
        """

    @abstractmethod
    def end(self, project_ids: Collection[UUID], existing: Mapping[UUID, int]) -> Iterable[T]:
        """Leave projects that are out of sight; return what is told of that.

        ``existing`` has the revisions of those that there still are.
        """

    @abstractmethod
    def after(self, parting: Parting) -> AsyncGenerator[T, None]:
        """Go on with a project that can't be followed as before; yield what is told of that."""


def _newer(_earlier: MembershipsChange, later: MembershipsChange) -> MembershipsChange:
    return later

"""projectUpdated: the numbers of one project, or of all that the viewer can see."""

from collections.abc import AsyncGenerator
from datetime import datetime
from enum import StrEnum
from typing import Self
from uuid import UUID

from msgspec import Struct

from persistence import project
from persistence.change import ProjectAccess
from persistence.database import Connection
from persistence.records import ChangeOperation, ProjectChange, ProjectRole, ProjectStats
from realtime.group import WatchGroup
from realtime.watch import Signal
from resolvers import access
from resolvers.context import Context
from resolvers.errors import Forbidden

NO_LONGER = "You no longer have access to this project."


class ProjectOperation(StrEnum):
    """What an update of a project is about."""

    SNAPSHOT = "SNAPSHOT"
    CREATED = "CREATED"
    UPDATED = "UPDATED"
    DELETED = "DELETED"
    REVOKED = "REVOKED"


class ProjectUpdate(Struct, frozen=True, kw_only=True):
    """What a viewer is told of a project. ``stats`` is None where it is gone for the viewer."""

    project_id: UUID
    actor_id: UUID | None
    operation: ProjectOperation
    stats: ProjectStats | None
    timestamp: datetime
    revision: int


class Seen:
    """What a viewer was last told of one project, and what may be told next.

    ``members_revision`` is the change of memberships up to which the viewer's role was checked.
    """

    def __init__(self, context: Context, first: ProjectAccess) -> None:
        self._context = context
        self.project_id = first.project.id
        self.role = first.role
        self.stats = first.project.stats
        self.members_revision = first.project.members_revision

    def first(self, operation: ProjectOperation) -> ProjectUpdate:
        """Tell the state that the viewer starts with."""
        return self._update(operation, None)

    async def next(self, change: ProjectChange | Signal) -> ProjectUpdate | None:
        """Return what the viewer is told of the change; None for what is known already."""
        if isinstance(change, Signal):
            return self.end(ProjectOperation.DELETED)
        if change.revision <= self.stats.revision:
            return None
        if change.operation is ChangeOperation.DELETED:
            return self.end(ProjectOperation.DELETED, change.revision, change.actor_id)
        try:
            if not await self.may_tell(change):
                return None
        except Forbidden:
            return self.end(ProjectOperation.REVOKED, change.revision, change.actor_id)
        self.stats = change.stats
        return self._update(ProjectOperation.UPDATED, change.actor_id)

    async def may_tell(self, change: ProjectChange) -> bool:
        """Tell whether the viewer may be told of the change; asks the database where that moved.

        False where the project is gone by now: that is still to be told. Raises Forbidden where the
        viewer is shut out.
        """
        if change.members_revision > self.members_revision:
            async with self._context.services.database.reading() as connection:
                now = await self.access(connection)
            if now is None:
                return False
            self.role = now.role
            self.members_revision = now.project.members_revision
        return True

    async def access(self, connection: Connection) -> ProjectAccess | None:
        """Return the viewer's access now; None where the project is gone for everybody.

        Raises Forbidden where it is gone for the viewer only.
        """
        now = await project.access(connection, self.project_id, self._context.user_id)
        if now is None and await project.find(connection, self.project_id) is not None:
            raise Forbidden(NO_LONGER)
        return now

    def _update(self, operation: ProjectOperation, actor_id: UUID | None) -> ProjectUpdate:
        return ProjectUpdate(
            project_id=self.project_id,
            actor_id=actor_id,
            operation=operation,
            stats=self.stats,
            timestamp=self.stats.updated_at,
            revision=self.stats.revision,
        )

    def end(
        self,
        operation: ProjectOperation,
        revision: int | None = None,
        actor_id: UUID | None = None,
    ) -> ProjectUpdate:
        """Tell that the project is gone, for everybody or for this viewer."""
        return ProjectUpdate(
            project_id=self.project_id,
            actor_id=actor_id,
            operation=operation,
            stats=None,
            timestamp=self._context.services.clock(),
            revision=self.stats.revision + 1 if revision is None else revision,
        )


async def project_updates(
    context: Context, project_id: UUID
) -> AsyncGenerator[ProjectUpdate, None]:
    """Stream one project: its snapshot, then each change, until it is deleted.

    Raises NotFound where the viewer can't see it; Forbidden, behind the update REVOKED, as soon as
    that is so.
    """
    context.user_id  # noqa: B018 (raises Unauthenticated before anything is watched)
    async with context.services.project_feeds.watch(project_id, conflate=True) as watch:
        async with context.services.database.reading() as connection:
            first = await access.project_for(connection, context, project_id, ProjectRole.VIEWER)
        seen = Seen(context, first)
        watch.advance(seen.stats.revision)
        async with context.services.presence.here(project_id, context.user_id):
            yield seen.first(ProjectOperation.SNAPSHOT)
            async for change in watch:
                update = await seen.next(change)
                if update is None:
                    continue
                yield update
                if update.operation is ProjectOperation.REVOKED:
                    raise Forbidden(NO_LONGER)
                if update.operation is ProjectOperation.DELETED:
                    return


async def all_project_updates(context: Context) -> AsyncGenerator[ProjectUpdate, None]:
    """Stream all projects that the viewer can see: snapshots first, then each change of each.

    A project that is created, or shared with the viewer, appears with CREATED; one that is deleted
    or revoked ends with that. The stream itself goes on.
    """
    async with VisibleProjects(context) as projects:
        async for update in projects.snapshots():
            yield update
        async for update in projects.changes():
            yield update


class VisibleProjects:
    """All projects that the viewer can see, as they change: ``seen``, by id, is always current."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._user_id = context.user_id
        self._group: WatchGroup[UUID | None] = WatchGroup()
        self.seen: dict[UUID, Seen] = {}

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._group.__aexit__(None, None, None)

    async def snapshots(self) -> AsyncGenerator[ProjectUpdate, None]:
        """Begin to watch, and yield what there is; to be called first."""
        services = self._context.services
        await self._group.add(None, services.membership_feeds, self._user_id)
        async for update in self._reconcile(ProjectOperation.SNAPSHOT):
            yield update

    async def changes(self) -> AsyncGenerator[ProjectUpdate, None]:
        """Yield what changes behind the snapshots."""
        async for project_id, change in self._group:
            if project_id is None:
                async for update in self._reconcile(ProjectOperation.CREATED):
                    yield update
            elif (next_update := await self._next(project_id, change)) is not None:
                yield next_update

    async def _next(self, project_id: UUID, change: ProjectChange | Signal) -> ProjectUpdate | None:
        update = await self.seen[project_id].next(change)
        if update is not None and update.stats is None:
            await self._forget(project_id)
        return update

    async def _reconcile(self, operation: ProjectOperation) -> AsyncGenerator[ProjectUpdate, None]:
        """Bring what is seen in line with the memberships that the database has now."""
        services = self._context.services
        # Of one moment, lest one who is shut out and let in again be told of both as of the latter.
        async with services.database.snapshot() as connection:
            visible = await project.visible(connection, self._user_id)
            existing = await project.revisions(connection, self.seen.keys() - visible)
        for project_id in self.seen.keys() - visible:
            gone = self.seen[project_id]
            await self._forget(project_id)
            if project_id in existing:
                yield gone.end(ProjectOperation.REVOKED, existing[project_id])
            else:
                yield gone.end(ProjectOperation.DELETED)
        new = visible - self.seen.keys()
        await self._group.add_all(services.project_feeds, {key: key for key in new})
        async with services.database.reading() as connection:
            found = await project.accesses(connection, new, self._user_id)
        for project_id in sorted(new):
            if project_id in found:
                self.seen[project_id] = Seen(self._context, found[project_id])
                yield self.seen[project_id].first(operation)
            else:
                await self._group.discard(project_id)

    async def _forget(self, project_id: UUID) -> None:
        del self.seen[project_id]
        await self._group.discard(project_id)

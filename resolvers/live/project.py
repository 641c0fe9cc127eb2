"""projectUpdated: the numbers of one project, or of all that the viewer can see."""

from collections.abc import AsyncGenerator, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import partial
from math import inf
from typing import Self
from uuid import UUID

from msgspec import Struct

from persistence import project
from persistence.change import ProjectAccess
from persistence.records import ProjectChange, ProjectRole, ProjectStats
from realtime.following import Following
from realtime.outlet import Outlet
from realtime.view import Parting, Reason
from resolvers import access
from resolvers.context import Context
from resolvers.errors import Forbidden
from resolvers.live.audience import NO_LONGER, ProjectAudience
from resolvers.live.visible import Visible


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

    @classmethod
    def of(
        cls,
        project_id: UUID,
        operation: ProjectOperation,
        stats: ProjectStats,
        actor_id: UUID | None = None,
    ) -> Self:
        """Return the update that tells a project's numbers."""
        return cls(
            project_id=project_id,
            actor_id=actor_id,
            operation=operation,
            stats=stats,
            timestamp=stats.updated_at,
            revision=stats.revision,
        )


class ProjectView(ProjectAudience):
    """A project's numbers after each change."""

    def events(
        self, key: UUID, change: ProjectChange, _known: int
    ) -> list[tuple[int, ProjectUpdate]]:
        """Return the one update that there is."""
        update = ProjectUpdate.of(key, ProjectOperation.UPDATED, change.stats, change.actor_id)
        return [(change.revision, update)]


async def project_updates(
    context: Context, project_id: UUID
) -> AsyncGenerator[ProjectUpdate, None]:
    """Stream one project: its snapshot, then what changes, until it is deleted.

    Updates that all get alike go to the context's outlet; the others are yielded. Raises NotFound
    where the viewer can't see the project; Forbidden, behind the update REVOKED, as soon as that is
    so.
    """
    services = context.services
    async with Following(context.user_id, context.outlet) as following:
        await following.join(services.project_relays, project_id)
        async with context.database.reading() as connection:
            first = await access.project_for(connection, context, project_id, ProjectRole.VIEWER)
        async with services.presence.here(
            project_id, context.user_id, first.project.members_revision
        ):
            yield _state(first, ProjectOperation.SNAPSHOT)
            _follow(following, first)
            async for parting in following:
                async for update in _after(context, following, parting):
                    yield update
                    if update.operation is ProjectOperation.REVOKED:
                        raise Forbidden(NO_LONGER)
                    if update.operation is ProjectOperation.DELETED:
                        return


async def all_project_updates(context: Context) -> AsyncGenerator[ProjectUpdate, None]:
    """Stream all projects that the viewer can see: snapshots first, then what changes of each.

    A project that is created, or shared with the viewer, appears with CREATED; one that is deleted
    or revoked ends with that. The stream itself goes on. Updates that all get alike go to the
    context's outlet; the others are yielded.
    """
    async with VisibleProjects(context, context.outlet) as projects:
        async for update in projects.snapshots():
            yield update
        async for update in projects.changes():
            yield update


class VisibleProjects(Visible[ProjectUpdate]):
    """The numbers of all projects that the viewer can see."""

    def __init__(self, context: Context, outlet: Outlet) -> None:
        super().__init__(context, context.services.project_relays, outlet)

    async def begin(
        self, found: Sequence[ProjectAccess], *, first: bool
    ) -> AsyncGenerator[ProjectUpdate, None]:
        """Tell the numbers of each, and follow it."""
        operation = ProjectOperation.SNAPSHOT if first else ProjectOperation.CREATED
        for seen in found:
            self.told.add(seen.project.id)
            yield _state(seen, operation)
            _follow(self.following, seen)

    def end(
        self, project_ids: Collection[UUID], existing: Mapping[UUID, int]
    ) -> Iterator[ProjectUpdate]:
        """Tell of each that it is gone, behind the last revision that was told."""
        for project_id in project_ids:
            # Who was told of a later revision was let in again before it.
            if self.following.position(project_id) < existing.get(project_id, inf):
                last = self.leave(project_id)
                if project_id in existing:
                    yield _revoked(self.context, project_id, existing[project_id])
                else:
                    yield _deleted(self.context, project_id, last + 1)

    async def after(self, parting: Parting) -> AsyncGenerator[ProjectUpdate, None]:
        """Tell what a project has become."""
        async for update in _after(self.context, self.following, parting):
            if update.stats is None:
                self.leave(update.project_id)
            yield update
        if parting.reason is Reason.SHUT_OUT:
            # Who was let in again since may have been told so before being told of this.
            async for update in self.reconcile():
                yield update


async def _after(
    context: Context, following: Following, parting: Parting
) -> AsyncGenerator[ProjectUpdate, None]:
    """Tell what a project has become that can't be followed as before, and follow it if it can."""
    project_id: UUID = parting.key
    change: ProjectChange | None = parting.change
    if parting.reason is Reason.BEHIND:
        async with context.database.snapshot() as connection:
            now = await project.access(connection, project_id, context.user_id)
            found = None if now else await project.find(connection, project_id)
        if now is not None:
            if now.project.stats.revision > parting.revision:
                yield _state(now, ProjectOperation.UPDATED)
            _follow(following, now)
        elif found is not None:
            yield _revoked(context, project_id, found.stats.revision)
        else:
            yield _deleted(context, project_id, parting.revision + 1)
    else:
        gone = _deleted if parting.reason is Reason.GONE else _revoked
        if change is None:
            yield gone(context, project_id, parting.revision + 1)
        else:
            yield gone(context, project_id, change.revision, change.actor_id)


def _follow(following: Following, seen: ProjectAccess) -> None:
    record = seen.project
    following.follow(record.id, record.stats.revision, record.members_revision)


def _state(seen: ProjectAccess, operation: ProjectOperation) -> ProjectUpdate:
    return ProjectUpdate.of(seen.project.id, operation, seen.project.stats)


def _gone(
    operation: ProjectOperation,
    context: Context,
    project_id: UUID,
    revision: int,
    actor_id: UUID | None = None,
) -> ProjectUpdate:
    return ProjectUpdate(
        project_id=project_id,
        actor_id=actor_id,
        operation=operation,
        stats=None,
        timestamp=context.services.clock(),
        revision=revision,
    )


_deleted = partial(_gone, ProjectOperation.DELETED)
_revoked = partial(_gone, ProjectOperation.REVOKED)

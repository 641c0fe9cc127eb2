"""What subscriptions push."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry

from persistence.records import DashboardRecord, QueueNumbers, SegmentationStatus, UserRecord
from resolvers.live.jobs import JobsAvailable
from resolvers.live.presence import KnownUsers, PresentUsers
from resolvers.live.project import ProjectOperation, ProjectUpdate
from resolvers.live.segmentation import ImageOperation, SegmentationUpdate
from resolvers.live.upload import UploadProgress
from schema import ids
from schema.account import User
from schema.dashboard import Dashboard
from schema.enums import describe
from schema.ids import Kind
from schema.image import Image, SegmentationError
from schema.info import Info
from schema.lease import JobsAvailableType
from schema.loaders import load_job, load_users
from schema.project import ProjectStatsType
from schema.queue import QueueStats
from schema.scalars import BigInt
from schema.sharing import SHARED, TOLD_ASIDE
from schema.upload import UploadProgressType

describe(
    ProjectOperation,
    "What an update of a project is about.",
    SNAPSHOT="The state at the moment of subscribing; always first.",
    CREATED="The project appeared: it was created, or shared with this viewer.",
    UPDATED="Something in the project changed.",
    DELETED="The project is gone; nothing follows for it.",
    REVOKED="This viewer no longer has access; nothing follows for the project.",
)
describe(
    ImageOperation,
    "What an update of an image is about.",
    SNAPSHOT="The state at the moment of subscribing,"
    " or a change replayed after the given revision.",
    CREATED="The image was stored.",
    UPDATED="Something about the image changed.",
    DELETED="The image is gone.",
)


@strawberry.type(name="ProjectUpdate", description="A project's numbers after a change.")
class ProjectUpdateType:
    """A project's numbers after a change."""

    project_id: strawberry.ID = strawberry.field(description="The project.")
    user_id: strawberry.ID | None = strawberry.field(
        description="Who made the change; null for a snapshot,"
        " and where several changes came at once."
    )
    operation: ProjectOperation = strawberry.field(description="What the update is about.")
    updates: ProjectStatsType | None = strawberry.field(
        description="Null where the project is gone (DELETED, REVOKED)."
    )
    timestamp: datetime = strawberry.field(description="When the change was made.")
    revision: BigInt = strawberry.field(
        description="The project's revision; strictly rising for each project of a subscription."
    )

    @classmethod
    def of(cls, update: ProjectUpdate) -> "ProjectUpdateType":
        """Make one of a record."""
        actor = update.actor_id
        return cls(
            project_id=ids.encode(Kind.PROJECT, update.project_id),
            user_id=None if actor is None else ids.encode(Kind.USER, actor),
            operation=update.operation,
            updates=None if update.stats is None else ProjectStatsType.of(update.stats),
            timestamp=update.timestamp,
            revision=BigInt(update.revision),
        )


@strawberry.type(name="SegmentationUpdate", description="An image after a change.")
class SegmentationUpdateType:
    """An image after a change."""

    record: strawberry.Private[SegmentationUpdate]
    image_id: strawberry.ID = strawberry.field(description="The image.")
    project_id: strawberry.ID = strawberry.field(description="Its project.")
    operation: ImageOperation = strawberry.field(description="What the update is about.")
    status: SegmentationStatus | None = strawberry.field(
        description="Null where the image is gone (DELETED)."
    )
    queue_id: strawberry.ID | None = strawberry.field(
        description="The job that made the change, where it was one."
    )
    error: SegmentationError | None = strawberry.field(
        description="Why the last segmentation failed; null unless the status is FAILED."
    )
    timestamp: datetime = strawberry.field(description="When the change was made.")
    revision: BigInt = strawberry.field(
        description="Strictly rising within a subscription, but for reports of progress, which bear"
        " the one up to which everything was told. Pass the last one seen as 'after' to miss"
        " nothing across a reconnect."
    )
    image: Image | None = strawberry.field(
        description="The image as of this update; null where it is gone."
    )

    @classmethod
    def of(cls, update: SegmentationUpdate) -> "SegmentationUpdateType":
        """Make one of a record."""
        image = update.image
        job_id = None if image is None else image.job_id
        return cls(
            record=update,
            image_id=ids.encode(Kind.IMAGE, update.image_id),
            project_id=ids.encode(Kind.PROJECT, update.project_id),
            operation=update.operation,
            status=None if image is None else image.status,
            queue_id=None if job_id is None else ids.encode(Kind.JOB, job_id),
            error=None if image is None else SegmentationError.of(image.failure),
            timestamp=update.timestamp,
            revision=BigInt(update.revision),
            image=None if image is None else Image.of(image),
        )

    @strawberry.field(
        description="0 to 1, as the job's worker last reported; null unless one is at it. Where it"
        " is selected, reports come as updates, too: at most two a second for an image, UPDATED,"
        " with the revision up to which everything was told, since nothing else has changed.",
        metadata={**SHARED, **TOLD_ASIDE},
        graphql_type=float | None,
    )
    def progress(self, info: Info) -> Awaitable[float | None] | float | None:
        """Load the progress of the job that works on the image, if one does."""
        image = self.record.image
        if self.record.progress is not None:
            return self.record.progress
        if (
            image is None
            or image.job_id is None
            or image.status is not SegmentationStatus.PROCESSING
        ):
            return None
        return _progress(info, image.job_id)


async def _progress(info: Info, job_id: UUID) -> float | None:
    return (await load_job(info, job_id)).progress


@strawberry.type(description="Who is watching a project.")
class Presence:
    """Who is watching a project."""

    record: strawberry.Private[PresentUsers]
    known: strawberry.Private[Mapping[UUID, UserRecord]]
    project_id: strawberry.ID = strawberry.field(description="The project.")

    @classmethod
    def of(cls, record: PresentUsers | KnownUsers) -> "Presence":
        """Make one of a record."""
        present, known = (
            (record.present, record.known) if isinstance(record, KnownUsers) else (record, {})
        )
        project_id = ids.encode(Kind.PROJECT, present.project_id)
        return cls(record=present, known=known, project_id=project_id)

    @strawberry.field(
        description="Who is watching the project right now, each once.", metadata=SHARED
    )
    async def users(self, info: Info) -> list[User]:
        """Load the users that are not known."""
        unknown = [id_ for id_ in self.record.user_ids if id_ not in self.known]
        users = {**self.known, **{user.id: user for user in await load_users(info, unknown)}}
        return [User.of(users[id_]) for id_ in sorted(self.record.user_ids)]


_PRESENTED: Mapping[type, Callable[[Any], object]] = {
    ProjectUpdate: ProjectUpdateType.of,
    SegmentationUpdate: SegmentationUpdateType.of,
    QueueNumbers: QueueStats.of,
    JobsAvailable: JobsAvailableType.of,
    DashboardRecord: Dashboard.of,
    UploadProgress: UploadProgressType.of,
    PresentUsers: Presence.of,
    KnownUsers: Presence.of,
}


def present(event: object) -> object:
    """Return what the field of a subscription returns for an event of its stream."""
    return _PRESENTED[type(event)](event)

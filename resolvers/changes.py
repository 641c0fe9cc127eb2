"""Changes on their way: from the commit to the bus, and from the database to a feed."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from persistence import changes, project
from persistence.database import Announcement, Database
from persistence.records import (
    ChangeOperation,
    ImageRecord,
    MembershipsChange,
    ProjectChange,
    SegmentationStatus,
)
from realtime.bus import Bus
from realtime.feeds import Feeds
from realtime.watch import Aside

T = TypeVar("T")

MAX_MESSAGE_BYTES = 7_000
"""Postgres NOTIFY carries less than 8,000 bytes, the name of the channel included."""

JOBS_CHANNEL = "jobs"
"""The channel on which a word is said whenever images were queued."""

MAX_REPAIR_IMAGES = 500
"""How many images a feed reads at once; watchers that lag further behind read by pages."""


class _Aside(Struct, frozen=True, tag="aside"):
    image: UUID


_encoder = msgspec.json.Encoder()
_project_decoder = msgspec.json.Decoder(ProjectChange | _Aside)
_memberships_decoder = msgspec.json.Decoder(MembershipsChange)


def encode(change: Announcement) -> str:
    """Encode a change for the bus; one that is too long goes without its images."""
    message = _encoder.encode(change)
    if len(message) > MAX_MESSAGE_BYTES and isinstance(change, ProjectChange):
        message = _encoder.encode(replace(change, images=None))
    return message.decode()


def encode_progress(image_id: UUID) -> str:
    """Encode the word that the job at an image has come further."""
    return _encoder.encode(_Aside(image_id)).decode()


def decode_project_change(message: str) -> ProjectChange | Aside:
    """Decode what was made of a project's change, or of progress; raises msgspec.DecodeError."""
    change = _project_decoder.decode(message)
    return Aside(change.image) if isinstance(change, _Aside) else change


def decode_memberships_change(message: str) -> MembershipsChange:
    """Decode what ``encode`` made of a user's change; raises msgspec.DecodeError."""
    return _memberships_decoder.decode(message)


def lacks_images(change: ProjectChange) -> bool:
    """Tell whether the images that this change touched have to be read."""
    return change.images is None


def is_deletion(change: ProjectChange) -> bool:
    """Tell whether nothing follows this change."""
    return change.operation is ChangeOperation.DELETED


def merged(earlier: ProjectChange, later: ProjectChange) -> ProjectChange:
    """Return two changes as one, without images; its actor is whoever made both."""
    actor_id = later.actor_id if earlier.actor_id == later.actor_id else None
    return replace(later, since=earlier.since, actor_id=actor_id, images=None)


class ProjectSource:
    """Where a project's feed reads what it missed."""

    def __init__(self, database: Callable[[], Database]) -> None:
        self._database = database

    async def read(self, topic: UUID, since: int) -> ProjectChange | None:
        """Return all that changed in the project after ``since``; None where it is gone."""
        async with self._database().snapshot() as connection:
            return await changes.since(connection, topic, since, limit=MAX_REPAIR_IMAGES)

    async def revisions(self, topics: Collection[UUID]) -> Mapping[UUID, int]:
        """Return the projects' current revisions, without those that are gone."""
        async with self._database().reading() as connection:
            return await project.revisions(connection, topics)


class MembershipsSource:
    """Where a user's feed reads what it missed."""

    def __init__(self, database: Callable[[], Database]) -> None:
        self._database = database

    async def read(self, topic: UUID, since: int) -> MembershipsChange | None:
        """Return that the user's set of projects changed after ``since``; None for no such user."""
        revision = (await self.revisions([topic])).get(topic)
        if revision is None:
            return None
        return MembershipsChange(user_id=topic, since=since, revision=revision)

    async def revisions(self, topics: Collection[UUID]) -> Mapping[UUID, int]:
        """Return the current revisions of the users' sets of projects."""
        async with self._database().reading() as connection:
            return await project.memberships_revisions(connection, topics)


def brings_work(change: ProjectChange) -> bool:
    """Tell whether images were queued by a change, as it is when it was just made."""
    return any(
        isinstance(image, ImageRecord) and image.status is SegmentationStatus.QUEUED
        for image in change.images or ()
    )


def publisher(
    projects: Feeds[ProjectChange],
    memberships: Feeds[MembershipsChange],
    bus: Bus,
) -> Callable[[Sequence[Announcement]], None]:
    """Return what to give to a Database as ``on_commit``: it never blocks and never raises."""

    def publish(announcements: Sequence[Announcement]) -> None:
        for change in announcements:
            if isinstance(change, ProjectChange):
                projects.publish(change.project_id, encode(change))
                if brings_work(change):
                    bus.publish(JOBS_CHANNEL, str(change.project_id))
            else:
                memberships.publish(change.user_id, encode(change))

    return publish

"""segmentationUpdated: the images of one project, each change once, in order of revision."""

from collections.abc import AsyncGenerator, Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from persistence import changes, project, queue
from persistence.change import ProjectAccess
from persistence.database import Connection
from persistence.records import ImageRecord, ImageTombstone, ProjectChange, ProjectRole
from realtime.following import Following
from realtime.view import Audience, Page, Reason, Remarks
from resolvers import access
from resolvers.context import Context
from resolvers.errors import BadUserInput, CursorExpired, Forbidden, NotFound
from resolvers.live.audience import NO_LONGER, ProjectAudience

Changed: TypeAlias = ImageRecord | ImageTombstone
Key: TypeAlias = tuple[UUID, UUID | None]
"""A project, and the one image of it that is asked for, if it is one."""

_PAGE = 500


class ImageOperation(StrEnum):
    """What an update of an image is about."""

    SNAPSHOT = "SNAPSHOT"
    CREATED = "CREATED"
    UPDATED = "UPDATED"
    DELETED = "DELETED"


class SegmentationUpdate(Struct, frozen=True, kw_only=True):
    """What a viewer is told of an image. ``image`` is None where it was deleted.

    ``progress`` is known where a report of it is what is told: it bears the revision that was told
    last, for the image has not changed.
    """

    image_id: UUID
    project_id: UUID
    operation: ImageOperation
    image: ImageRecord | None
    timestamp: datetime
    revision: int
    progress: float | None = None

    @classmethod
    def of(cls, image: Changed, operation: ImageOperation) -> "SegmentationUpdate":
        """Return the update that tells an image's state, or that it is gone."""
        deleted = isinstance(image, ImageTombstone)
        return cls(
            image_id=image.id,
            project_id=image.project_id,
            operation=ImageOperation.DELETED if deleted else operation,
            image=None if isinstance(image, ImageTombstone) else image,
            timestamp=image.deleted_at if isinstance(image, ImageTombstone) else image.updated_at,
            revision=image.revision,
        )


class ImagesView(ProjectAudience):
    """A project's images, each after each of its changes."""

    @staticmethod
    def topic(key: Key) -> UUID:
        """Return the project."""
        return key[0]

    @staticmethod
    def concerns(key: Key, image_id: UUID) -> bool:
        """Tell whether an image is among those that are asked for."""
        return key[1] in (None, image_id)

    def events(
        self, key: Key, change: ProjectChange, known: int
    ) -> Sequence[tuple[int, SegmentationUpdate]] | None:
        """Return the updates of the images that changed; None where they are not carried."""
        return None if change.images is None else _updates(key, change.images, known)

    async def read(self, key: Key, since: int, known: int) -> Page | None:
        """Read a page of what changed after ``since``; None where the project is gone."""
        project_id, _ = key
        async with self._database().snapshot() as connection:
            found = await project.find(connection, project_id)
            members = await project.members_now(connection, project_id)
            images = await _read(connection, key, since)
        if found is None or members is None:
            return None
        more = len(images) == _PAGE
        members_revision, roles = members
        return Page(
            events=_updates(key, images, known),
            revision=images[-1].revision if more else found.stats.revision,
            more=more,
            audience=Audience(revision=members_revision, users=roles.keys()),
        )

    async def read_progress(
        self, key: Key, image_ids: Collection[UUID], revision: int
    ) -> Remarks | None:
        """Read how far jobs at these images are, for those who know all up to the revision."""
        project_id, _ = key
        async with self._database().snapshot() as connection:
            members = await project.members_now(connection, project_id)
            running = await queue.running(connection, project_id, image_ids)
        if members is None:
            return None
        members_revision, _ = members
        return Remarks(
            events=[
                replace(
                    SegmentationUpdate.of(entry.image, ImageOperation.UPDATED),
                    revision=revision,
                    progress=entry.job.progress,
                )
                for entry in running
                if entry.image.revision <= revision
            ],
            audience_revision=members_revision,
        )


async def segmentation_updates(
    context: Context, project_id: UUID, *, image_id: UUID | None = None, after: int | None = None
) -> AsyncGenerator[SegmentationUpdate, None]:
    """Stream the images of a project, or one of them, until the project is deleted.

    Without ``after``: what changes from now on. With it: first the latest state of each image whose
    last change is newer, deletions too. Updates that all get alike go to the context's outlet; the
    others are yielded. Raises NotFound where the viewer can't see the project or the image,
    CursorExpired where deletions newer than ``after`` may be forgotten already, or the project has
    not come to ``after``, and Forbidden as soon as the viewer can't see the project any more.
    """
    user_id = context.user_id
    if after is not None and after < 0:
        raise BadUserInput("'after' is a revision, or 0 for all images.")
    services, key = context.services, (project_id, image_id)
    async with Following(user_id, context.outlet) as following:
        await following.join(services.image_relays, key)
        reader = await _begin(context, key, after)
        async with services.presence.here(project_id, user_id, reader.members_revision):
            if after is not None:
                async for update in reader.read(after, None):
                    yield update
            following.follow(key, reader.cursor, reader.members_revision)
            async for parting in following:
                if parting.reason is Reason.SHUT_OUT:
                    raise Forbidden(NO_LONGER)
                if parting.reason is Reason.GONE:
                    return
                async for update in reader.read(parting.revision, parting.known):
                    yield update
                following.follow(key, reader.cursor, reader.members_revision)


async def _begin(context: Context, key: Key, after: int | None) -> "_Reader":
    """Check that the viewer may stream this, and that ``after`` can be answered."""
    project_id, image_id = key
    async with context.database.snapshot() as connection:
        first = await access.project_for(connection, context, project_id, ProjectRole.VIEWER)
        if image_id is not None and not await changes.known(connection, project_id, image_id):
            raise NotFound(access.NO_IMAGE)
        purged = await changes.purged_revision(connection, project_id)
    newest = first.project.stats.revision
    if after is not None and 0 < after < purged:
        raise _forgotten(after)
    if after is not None and after > newest:
        # The hub was restored from a backup, or the revision is another project's.
        raise _expired(f"The project is at revision {newest}, not yet at {after}")
    return _Reader(context, key, first, purged)


def _forgotten(cursor: int) -> CursorExpired:
    return _expired(f"Deletions since revision {cursor} are no longer known")


def _expired(reason: str) -> CursorExpired:
    return CursorExpired(
        f"{reason}: drop what you keep of this project and start over with after: 0."
    )


class _Reader:
    """Brings a viewer from one revision, the ``cursor``, to the newest that the database has.

    ``members_revision`` tells as of when it is known that the viewer may see the project. Deletions
    up to revision ``purged`` were forgotten before, and are none of the viewer's.
    """

    def __init__(self, context: Context, key: Key, seen: ProjectAccess, purged: int) -> None:
        self.cursor = self._newest = seen.project.stats.revision
        self.members_revision = seen.project.members_revision
        self._context = context
        self._key = key
        self._purged = purged

    async def read(self, since: int, known: int | None) -> AsyncGenerator[SegmentationUpdate, None]:
        """Yield the latest state of all that changed after ``since``, however much it is.

        The updates are for those who know all up to ``known``, as those of ``_updates`` are. Raises
        Forbidden once the viewer is shut out.
        """
        self.cursor = since
        while page := await self._page():
            for _, update in _updates(self._key, page, known):
                yield update
            if len(page) < _PAGE:
                break
            self.cursor = page[-1].revision
        self.cursor = max(self.cursor, self._newest)

    async def _page(self) -> Sequence[Changed]:
        project_id, _ = self._key
        async with self._context.database.snapshot() as connection:
            now = await project.access(connection, project_id, self._context.user_id)
            if now is None:
                if await project.find(connection, project_id) is None:
                    return ()
                raise Forbidden(NO_LONGER)
            self._newest = now.project.stats.revision
            self.members_revision = now.project.members_revision
            if self.cursor < await changes.purged_revision(connection, project_id) > self._purged:
                raise _forgotten(self.cursor)
            return await _read(connection, self._key, self.cursor)


async def _read(connection: Connection, key: Key, since: int) -> Sequence[Changed]:
    """Read a page of what changed after ``since``; of one image, it is all that there is."""
    project_id, image_id = key
    if image_id is None:
        return await changes.images_since(connection, project_id, since, limit=_PAGE)
    return await changes.image_since(connection, project_id, image_id, since)


def _updates(
    key: Key, images: Sequence[Changed], known: int | None
) -> list[tuple[int, SegmentationUpdate]]:
    """Return the images that are asked for as updates for those who know all up to ``known``.

    None makes it a replay: its updates are a snapshot.
    """
    _, image_id = key
    return [
        (image.revision, SegmentationUpdate.of(image, _operation(image, known)))
        for image in images
        if image_id in (None, image.id) and (known is None or image.revision > known)
    ]


def _operation(image: Changed, known: int | None) -> ImageOperation:
    if known is None:
        return ImageOperation.SNAPSHOT
    if isinstance(image, ImageRecord) and image.created_revision > known:
        return ImageOperation.CREATED
    return ImageOperation.UPDATED

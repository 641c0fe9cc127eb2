"""segmentationUpdated: the images of one project, each change once, in order of revision."""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from persistence import changes
from persistence.records import (
    ChangeOperation,
    ImageRecord,
    ImageTombstone,
    ProjectChange,
    ProjectRole,
)
from realtime.watch import GONE, Signal
from resolvers import access
from resolvers.context import Context
from resolvers.errors import BadUserInput, CursorExpired, NotFound
from resolvers.live.project import Seen

Changed = ImageRecord | ImageTombstone
_PAGE = 500


class ImageOperation(StrEnum):
    """What an update of an image is about."""

    SNAPSHOT = "SNAPSHOT"
    CREATED = "CREATED"
    UPDATED = "UPDATED"
    DELETED = "DELETED"


class SegmentationUpdate(Struct, frozen=True, kw_only=True):
    """What a viewer is told of an image. ``image`` is None where it was deleted."""

    image_id: UUID
    project_id: UUID
    operation: ImageOperation
    image: ImageRecord | None
    timestamp: datetime
    revision: int


async def segmentation_updates(
    context: Context, project_id: UUID, *, image_id: UUID | None = None, after: int | None = None
) -> AsyncGenerator[SegmentationUpdate, None]:
    """Stream the images of a project, or one of them, until the project is deleted.

    Without ``after``: what changes from now on. With it: first the latest state of each image whose
    last change is newer, deletions too. Raises NotFound where the viewer can't see the project or
    the image, CursorExpired where deletions newer than ``after`` may be forgotten already, and
    Forbidden as soon as the viewer can't see the project any more.
    """
    context.user_id  # noqa: B018 (raises Unauthenticated before anything is watched)
    if after is not None and after < 0:
        raise BadUserInput("'after' is a revision, or 0 for all images.")
    async with context.services.project_feeds.watch(project_id, details=True) as watch:
        seen, purged = await _begin(context, project_id, image_id, after)
        cursor = seen.stats.revision if after is None else after
        follower = _Follower(context, seen, cursor, purged)
        async with context.services.presence.here(project_id, context.user_id):
            if after is not None:
                async for update in follower.replay():
                    if image_id in (None, update.image_id):
                        yield update
            watch.advance(follower.cursor)
            async for item in watch:
                if item is GONE or _is_deletion(item):
                    return
                async for update in follower.follow(item):
                    if image_id in (None, update.image_id):
                        yield update
                watch.advance(follower.cursor)


async def _begin(
    context: Context, project_id: UUID, image_id: UUID | None, after: int | None
) -> tuple[Seen, int]:
    """Check that the viewer may stream this, and that ``after`` can be answered.

    Returns the state, and the revision up to which deletions may be forgotten.
    """
    async with context.services.database.snapshot() as connection:
        first = await access.project_for(connection, context, project_id, ProjectRole.VIEWER)
        if image_id is not None and not await changes.known(connection, project_id, image_id):
            raise NotFound(access.NO_IMAGE)
        purged = await changes.purged_revision(connection, project_id)
    if after is not None and (0 < after < purged or after > first.project.stats.revision):
        raise _expired(after)
    return Seen(context, first), purged


def _expired(cursor: int) -> CursorExpired:
    return CursorExpired(
        f"Deletions since revision {cursor} are no longer known: drop what you keep of this"
        " project and start over with after: 0."
    )


class _Follower:
    """Brings a viewer from revision ``cursor`` to later ones, by the bus or by the database.

    Deletions up to revision ``purged`` were forgotten before, and are none of the viewer's.
    """

    def __init__(self, context: Context, seen: Seen, cursor: int, purged: int) -> None:
        self.cursor = cursor
        self._context = context
        self._seen = seen
        self._purged = purged

    async def replay(self) -> AsyncGenerator[SegmentationUpdate, None]:
        """Yield the latest state of all that changed since the cursor."""
        async for image in self._read():
            yield _update(image, ImageOperation.SNAPSHOT)

    async def follow(
        self, item: ProjectChange | Signal
    ) -> AsyncGenerator[SegmentationUpdate, None]:
        """Yield what an item of the feed brings, or else what the database has."""
        known = self.cursor
        if isinstance(item, Signal) or item.images is None:
            images = self._read()
        elif await self._seen.may_tell(item):
            images = self._newer(item.images)
        else:
            return
        async for image in images:
            yield _update(image, _operation(image, known))

    async def _newer(self, images: Sequence[Changed]) -> AsyncGenerator[Changed, None]:
        for image in images:
            if image.revision > self.cursor:
                self.cursor = image.revision
                yield image

    async def _read(self) -> AsyncGenerator[Changed, None]:
        """Read by pages, however much it is; raises Forbidden once the viewer is shut out."""
        while True:
            page = await self._page(self.cursor)
            async for image in self._newer(page):
                yield image
            if len(page) < _PAGE:
                return

    async def _page(self, revision: int) -> Sequence[Changed]:
        project_id = self._seen.project_id
        async with self._context.services.database.snapshot() as connection:
            if await self._seen.access(connection) is None:
                return ()
            if revision < await changes.purged_revision(connection, project_id) > self._purged:
                raise _expired(revision)
            return await changes.images_since(connection, project_id, revision, limit=_PAGE)


def _is_deletion(item: ProjectChange | Signal) -> bool:
    return isinstance(item, ProjectChange) and item.operation is ChangeOperation.DELETED


def _operation(image: Changed, known: int) -> ImageOperation:
    """Tell what happened to an image in the eyes of who knows all up to revision ``known``."""
    if isinstance(image, ImageRecord) and image.created_revision > known:
        return ImageOperation.CREATED
    return ImageOperation.UPDATED


def _update(image: Changed, operation: ImageOperation) -> SegmentationUpdate:
    if isinstance(image, ImageTombstone):
        return SegmentationUpdate(
            image_id=image.id,
            project_id=image.project_id,
            operation=ImageOperation.DELETED,
            image=None,
            timestamp=image.deleted_at,
            revision=image.revision,
        )
    return SegmentationUpdate(
        image_id=image.id,
        project_id=image.project_id,
        operation=operation,
        image=image,
        timestamp=image.updated_at,
        revision=image.revision,
    )

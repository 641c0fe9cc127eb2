"""The queue: requests and cancellations. What workers do is in ``resolvers.lease``."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from uuid import UUID

from msgspec import Struct

from persistence import image, job, queue
from persistence.blobs import polygons_key
from persistence.change import ProjectAccess, changing
from persistence.database import Connection, UnitOfWork
from persistence.ids import FIRST_ID, new_id
from persistence.job import ImageJob
from persistence.records import (
    ImageRecord,
    ProjectRole,
    SegmentationRecord,
    SegmentationStatus,
)
from resolvers import access
from resolvers.context import Context
from resolvers.errors import BadUserInput
from resolvers.image import check_batch
from resolvers.inputs import name_of
from resolvers.polygons import geojson_of

DEFAULT_MODEL = "watershed"
DEFAULT_PRIORITY = 5
HIGHEST_PRIORITY = 10
DEFAULT_JOBS = 20
MOST_JOBS = 100
LONGEST_MODEL = 100

_UNSEGMENTED = (SegmentationStatus.UPLOADED, SegmentationStatus.FAILED)
_SEGMENTED = (SegmentationStatus.SEGMENTED, SegmentationStatus.NO_SEGMENTATION)


class Requested(Struct, frozen=True, kw_only=True):
    """What was queued: ``count`` jobs, ``jobs`` the first of them, and the project after it."""

    batch_id: UUID
    jobs: Sequence[ImageJob]
    count: int
    access: ProjectAccess


class Cancelled(Struct, frozen=True, kw_only=True):
    """How many jobs were cancelled, and the project after it."""

    count: int
    access: ProjectAccess


class Order(Struct, frozen=True, kw_only=True):
    """How images are to be segmented, and how soon: the highest priority, 10, first."""

    model: str = DEFAULT_MODEL
    threshold: float | None = None
    priority: int = DEFAULT_PRIORITY

    def checked(self) -> "Order":
        """Return it with the model's name in its normal form; raise BadUserInput if it can't be."""
        if self.threshold is not None and not math.isfinite(self.threshold):
            raise BadUserInput("The threshold must be a finite number.")
        if not 0 <= self.priority <= HIGHEST_PRIORITY:
            raise BadUserInput(f"The priority must be 0 to {HIGHEST_PRIORITY}.")
        model = name_of(self.model, what="model", longest=LONGEST_MODEL)
        return Order(model=model, threshold=self.threshold, priority=self.priority)


async def request(
    context: Context,
    project_id: UUID,
    *,
    image_ids: Sequence[UUID] | None,
    order: Order,
    force: bool,
) -> Requested:
    """Queue images of a project: these, all or none, or the whole project. Takes an EDITOR.

    Those that are UPLOADED or FAILED; by ``force`` those that are segmented, too. Others, which are
    in the queue already, are passed over.
    """
    order = order.checked()
    batch_id = new_id()
    wanted = _UNSEGMENTED + (_SEGMENTED if force else ())
    if image_ids is None:
        return await _request_all(context, project_id, wanted, batch_id, order)
    check_batch("imageIds", image_ids, context.services.limits.max_changes_per_call)

    async def chosen(connection: Connection) -> Sequence[ImageRecord]:
        found = await access.images_for(connection, context, image_ids)
        if any(image.project_id != project_id for image in found.values()):
            raise BadUserInput("imageIds names an image of another project.")
        return [found[id_] for id_ in image_ids if found[id_].status in wanted]

    seen, jobs = await _enqueue(context, project_id, chosen, batch_id, order)
    return Requested(batch_id=batch_id, jobs=jobs, count=len(jobs), access=seen)


async def _request_all(
    context: Context,
    project_id: UUID,
    wanted: Sequence[SegmentationStatus],
    batch_id: UUID,
    order: Order,
) -> Requested:
    """Queue a thousand a transaction, oldest first: after a fault, ask again for the rest."""
    limit = context.services.limits.max_changes_per_call
    first: Sequence[ImageJob] = ()
    count, after = 0, FIRST_ID
    while True:
        oldest = partial(
            queue.images_with, project_id=project_id, statuses=wanted, after=after, limit=limit
        )
        seen, jobs = await _enqueue(context, project_id, oldest, batch_id, order)
        first = first or jobs
        count += len(jobs)
        if len(jobs) < limit:
            return Requested(batch_id=batch_id, jobs=first, count=count, access=seen)
        after = jobs[-1].image.id


async def _enqueue(
    context: Context,
    project_id: UUID,
    pick: Callable[[Connection], Awaitable[Sequence[ImageRecord]]],
    batch_id: UUID,
    order: Order,
) -> tuple[ProjectAccess, Sequence[ImageJob]]:
    async def attempt(unit: UnitOfWork, lock: bool) -> tuple[ProjectAccess, Sequence[ImageJob]]:
        seen = await access.project_for(
            unit.connection, context, project_id, ProjectRole.EDITOR, lock=lock
        )
        images = await pick(unit.connection)
        if not images:
            return seen, ()
        project, jobs = await queue.enqueue(
            unit,
            seen,
            images,
            batch_id=batch_id,
            model=order.model,
            threshold=order.threshold,
            priority=order.priority,
            actor_id=context.user_id,
        )
        return ProjectAccess(project=project, role=seen.role), jobs

    return await changing(context.database, attempt)


async def cancel(
    context: Context,
    project_id: UUID,
    *,
    batch_id: UUID | None,
    image_ids: Sequence[UUID] | None,
) -> Cancelled:
    """Take images of a project out of the queue, those that a worker is at, too. Takes an EDITOR.

    All, or those of a batch, or these images; what is not in the queue is passed over.
    """
    limit = context.services.limits.max_changes_per_call
    if image_ids is not None:
        check_batch("imageIds", image_ids, limit)
    count = 0
    after: UUID | None = FIRST_ID
    while after is not None:
        async with context.database.transaction() as unit:
            seen = await access.project_for(
                unit.connection, context, project_id, ProjectRole.EDITOR, lock=True
            )
            page = await queue.cancel(
                unit,
                seen,
                batch_id=batch_id,
                image_ids=image_ids,
                after=after,
                limit=limit,
                actor_id=context.user_id,
            )
        count += page.count
        after = page.next
    return Cancelled(count=count, access=ProjectAccess(project=page.project, role=seen.role))


def jobs_wanted(first: int | None, image_ids: Sequence[str] | None) -> int:
    """Return how many jobs of a queue to show; raise BadUserInput for too many, jobs or images."""
    if image_ids is not None and len(image_ids) > MOST_JOBS:
        raise BadUserInput(f"imageIds has {len(image_ids)} entries; at most {MOST_JOBS} are shown.")
    if first is None:
        return DEFAULT_JOBS
    if not 1 <= first <= MOST_JOBS:
        raise BadUserInput(f"'first' must be 1 to {MOST_JOBS}, not {first}.")
    return first


async def find_job(context: Context, job_id: UUID) -> ImageJob | None:
    """Return the job with its image; None where the viewer can't see it, or the image is gone."""
    user_id = context.user_id
    async with context.database.reading() as connection:
        found = (await job.visible(connection, [job_id], user_id)).get(job_id)
        if found is None:
            return None
        images = await image.visible(connection, [found.image_id], user_id)
    if found.image_id not in images:
        return None
    return ImageJob(job=found, image=images[found.image_id])


async def find_segmentation(context: Context, segmentation_id: UUID) -> SegmentationRecord | None:
    """Return the finished run; None where the viewer can't see its image."""
    user_id = context.user_id
    async with context.database.reading() as connection:
        found = (await queue.segmentations(connection, [segmentation_id])).get(segmentation_id)
        if found is None or not await image.visible(connection, [found.image_id], user_id):
            return None
    return found


async def polygons(context: Context, segmentation: SegmentationRecord) -> bytes:
    """Return the JSON of the polygons, as a FeatureCollection, of a run of an image seen."""
    key = polygons_key(segmentation.project_id, segmentation.id)
    encoded = await context.services.blobs.read(key)
    return await asyncio.to_thread(geojson_of, encoded)

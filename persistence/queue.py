"""The queue: what people do with jobs. What workers do is in ``persistence.lease``.

A job's state, its image's status and the project's counters move in one transaction: QUEUED and
PROCESSING jobs belong to images of the same status, and an image has at most one of them.

Why nothing deadlocks: a transaction changes the jobs of one project, and locks the project's row
before any of them. So do the deletions of images and projects. Whoever waits for the row holds
nothing yet, and whoever has it meets no other that changes states. The one exception, the
extension of a lease, locks a single job, changes no state, and waits for nothing while it does.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from persistence import image, job, segmentation
from persistence.change import ProjectAccess
from persistence.database import Connection, UnitOfWork
from persistence.ids import new_id
from persistence.job import ImageJob, ended, job_of, moving, requeued
from persistence.records import (
    ImageRecord,
    JobRecord,
    JobState,
    ProjectRecord,
    SegmentationRecord,
    SegmentationStatus,
)
from persistence.segmentation import Move
from persistence.sql import Statement

_JOBS = Statement(f"SELECT {job.COLUMNS} FROM segmentation_jobs WHERE id = ANY(:job_ids)")


async def jobs(connection: Connection, job_ids: Collection[UUID]) -> Mapping[UUID, JobRecord]:
    """Return those of the jobs that exist, by id, whoever may see them."""
    result = await connection.execute(_JOBS, {"job_ids": list(job_ids)})
    return {row.id: job_of(row) for row in result}


_ACTIVE_JOBS = Statement(f"""
    SELECT {job.COLUMNS} FROM segmentation_jobs
    WHERE image_id = ANY(:image_ids) AND state IN ('QUEUED', 'PROCESSING')
""")


async def active_jobs(
    connection: Connection, image_ids: Collection[UUID]
) -> Mapping[UUID, JobRecord]:
    """Return the jobs of these images that are QUEUED or PROCESSING, by image."""
    result = await connection.execute(_ACTIVE_JOBS, {"image_ids": list(image_ids)})
    return {row.image_id: job_of(row) for row in result}


async def running(
    connection: Connection, project_id: UUID, image_ids: Collection[UUID]
) -> Sequence[ImageJob]:
    """Return the jobs at these images of the project of which progress was reported."""
    found = await active_jobs(connection, image_ids)
    reported = [
        each
        for each in found.values()
        if each.progress is not None
        and each.state is JobState.PROCESSING
        and each.project_id == project_id
    ]
    images = await image.find(connection, [each.image_id for each in reported])
    return [ImageJob(job=each, image=images[each.image_id]) for each in reported]


# One scan in the order of ids, so that all pages together read each image once.
_IMAGES_WITH = Statement(f"""
    SELECT {image.COLUMNS} FROM images
    WHERE project_id = :project_id AND status = ANY(:statuses) AND id > :after
    ORDER BY id LIMIT :limit
""")


async def images_with(
    connection: Connection,
    project_id: UUID,
    statuses: Collection[SegmentationStatus],
    *,
    after: UUID,
    limit: int,
) -> Sequence[ImageRecord]:
    """Return the project's oldest images behind ``after`` with one of these statuses."""
    result = await connection.execute(
        _IMAGES_WITH,
        {"project_id": project_id, "statuses": list(statuses), "after": after, "limit": limit},
    )
    return [image.image_of(row) for row in result]


async def enqueue(
    unit: UnitOfWork,
    access: ProjectAccess,
    images: Sequence[ImageRecord],
    *,
    batch_id: UUID,
    model: str,
    threshold: float | None,
    priority: int,
    actor_id: UUID,
) -> tuple[ProjectRecord, Sequence[ImageJob]]:
    """Queue at least one image that is not in the queue, in this order. May raise Stale."""
    moves = [
        Move(
            image=image,
            status=SegmentationStatus.QUEUED,
            job_id=new_id(),
            segmentation_id=image.segmentation_id,
        )
        for image in images
    ]
    project, moved = await segmentation.move(
        unit, access, moves, actor_id=actor_id, action="segmentation.requested"
    )
    jobs = [
        JobRecord(
            id=job_id,
            project_id=project.id,
            image_id=image.id,
            batch_id=batch_id,
            requested_by=actor_id,
            model=model,
            threshold=threshold,
            priority=priority,
            state=JobState.QUEUED,
            attempt=0,
            progress=None,
            worker=None,
            lease=None,
            lease_expires_at=None,
            failure_code=None,
            queued_at=project.stats.updated_at,
            started_at=None,
            finished_at=None,
            available_at=project.stats.updated_at,
        )
        for image in moved
        if (job_id := image.job_id) is not None
    ]
    await job.insert(unit, jobs)
    return project, [ImageJob(job=job, image=image) for job, image in zip(jobs, moved, strict=True)]


class Cancelled(Struct, frozen=True, kw_only=True):
    """A project after a cancellation, how many jobs it cancelled, and where there may be more."""

    project: ProjectRecord
    count: int
    next: UUID | None


async def cancel(
    unit: UnitOfWork,
    access: ProjectAccess,
    *,
    batch_id: UUID | None = None,
    image_ids: Collection[UUID] | None = None,
    after: UUID,
    limit: int,
    actor_id: UUID,
) -> Cancelled:
    """Take jobs of a project that was read locked out of the queue, running ones too.

    Those of one batch, of some images, or all, by pages of ``limit``: pass ``next`` as ``after``
    for the next one. The images are what they were before: what their latest run says, else
    UPLOADED.
    """
    images, last = await _cancellable(
        unit.connection,
        access.project.id,
        batch_id=batch_id,
        image_ids=image_ids,
        after=after,
        limit=limit,
    )
    jobs = await active_jobs(unit.connection, [image.id for image in images])
    entries = [
        ImageJob(job=found, image=image)
        for image in images
        if (found := jobs.get(image.id)) and batch_id in {None, found.batch_id}
    ]
    if not entries:
        return Cancelled(project=access.project, count=0, next=last)
    latest = [entry.image.segmentation_id for entry in entries]
    runs = await segmentations(unit.connection, [id_ for id_ in latest if id_ is not None])
    project, cancelled = await job.advance(
        unit,
        access,
        [(entry.job, _restoring(entry, runs)) for entry in entries],
        lambda job, now: ended(job, now, JobState.CANCELLED),
        action="segmentation.cancelled",
        actor_id=actor_id,
    )
    return Cancelled(project=project, count=len(cancelled), next=last)


_OF_BATCH = Statement("""
    SELECT image_id FROM segmentation_jobs
    WHERE batch_id = :batch_id AND image_id > :after AND state IN ('QUEUED', 'PROCESSING')
    ORDER BY image_id LIMIT :limit
""")


async def _cancellable(
    connection: Connection,
    project_id: UUID,
    *,
    batch_id: UUID | None,
    image_ids: Collection[UUID] | None,
    after: UUID,
    limit: int,
) -> tuple[Sequence[ImageRecord], UUID | None]:
    """Return a page of images that may have jobs, and the last one where more may follow."""
    if image_ids is None and batch_id is None:
        in_queue = (SegmentationStatus.QUEUED, SegmentationStatus.PROCESSING)
        images = await images_with(connection, project_id, in_queue, after=after, limit=limit)
        return images, images[-1].id if len(images) == limit else None
    last = None
    if image_ids is None:
        parameters = {"batch_id": batch_id, "after": after, "limit": limit}
        image_ids = (await connection.execute(_OF_BATCH, parameters)).scalars()
        last = image_ids[-1] if len(image_ids) == limit else None
    found = await image.find(connection, image_ids)
    return [one for one in found.values() if one.project_id == project_id], last


def _restoring(entry: ImageJob, runs: Mapping[UUID, SegmentationRecord]) -> Move:
    latest = entry.image.segmentation_id
    run = None if latest is None else runs.get(latest)
    return moving(entry, SegmentationStatus.UPLOADED if run is None else status_of(run.cell_count))


def status_of(cell_count: int) -> SegmentationStatus:
    """Return the status of an image in which a run found so many cells."""
    return SegmentationStatus.SEGMENTED if cell_count else SegmentationStatus.NO_SEGMENTATION


_NOW = Statement("SELECT clock_timestamp()")


async def follow(unit: UnitOfWork, moves: Sequence[Move]) -> None:
    """Let jobs follow images that were moved by hand in this transaction, by ``segmentation.move``.

    A job that its image's move names goes the way of the image; any other is cancelled. Either way
    its lease is void: a worker that has it is refused. A job put to PROCESSING so has no lease that
    could end, and waits for whoever moved it.
    """
    jobs = await active_jobs(unit.connection, [move.image.id for move in moves])
    if not jobs:
        return
    now: datetime = (await unit.connection.execute(_NOW)).scalar_one()
    followed = [(jobs[move.image.id], move) for move in moves if move.image.id in jobs]
    await job.write(
        unit,
        [job for job, _ in followed],
        [_following(job, move, now) for job, move in followed],
    )


def _following(job: JobRecord, move: Move, now: datetime) -> JobRecord:
    match move.status if move.job_id == job.id else None:
        case SegmentationStatus.QUEUED:
            return requeued(job, now)
        case SegmentationStatus.PROCESSING:
            return replace(
                requeued(job, job.queued_at),
                state=JobState.PROCESSING,
                attempt=job.attempt + 1,
                started_at=now,
            )
        case SegmentationStatus.SEGMENTED | SegmentationStatus.NO_SEGMENTATION:
            return ended(job, now, JobState.SUCCEEDED)
        case SegmentationStatus.FAILED:
            return ended(job, now, JobState.FAILED, move.failure.code if move.failure else None)
        case _:
            return ended(job, now, JobState.CANCELLED)


_SEGMENTATIONS = Statement("""
    SELECT id, image_id, project_id, model, threshold, cell_count, cell_area, processing_seconds,
        created_at, model_version, parameters, image_checksum
    FROM segmentations WHERE id = ANY(:segmentation_ids)
""")


async def segmentations(
    connection: Connection, segmentation_ids: Collection[UUID]
) -> Mapping[UUID, SegmentationRecord]:
    """Return those of these finished runs that exist, by id, whoever may see them."""
    result = await connection.execute(_SEGMENTATIONS, {"segmentation_ids": list(segmentation_ids)})
    return {row.id: SegmentationRecord(**dict(row)) for row in result}

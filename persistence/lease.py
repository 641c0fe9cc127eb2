"""Leases: what workers do with jobs.

A claim hands a job out for a time, with a secret: the lease. Whoever can't show the lease of a job
that is PROCESSING, before it ends, changes nothing. The database's clock decides when that is.
``persistence.queue`` says why nothing here deadlocks.
"""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from persistence import image, job, project
from persistence.change import ProjectAccess
from persistence.database import Connection, Database, UnitOfWork
from persistence.job import ImageJob, ended, job_of, moving, requeued
from persistence.queue import status_of
from persistence.records import (
    ImageRecord,
    JobRecord,
    JobState,
    ProjectRecord,
    SegmentationFailure,
    SegmentationStatus,
)
from persistence.segmentation import Move
from persistence.sql import Statement

MAX_ATTEMPTS = 3
"""How often a job is handed out before its failures count for good."""

LEASE_LOST = SegmentationFailure(
    code="LEASE_LOST",
    message="Workers took the image and were not heard of again.",
    retryable=True,
)


FIRST_PATIENCE_SECONDS = 5.0


def patience(job: JobRecord, failure: SegmentationFailure) -> timedelta:
    """Return how long a job rests that failed: four times as long each time, give or take a half.

    One whose worker was lost does not rest: the wait for its lease was enough.
    """
    if failure.code == LEASE_LOST.code:
        return timedelta()
    seconds = FIRST_PATIENCE_SECONDS * 4.0 ** (job.attempt - 1)
    return timedelta(seconds=seconds * random.uniform(0.5, 1.5))  # noqa: S311


_HOLDS = "lease = :lease AND state = 'PROCESSING' AND lease_expires_at > statement_timestamp()"
_HELD = Statement(f"SELECT {job.COLUMNS} FROM segmentation_jobs WHERE id = :job_id AND {_HOLDS}")
_EXTEND = Statement(f"""
    UPDATE segmentation_jobs
    SET lease_expires_at = clock_timestamp() + make_interval(secs => :seconds),
        progress = COALESCE(:progress, progress)
    WHERE id = :job_id AND {_HOLDS} RETURNING lease_expires_at
""")


async def held(connection: Connection, job_id: UUID, lease: UUID) -> ImageJob | None:
    """Return the job and its image while this lease holds; None where it does not."""
    result = await connection.execute(_HELD, {"job_id": job_id, "lease": lease})
    row = result.one_or_none()
    if row is None:
        return None
    found = (await image.find(connection, [row.image_id])).get(row.image_id)
    return None if found is None else ImageJob(job=job_of(row), image=found)


async def extend(
    unit: UnitOfWork, job_id: UUID, lease: UUID, *, seconds: float, progress: float | None
) -> datetime | None:
    """Let the lease end this many seconds from now, and note the progress, if any, from 0 to 1.

    Returns when it ends; None where it does not hold, and then nothing was changed.
    """
    result = await unit.connection.execute(
        _EXTEND, {"job_id": job_id, "lease": lease, "seconds": seconds, "progress": progress}
    )
    expires_at: datetime | None = result.scalar_one_or_none()
    return expires_at


class NewRun(Struct, frozen=True, kw_only=True):
    """What a worker found, and with what; the polygons are in the blob store already.

    The area is in px², the parameters are JSON.
    """

    id: UUID
    cell_count: int
    cell_area: float
    processing_seconds: float | None
    model_version: str | None = None
    parameters: str | None = None


_INSERT_RUN = Statement("""
    INSERT INTO segmentations (id, image_id, project_id, model, threshold, cell_count, cell_area,
        processing_seconds, created_at, model_version, parameters, image_checksum)
    VALUES (:id, :image_id, :project_id, :model, :threshold, :cell_count, :cell_area,
        :processing_seconds, :created_at, :model_version, :parameters, :image_checksum)
""")


async def complete(
    unit: UnitOfWork, access: ProjectAccess, entry: ImageJob, run: NewRun, *, actor_id: UUID
) -> tuple[ProjectRecord, ImageRecord]:
    """End a job that was held with what was found. May raise Stale."""
    move = Move(
        image=entry.image,
        status=status_of(run.cell_count),
        job_id=entry.job.id,
        segmentation_id=run.id,
    )
    project, [finished] = await job.advance(
        unit,
        access,
        [(entry.job, move)],
        lambda job, now: ended(job, now, JobState.SUCCEEDED),
        action="segmentation.completed",
        actor_id=actor_id,
    )
    await unit.connection.execute(
        _INSERT_RUN,
        {
            "id": run.id,
            "image_id": entry.image.id,
            "project_id": project.id,
            "model": entry.job.model,
            "threshold": entry.job.threshold,
            "cell_count": run.cell_count,
            "cell_area": run.cell_area,
            "processing_seconds": run.processing_seconds,
            "created_at": project.stats.updated_at,
            "model_version": run.model_version,
            "parameters": run.parameters,
            "image_checksum": entry.image.checksum,
        },
    )
    return project, finished.image


async def give_back(
    unit: UnitOfWork, access: ProjectAccess, entry: ImageJob, *, actor_id: UUID
) -> tuple[ProjectRecord, ImageRecord]:
    """Put a job that was held back where it was, as if it had not been handed out.

    May raise Stale.
    """

    def returned(job: JobRecord, _now: datetime) -> JobRecord:
        return replace(requeued(job, job.queued_at), attempt=job.attempt - 1)

    project, [given_back] = await job.advance(
        unit,
        access,
        [(entry.job, moving(entry, SegmentationStatus.QUEUED))],
        returned,
        action="segmentation.given_back",
        actor_id=actor_id,
    )
    return project, given_back.image


async def fail(
    unit: UnitOfWork,
    access: ProjectAccess,
    entries: Sequence[ImageJob],
    failure: SegmentationFailure,
    *,
    action: str = "segmentation.failed",
    actor_id: UUID | None,
) -> tuple[ProjectRecord, Sequence[ImageRecord]]:
    """End attempts of jobs that were held. May raise Stale.

    They go back to the queue where a retry may help and one is left, and wait there for
    ``patience`` before they are handed out again.
    """

    def retries(job: JobRecord) -> bool:
        return failure.retryable and job.attempt < MAX_ATTEMPTS

    def move(entry: ImageJob) -> Move:
        if retries(entry.job):
            return moving(entry, SegmentationStatus.QUEUED)
        return moving(entry, SegmentationStatus.FAILED, failure)

    def failed(job: JobRecord, now: datetime) -> JobRecord:
        if retries(job):
            return requeued(job, now, failure.code, after=patience(job, failure))
        return ended(job, now, JobState.FAILED, failure.code)

    project, moved = await job.advance(
        unit,
        access,
        [(entry.job, move(entry)) for entry in entries],
        failed,
        action=action,
        actor_id=actor_id,
    )
    return project, [entry.image for entry in moved]


_OVER = "state = 'PROCESSING' AND lease_expires_at <= statement_timestamp()"
_OVER_IN = Statement(f"SELECT DISTINCT project_id FROM segmentation_jobs WHERE {_OVER}")
_OVER_OF = Statement(f"""
    SELECT {job.COLUMNS} FROM segmentation_jobs
    WHERE project_id = :project_id AND {_OVER} LIMIT :limit
""")


async def expire(database: Database, *, limit: int = 1000) -> int:
    """Take back the jobs whose leases are over, each as a failure LEASE_LOST; return how many.

    One transaction for each project, and for each ``limit`` jobs of it.
    """
    async with database.reading() as connection:
        projects = (await connection.execute(_OVER_IN)).scalars()
    taken_back = 0
    for project_id in projects:
        more = True
        while more:
            taken = await _expire_in(database, project_id, limit)
            taken_back += taken
            more = taken == limit
    return taken_back


async def _expire_in(database: Database, project_id: UUID, limit: int) -> int:
    async with database.transaction() as unit:
        found = await project.find(unit.connection, project_id)
        # The hub itself acts, on behalf of whom the project belongs to, who is always a member.
        access = None
        if found is not None:
            access = await project.access(unit.connection, project_id, found.owner_id, lock=True)
        if access is None:
            return 0
        result = await unit.connection.execute(_OVER_OF, {"project_id": project_id, "limit": limit})
        entries = await job.with_images(unit.connection, [job_of(row) for row in result])
        if entries:
            await fail(unit, access, entries, LEASE_LOST, action="segmentation.lost", actor_id=None)
        return len(entries)

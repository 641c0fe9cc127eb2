"""Jobs: rows of the queue, and how they move together with their images."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from persistence import image, segmentation
from persistence.change import ProjectAccess, Stale
from persistence.database import Connection, UnitOfWork
from persistence.records import (
    ImageRecord,
    JobRecord,
    JobState,
    ProjectRecord,
    SegmentationFailure,
    SegmentationStatus,
)
from persistence.segmentation import Move
from persistence.sql import Row, Statement

_GIVEN = {
    "id": "uuid",
    "project_id": "uuid",
    "image_id": "uuid",
    "batch_id": "uuid",
    "requested_by": "uuid",
    "model": "text",
    "threshold": "float8",
    "priority": "int",
}
_MOVING = {
    "state": "text",
    "attempt": "int",
    "progress": "float8",
    "worker": "text",
    "lease": "uuid",
    "lease_expires_at": "timestamptz",
    "failure_code": "text",
    "queued_at": "timestamptz",
    "started_at": "timestamptz",
    "finished_at": "timestamptz",
    "available_at": "timestamptz",
}
_TYPES = _GIVEN | _MOVING
COLUMNS = ", ".join(_TYPES)


def columns_of(table: str) -> str:
    """Return the columns as those of a table with this alias."""
    return ", ".join(f"{table}.{name}" for name in _TYPES)


def _arrays(types: Mapping[str, str]) -> str:
    return ", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in types.items())


def _values(jobs: Sequence[JobRecord], names: Iterable[str]) -> dict[str, object]:
    return {name: [getattr(job, name) for job in jobs] for name in names}


class ImageJob(Struct, frozen=True, kw_only=True):
    """A job and its image."""

    job: JobRecord
    image: ImageRecord


def job_of(row: Row) -> JobRecord:
    """Read a job from a row that has the columns of COLUMNS."""
    fields = {name: row[name] for name in _TYPES}
    return JobRecord(**{**fields, "state": JobState(row.state)})


_VISIBLE = Statement(f"""
    SELECT {columns_of("j")}
    FROM segmentation_jobs j JOIN project_members m ON m.project_id = j.project_id
    WHERE j.id = ANY(:job_ids) AND m.user_id = :user_id
""")


async def visible(
    connection: Connection, job_ids: Collection[UUID], user_id: UUID
) -> Mapping[UUID, JobRecord]:
    """Return those of the jobs whose project the user can see, by id; their images may be gone."""
    result = await connection.execute(_VISIBLE, {"job_ids": list(job_ids), "user_id": user_id})
    return {row.id: job_of(row) for row in result}


async def with_images(connection: Connection, jobs: Sequence[JobRecord]) -> Sequence[ImageJob]:
    """Return jobs together with their images; raise Stale where an image has just gone."""
    images = await image.find(connection, [job.image_id for job in jobs])
    if len(images) < len(jobs):
        raise Stale
    return [ImageJob(job=job, image=images[job.image_id]) for job in jobs]


_INSERT = Statement(f"""
    INSERT INTO segmentation_jobs ({COLUMNS}) SELECT * FROM unnest({_arrays(_TYPES)})
""")


async def insert(unit: UnitOfWork, jobs: Sequence[JobRecord]) -> None:
    """Add jobs; an image that has an active one already is an error of the hub."""
    await unit.connection.execute(_INSERT, _values(jobs, _TYPES))


def moving(
    entry: ImageJob, status: SegmentationStatus, failure: SegmentationFailure | None = None
) -> Move:
    """Return the move of the job's image that keeps all but its status."""
    return Move(
        image=entry.image,
        status=status,
        failure=failure,
        job_id=entry.job.id,
        segmentation_id=entry.image.segmentation_id,
    )


def requeued(
    job: JobRecord,
    now: datetime,
    failure_code: str | None = None,
    *,
    after: timedelta = timedelta(),
) -> JobRecord:
    """Return the job as it waits once more, to be handed out no sooner than ``after`` now."""
    return replace(
        job,
        state=JobState.QUEUED,
        progress=None,
        worker=None,
        lease=None,
        lease_expires_at=None,
        failure_code=failure_code,
        queued_at=now,
        started_at=None,
        available_at=now + after,
    )


def ended(
    job: JobRecord, now: datetime, state: JobState, failure_code: str | None = None
) -> JobRecord:
    """Return the job as it is over for good."""
    return replace(
        job,
        state=state,
        lease=None,
        lease_expires_at=None,
        failure_code=failure_code,
        finished_at=now,
    )


_WRITE = Statement(f"""
    UPDATE segmentation_jobs j SET {", ".join(f"{name} = n.{name}" for name in _MOVING)}
    FROM unnest(
        CAST(:ids AS uuid[]), CAST(:read_states AS text[]), CAST(:read_leases AS uuid[]),
        {_arrays(_MOVING)}
    ) AS n(id, read_state, read_lease, {", ".join(_MOVING)})
    WHERE j.id = n.id AND j.state = n.read_state AND j.lease IS NOT DISTINCT FROM n.read_lease
    RETURNING j.id
""")


async def write(unit: UnitOfWork, read: Sequence[JobRecord], written: Sequence[JobRecord]) -> None:
    """Replace jobs that were read by others; raise Stale where a state or a lease has changed."""
    found = await unit.connection.execute(
        _WRITE,
        {
            "ids": [job.id for job in read],
            "read_states": [job.state for job in read],
            "read_leases": [job.lease for job in read],
            **_values(written, _MOVING),
        },
    )
    if len(found) != len(read):
        raise Stale


async def advance(
    unit: UnitOfWork,
    access: ProjectAccess,
    steps: Sequence[tuple[JobRecord, Move]],
    become: Callable[[JobRecord, datetime], JobRecord],
    *,
    action: str,
    actor_id: UUID | None,
) -> tuple[ProjectRecord, Sequence[ImageJob]]:
    """Move jobs of one project, at least one, together with their images.

    ``become`` returns what a job turns into at an instant. Raises Stale where a job's state or
    lease, or an image, is no longer as it was read.
    """
    project, images = await segmentation.move(
        unit, access, [move for _, move in steps], actor_id=actor_id, action=action
    )
    jobs = [become(job, project.stats.updated_at) for job, _ in steps]
    await write(unit, [job for job, _ in steps], jobs)
    return project, [
        ImageJob(job=job, image=image) for job, image in zip(jobs, images, strict=True)
    ]

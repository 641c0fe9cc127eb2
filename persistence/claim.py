"""Claims: how jobs are handed out to workers."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from msgspec import Struct
from msgspec.structs import replace

from persistence import job
from persistence.change import ProjectAccess
from persistence.database import Connection, UnitOfWork
from persistence.job import ImageJob, job_of, moving
from persistence.records import JobRecord, JobState, ProjectRole, SegmentationStatus
from persistence.sql import Statement


def _next(project_id: str, *, by_model: bool) -> str:
    """Compose the query for a project's first jobs; each way is a scan of an index of its own."""
    first = f"""
        SELECT {job.COLUMNS} FROM segmentation_jobs
        WHERE project_id = {project_id} AND state = 'QUEUED' AND priority >= :lowest_priority
            {"AND model = w.model" if by_model else ""}
        ORDER BY {job.ORDER} LIMIT :limit
    """
    if not by_model:
        return first
    return f"""
        SELECT c.* FROM unnest(CAST(:models AS text[])) AS w(model), LATERAL ({first}) c
        ORDER BY c.priority DESC, c.id LIMIT :limit
    """


_FIRST = {
    by_model: Statement(_next(":project_id", by_model=by_model)) for by_model in (False, True)
}
_SHARES = {
    by_model: Statement(f"""
        WITH first AS (
            SELECT j.project_id, j.priority
            FROM project_members m JOIN projects p ON p.id = m.project_id
            CROSS JOIN LATERAL ({_next("p.id", by_model=by_model)}) j
            WHERE m.user_id = :user_id AND m.role = ANY(:roles) AND p.queued_count > 0
            ORDER BY j.priority DESC, j.id LIMIT :limit
        )
        SELECT project_id, count(*) AS jobs, min(priority) AS lowest_priority
        FROM first GROUP BY project_id
    """)
    for by_model in (False, True)
}


class Share(Struct, frozen=True, kw_only=True):
    """How many of the jobs that are next belong to a project, and their lowest priority."""

    project_id: UUID
    jobs: int
    lowest_priority: int


async def shares(
    connection: Connection,
    user_id: UUID,
    *,
    needed: ProjectRole,
    models: Collection[str] | None,
    limit: int,
) -> Sequence[Share]:
    """Return of which projects the next jobs are, at most ``limit``, without locking any.

    Projects in which the user has at least the role needed, jobs of these models, or of any.
    """
    result = await connection.execute(
        _SHARES[models is not None],
        {
            "user_id": user_id,
            "roles": [role for role in ProjectRole if role.includes(needed)],
            "lowest_priority": 0,
            "limit": limit,
        }
        | _named(models),
    )
    return [Share(**dict(row)) for row in result]


def _named(models: Collection[str] | None) -> dict[str, object]:
    return {} if models is None else {"models": sorted(set(models))}


async def claim(
    unit: UnitOfWork,
    access: ProjectAccess,
    share: Share,
    *,
    models: Collection[str] | None,
    worker: str,
    seconds: float,
    actor_id: UUID,
) -> Sequence[ImageJob]:
    """Hand out the first jobs of a project that was read locked, as many as the share says or less.

    The jobs that the share was made of may be gone by now: those behind them are as good, but none
    of a lower priority, since another project's may come before those.
    """
    result = await unit.connection.execute(
        _FIRST[models is not None],
        {
            "project_id": access.project.id,
            "lowest_priority": share.lowest_priority,
            "limit": share.jobs,
        }
        | _named(models),
    )
    entries = await job.with_images(unit.connection, [job_of(row) for row in result])
    if not entries:
        return ()

    def claimed(job: JobRecord, now: datetime) -> JobRecord:
        return replace(
            job,
            state=JobState.PROCESSING,
            attempt=job.attempt + 1,
            worker=worker,
            lease=uuid4(),  # random as a whole, unlike a key: nobody can guess it
            lease_expires_at=now + timedelta(seconds=seconds),
            failure_code=None,
            started_at=now,
        )

    _, handed_out = await job.advance(
        unit,
        access,
        [(entry.job, moving(entry, SegmentationStatus.PROCESSING)) for entry in entries],
        claimed,
        action="segmentation.claimed",
        actor_id=actor_id,
    )
    return handed_out

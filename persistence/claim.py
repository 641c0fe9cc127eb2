"""Claims: how jobs are handed out to workers, in fair order.

Jobs wait in lines: those of one project, model, priority and person, the longest available first.
Higher priorities come first. Among those of one priority each person gets a turn after the other,
beginning with whoever was served longest ago, however many jobs each has waiting. It takes a look
at the first jobs of each line, so what a claim costs does not depend on how many wait.
"""

import random
from collections.abc import Collection, Mapping, Sequence
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

_FIRST = """
    SELECT {columns} FROM segmentation_jobs j
    WHERE (j.project_id, j.model, j.priority, j.requested_by)
            = (l.project_id, l.model, l.priority, l.requested_by)
        AND j.state = 'QUEUED' AND j.available_at <= statement_timestamp()
    ORDER BY j.available_at, j.id LIMIT {limit}
"""


_MEMBERS = """
    JOIN project_members m ON m.project_id = l.project_id
        AND m.user_id = :user_id AND m.role = ANY(:roles)
"""


_ORDER = "priority DESC, round, served_at NULLS FIRST, available_at, id"


# Of the first jobs of all lines as many are looked at as are wanted: what is next is in their
# lines. For whatever is ahead of one of these in this order, a job is ahead of it in all orders.
def _shares(*, of_all: bool, by_model: bool) -> Statement:
    return Statement(f"""
        WITH line AS (
            SELECT l.project_id, l.model, l.priority, l.requested_by
            FROM queue_lines l {"" if of_all else _MEMBERS}
            WHERE l.waiting > 0 {"AND l.model = ANY(:models)" if by_model else ""}
        ), person AS (
            SELECT requested_by, max(served_at) AS served_at FROM queue_lines
            WHERE requested_by IN (SELECT requested_by FROM line) GROUP BY requested_by
        ), head AS (
            SELECT l.*, person.served_at, j.available_at, j.id, row_number() OVER (
                PARTITION BY l.priority, l.requested_by ORDER BY j.available_at, j.id
            ) AS round
            FROM line l JOIN person USING (requested_by),
                LATERAL ({_FIRST.format(columns="j.available_at, j.id", limit="1")}) j
        ), turn AS (
            SELECT l.*, j.available_at, j.id, row_number() OVER (
                PARTITION BY l.priority, l.requested_by ORDER BY j.available_at, j.id
            ) AS round
            FROM (
                SELECT project_id, model, priority, requested_by, served_at FROM head
                ORDER BY {_ORDER} LIMIT :limit
            ) AS l, LATERAL ({_FIRST.format(columns="j.available_at, j.id", limit=":limit")}) j
        ), next AS (
            SELECT *, row_number() OVER (ORDER BY {_ORDER}) AS place
            FROM turn ORDER BY place LIMIT :limit
        )
        SELECT project_id, model, priority, requested_by, array_agg(place ORDER BY place) AS places,
            statement_timestamp() + max(place) * INTERVAL '1 microsecond' AS served_at
        FROM next GROUP BY project_id, model, priority, requested_by ORDER BY min(place)
    """)


_SHARES = {
    (of_all, by_model): _shares(of_all=of_all, by_model=by_model)
    for of_all in (False, True)
    for by_model in (False, True)
}


_WAITING = {
    key: Statement(f"""
        WITH line AS (
            SELECT l.* FROM queue_lines l {"" if of_all else _MEMBERS}
            WHERE l.waiting > 0 {"AND l.model = ANY(:models)" if by_model else ""}
        )
        SELECT COALESCE(sum(waiting), 0)::bigint AS jobs, COALESCE(bool_or(EXISTS (
            {_FIRST.format(columns="", limit="1")}
        )), FALSE) AS available FROM line l
    """)
    for key in _SHARES
    for of_all, by_model in (key,)
}


class Waiting(Struct, frozen=True, kw_only=True):
    """How many jobs wait, and whether one of them is available now."""

    jobs: int
    available: bool


class Line(Struct, frozen=True, kw_only=True):
    """The first jobs of a line are next, at these ``places`` among all that are, from 1.

    ``served_at`` is when its turn is over, for the order of the next turns.
    """

    project_id: UUID
    model: str
    priority: int
    requested_by: UUID
    places: Sequence[int]
    served_at: datetime


class Scope(Struct, frozen=True, kw_only=True):
    """Whose queues a worker works at, and what it can do.

    Those of the projects in which the user has at least the role of an EDITOR, or, where that is
    None, of all projects. ``models`` are those that it has; None stands for any.
    """

    user_id: UUID | None
    models: Collection[str] | None = None

    @property
    def parameters(self) -> Mapping[str, object]:
        """Return what the statements that ask for this scope take."""
        roles = [role for role in ProjectRole if role.includes(ProjectRole.EDITOR)]
        members = {} if self.user_id is None else {"user_id": self.user_id, "roles": roles}
        return members if self.models is None else members | {"models": sorted(set(self.models))}


async def shares(
    connection: Connection, scope: Scope, *, limit: int
) -> Mapping[UUID, Sequence[Line]]:
    """Return whose jobs are next, at most ``limit`` of them, by project, without locking any."""
    statement = _SHARES[scope.user_id is None, scope.models is not None]
    result = await connection.execute(statement, {**scope.parameters, "limit": limit})
    found: dict[UUID, list[Line]] = {}
    for row in result:
        found.setdefault(row.project_id, []).append(Line(**dict(row)))
    return found


def some(shares: Mapping[UUID, Sequence[Line]], count: int) -> Mapping[UUID, Sequence[Line]]:
    """Return so many of the jobs that are next, whichever, or all that there are."""
    places = [place for lines in shares.values() for line in lines for place in line.places]
    chosen = set(random.sample(places, min(count, len(places))))
    found: dict[UUID, Sequence[Line]] = {}
    for project_id, lines in shares.items():
        kept = [replace(line, places=[p for p in line.places if p in chosen]) for line in lines]
        if any(line.places for line in kept):
            found[project_id] = [line for line in kept if line.places]
    return found


async def waiting(connection: Connection, scope: Scope) -> Waiting:
    """Return how much waits for workers of this scope."""
    statement = _WAITING[scope.user_id is None, scope.models is not None]
    row = (await connection.execute(statement, scope.parameters)).one()
    return Waiting(jobs=row.jobs, available=row.available)


# Nobody else hands out jobs of a project that is locked. SKIP LOCKED makes sure that, whatever else
# holds a job, no worker waits for it. The turn counts as taken even where the job has gone.
_TAKE = Statement(f"""
    WITH next AS (
        SELECT * FROM unnest(
            CAST(:models AS text[]), CAST(:priorities AS smallint[]), CAST(:people AS uuid[]),
            CAST(:jobs AS integer[]), CAST(:served_at AS timestamptz[])
        ) AS n(model, priority, requested_by, jobs, served_at)
    ), served AS (
        UPDATE queue_lines l SET served_at = GREATEST(l.served_at, n.served_at) FROM next n
        WHERE l.project_id = :project_id
            AND (l.model, l.priority, l.requested_by) = (n.model, n.priority, n.requested_by)
    )
    SELECT {job.columns_of("taken")}
    FROM (SELECT CAST(:project_id AS uuid) AS project_id, * FROM next) AS l, LATERAL (
        {_FIRST.format(columns="j.*", limit="l.jobs")} FOR UPDATE SKIP LOCKED
    ) AS taken ORDER BY taken.priority DESC, taken.available_at, taken.id
""")


async def claim(
    unit: UnitOfWork,
    access: ProjectAccess,
    lines: Sequence[Line],
    *,
    worker: str,
    seconds: float,
    actor_id: UUID,
) -> Mapping[int, ImageJob]:
    """Hand out the first jobs of these lines of a project that was read locked, or fewer.

    Returns them by the places that they have among all that are next. The jobs that ``shares`` saw
    may be gone by now: those behind them in the line are as good.
    """
    result = await unit.connection.execute(
        _TAKE,
        {
            "project_id": access.project.id,
            "models": [line.model for line in lines],
            "priorities": [line.priority for line in lines],
            "people": [line.requested_by for line in lines],
            "jobs": [len(line.places) for line in lines],
            "served_at": [line.served_at for line in lines],
        },
    )
    entries = await job.with_images(unit.connection, [job_of(row) for row in result])
    if not entries:
        return {}

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
    places = {(line.model, line.priority, line.requested_by): iter(line.places) for line in lines}
    return {
        next(places[job.model, job.priority, job.requested_by]): entry
        for entry in handed_out
        for job in (entry.job,)
    }

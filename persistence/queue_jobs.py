"""The jobs of projects' queues: those at which workers are, then those that wait, in their order.

Jobs for one model run in the order of their positions (``persistence.queue_numbers``). Those for
different models are put together by priority, and then by how many are ahead of each.
"""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from msgspec import Struct

from persistence import image, job
from persistence.database import Connection
from persistence.ids import FIRST_ID
from persistence.job import ImageJob, job_of
from persistence.queue_numbers import AHEAD, ME, PEOPLE, asked, own
from persistence.sql import Row, Statement


class Queued(Struct, frozen=True, kw_only=True):
    """A job of a queue, and its position: how many are ahead of it; None once it has started."""

    entry: ImageJob
    position: int | None


def _placed(own: str) -> str:
    """Compose jobs with their positions and their places among those of their project."""
    return f"""
        SELECT *, row_number() OVER (
            PARTITION BY project_id ORDER BY priority DESC, position, available_at, id
        ) AS place
        FROM (SELECT own.*, ({AHEAD})::bigint AS position FROM {own} AS own JOIN {ME}) AS waiting
    """


_LINE = """
    FROM segmentation_jobs j
    WHERE (j.project_id, j.model, j.priority, j.requested_by)
            = (l.project_id, l.model, l.priority, l.requested_by) AND j.state = 'QUEUED'
    ORDER BY j.available_at, j.id
"""
# The first job of a line has the fewest ahead of it. So what comes first is within the lines that
# do, as many as jobs are wanted, and there is one less of each line than of the one before it; nor
# is it within lines of lower priorities than those that have as many.
_CANDIDATES = f"""
    line AS (
        SELECT * FROM (
            SELECT project_id, model, priority, requested_by, COALESCE(sum(waiting) OVER (
                PARTITION BY project_id ORDER BY priority DESC
                GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ), 0) AS above
            FROM queue_lines WHERE project_id = ANY(:project_ids) AND waiting > 0
        ) AS lines WHERE above < :limit
    ), wanted AS (
        SELECT DISTINCT model FROM line
    ), {PEOPLE}, first AS (
        SELECT l.*, j.available_at, j.id FROM line l,
            LATERAL (SELECT j.available_at, j.id {_LINE} LIMIT 1) AS j
    ), asked_first AS (
        {asked("first")}
    ), own_first AS MATERIALIZED (
        {own("asked_first")}
    ), head AS (
        {_placed("own_first")}
    ), candidate AS (
        SELECT j.* FROM head l, LATERAL (SELECT j.* {_LINE} LIMIT :limit - l.place + 1) AS j
        WHERE l.place <= :limit
    )
"""
_CANDIDATES_OF_IMAGES = f"""
    candidate AS (
        SELECT * FROM segmentation_jobs
        WHERE image_id = ANY(:image_ids) AND project_id = ANY(:project_ids) AND state = 'QUEUED'
    ), wanted AS (
        SELECT DISTINCT model FROM candidate
    ), {PEOPLE}
"""


def _jobs(candidates: str, condition: str = "") -> Statement:
    return Statement(f"""
        WITH {candidates}, asked AS ({asked("candidate")}), own AS MATERIALIZED ({own("asked")})
        SELECT * FROM (
            SELECT {job.COLUMNS}, NULL AS position,
                row_number() OVER (PARTITION BY project_id ORDER BY started_at, id) AS place
            FROM segmentation_jobs
            WHERE project_id = ANY(:project_ids) AND state = 'PROCESSING' {condition}
            UNION ALL
            SELECT {job.COLUMNS}, position, place FROM ({_placed("own")}) AS placed_jobs
        ) AS jobs WHERE place <= :limit ORDER BY position IS NOT NULL, place
    """)


_FIRST = _jobs(_CANDIDATES)
_OF_IMAGES = _jobs(_CANDIDATES_OF_IMAGES, "AND image_id = ANY(:image_ids)")


async def first(
    connection: Connection,
    project_ids: Collection[UUID],
    *,
    limit: int,
    image_ids: Collection[UUID] | None = None,
) -> Mapping[UUID, Sequence[Queued]]:
    """Return the first jobs of each of these projects, at most so many; only those of some images.

    What it takes depends on how many are wanted, and on the people and models, not on how many
    jobs wait.
    """
    parameters = {
        "project_ids": list(project_ids),
        "image_ids": None if image_ids is None else list(image_ids),
        "limit": limit,
        "first_id": FIRST_ID,
    }
    rows = await connection.execute(_FIRST if image_ids is None else _OF_IMAGES, parameters)
    found: dict[UUID, list[Row]] = {project_id: [] for project_id in project_ids}
    for row in rows:
        if len(found[row.project_id]) < limit:
            found[row.project_id].append(row)
    wanted = [row.image_id for rows in found.values() for row in rows]
    images = await image.find(connection, wanted) if wanted else {}
    return {
        project_id: [
            Queued(
                entry=ImageJob(job=job_of(row), image=images[row.image_id]), position=row.position
            )
            for row in rows
            # One may just have been deleted.
            if row.image_id in images
        ]
        for project_id, rows in found.items()
    }

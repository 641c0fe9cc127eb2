"""The queue's numbers: who is next, and how long it takes. Measured, never guessed."""

from collections.abc import Collection, Mapping
from uuid import UUID

from persistence import job
from persistence.database import Connection
from persistence.sql import Statement

_POSITIONS = Statement(f"""
    SELECT id, ahead FROM (
        SELECT id, row_number() OVER (PARTITION BY project_id ORDER BY {job.ORDER}) - 1 AS ahead
        FROM segmentation_jobs
        WHERE state = 'QUEUED' AND project_id = ANY(ARRAY(
            SELECT project_id FROM segmentation_jobs WHERE id = ANY(:job_ids)
        ))
    ) AS queue WHERE id = ANY(:job_ids)
""")


async def positions(connection: Connection, job_ids: Collection[UUID]) -> Mapping[UUID, int]:
    """Return how many jobs of its project are ahead of each of these jobs that still waits."""
    result = await connection.execute(_POSITIONS, {"job_ids": list(job_ids)})
    return {row.id: row.ahead for row in result}


# Idle times don't count: what is added up is the length of the union of the times of running.
_PACES = Statement("""
    SELECT p.id, avg(busy.seconds)::float8 AS pace
    FROM unnest(CAST(:project_ids AS uuid[])) AS p(id), LATERAL (
        SELECT GREATEST(0, EXTRACT(EPOCH FROM finished_at - GREATEST(started_at, max(finished_at)
            OVER (ORDER BY started_at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        ))) AS seconds
        FROM (
            SELECT started_at, finished_at FROM segmentation_jobs
            WHERE project_id = p.id AND state IN ('SUCCEEDED', 'FAILED')
                AND finished_at > statement_timestamp() - INTERVAL '24 hours'
                AND started_at IS NOT NULL
            ORDER BY finished_at DESC LIMIT 500
        ) AS recent
    ) AS busy GROUP BY p.id
""")


async def paces(connection: Connection, project_ids: Collection[UUID]) -> Mapping[UUID, float]:
    """Return how many seconds a job of each of these projects takes, as many as run at once.

    Measured on the latest 500 that ran in the last 24 hours; without projects in which none did.
    """
    result = await connection.execute(_PACES, {"project_ids": list(project_ids)})
    return {row.id: row.pace for row in result}

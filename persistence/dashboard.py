"""The dashboard's numbers: sums over all projects that a user can see."""

from datetime import datetime
from uuid import UUID

from persistence.database import Connection
from persistence.records import DashboardRecord, EfficiencyRecord
from persistence.sql import Statement

_SUMS = Statement("""
    SELECT count(*) AS project_count,
        COALESCE(sum(p.image_count), 0)::bigint AS image_count,
        COALESCE(sum(p.segmented_count), 0)::bigint AS segmented_count,
        COALESCE(sum(p.queued_count), 0)::bigint AS queued_count,
        COALESCE(sum(p.processing_count), 0)::bigint AS processing_count,
        COALESCE(sum(p.storage_bytes), 0)::bigint AS storage_bytes,
        statement_timestamp() AS timestamp
    FROM project_members m JOIN projects p ON p.id = m.project_id WHERE m.user_id = :user_id
""")


async def dashboard(connection: Connection, user_id: UUID) -> DashboardRecord:
    """Return the sums over the rows of the user's projects, all of one moment."""
    row = (await connection.execute(_SUMS, {"user_id": user_id})).one()
    return DashboardRecord(**dict(row))


HOURS = 24

# All but the first of the half hours lie within the hours as a whole; of those, jobs are counted.
_EFFICIENCY = Statement("""
    WITH span AS (
        SELECT begin, date_bin('30 minutes', begin, 'epoch') + INTERVAL '30 minutes' AS whole
        FROM (SELECT statement_timestamp() - make_interval(hours => :hours)) AS s(begin)
    ), mine AS (
        SELECT project_id FROM project_members WHERE user_id = :user_id
    )
    SELECT COALESCE(sum(ended), 0)::bigint AS ended,
        COALESCE(sum(succeeded), 0)::bigint AS succeeded,
        (sum(waited) / NULLIF(sum(started), 0) / 1000000)::float8 AS mean_wait_seconds,
        (sum(ran) / NULLIF(sum(started), 0) / 1000000)::float8 AS mean_run_seconds
    FROM (
        SELECT ended, succeeded, started, waited, ran
        FROM mine JOIN job_outcomes USING (project_id) WHERE since >= (SELECT whole FROM span)
        UNION ALL
        SELECT count(*), count(*) FILTER (WHERE state = 'SUCCEEDED'), count(started_at),
            sum(EXTRACT(EPOCH FROM started_at - queued_at) * 1000000),
            sum(EXTRACT(EPOCH FROM finished_at - started_at) * 1000000)
        FROM mine JOIN segmentation_jobs USING (project_id), span
        WHERE state IN ('SUCCEEDED', 'FAILED') AND finished_at > begin AND finished_at < whole
    ) AS outcomes
""")


async def efficiency(connection: Connection, user_id: UUID) -> EfficiencyRecord:
    """Return how well the jobs of the user's projects went that ended in the last 24 hours.

    Cancelled jobs don't count. Waiting and running times are of each job's last attempt.
    """
    parameters = {"user_id": user_id, "hours": HOURS}
    row = (await connection.execute(_EFFICIENCY, parameters)).one()
    return EfficiencyRecord(
        success_rate=row.succeeded / row.ended if row.ended else None,
        mean_wait_seconds=row.mean_wait_seconds,
        mean_run_seconds=row.mean_run_seconds,
        images_per_hour=row.succeeded / HOURS,
    )


_PURGE = Statement("DELETE FROM job_outcomes WHERE since < :before")


async def purge(connection: Connection, *, before: datetime) -> None:
    """Forget the sums of before an instant that lies further back than is told."""
    await connection.execute(_PURGE, {"before": before})

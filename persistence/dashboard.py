"""The dashboard's numbers: sums over all projects that a user can see."""

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

_EFFICIENCY = Statement("""
    SELECT count(*) AS ended, count(*) FILTER (WHERE state = 'SUCCEEDED') AS succeeded,
        avg(EXTRACT(EPOCH FROM started_at - queued_at))::float8 AS mean_wait_seconds,
        avg(EXTRACT(EPOCH FROM finished_at - started_at))::float8 AS mean_run_seconds
    FROM project_members m JOIN segmentation_jobs j ON j.project_id = m.project_id
    WHERE m.user_id = :user_id AND state IN ('SUCCEEDED', 'FAILED')
        AND finished_at > statement_timestamp() - make_interval(hours => :hours)
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

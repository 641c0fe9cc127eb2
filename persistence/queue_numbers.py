"""The queue's numbers: who is next, and how long it takes. Measured, never guessed.

Jobs for one model are handed out by priority, and among those of one priority each person gets a
turn after the other (``persistence.claim``). So ahead of a person's job are all jobs of a higher
priority, those of the person that are older, and of everybody else as many as of that person, one
more of whoever is next before, but no more than there are.
"""

from collections.abc import Collection, Mapping
from uuid import UUID

from msgspec import Struct

from persistence.database import Connection
from persistence.ids import FIRST_ID
from persistence.sql import Statement

# Whoever has jobs of higher priorities is served for those before: last in the nearest of these,
# later the more of them there are. So turns are ordered by that, from the nearest priority on, and
# only among those who are alike in it by who was served last.
PEOPLE = """
    person AS (
        SELECT l.model, l.priority, l.requested_by, sum(l.waiting) AS waiting,
            array_agg(l.project_id) AS projects, (
            SELECT max(served_at) FROM queue_lines s WHERE s.requested_by = l.requested_by
        ) AS served_at, min(j.available_at) AS available_at,
            (array_agg(j.id ORDER BY j.available_at, j.id))[1] AS first_job,
            array_agg(ARRAY[-l.priority, sum(l.waiting)]) OVER (
                PARTITION BY l.model, l.requested_by ORDER BY l.priority
                ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
            ) AS before
        FROM queue_lines l, LATERAL (
            SELECT available_at, id FROM segmentation_jobs j
            WHERE (j.project_id, j.model, j.priority, j.requested_by)
                    = (l.project_id, l.model, l.priority, l.requested_by) AND j.state = 'QUEUED'
            ORDER BY j.available_at, j.id LIMIT 1
        ) AS j
        WHERE l.waiting > 0 AND l.model IN (SELECT model FROM wanted)
        GROUP BY l.model, l.priority, l.requested_by
    ), placed AS (
        SELECT *,
            row_number() OVER (
                PARTITION BY model, priority
                ORDER BY before NULLS FIRST, served_at NULLS FIRST, available_at, first_job
            ) AS turn,
            COALESCE(sum(waiting) OVER (
                PARTITION BY model ORDER BY priority DESC
                GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ), 0) AS above
        FROM person
    ), alike AS MATERIALIZED (
        SELECT model, priority, array_agg(waiting::bigint) AS all_waiting, array_agg(turn) AS turns
        FROM placed GROUP BY model, priority
    )
"""
# Those who are alike are at hand as arrays: to look for them among all, for each job anew, would
# take seconds where thousands of models are waited for.
ME = "placed me USING (model, priority, requested_by) JOIN alike USING (model, priority)"
AHEAD = """
    me.above + own.ahead + (
        SELECT COALESCE(
            sum(LEAST(waiting, own.ahead + CASE WHEN turn < me.turn THEN 1 ELSE 0 END)), 0
        )
        FROM unnest(alike.all_waiting, alike.turns) AS other(waiting, turn) WHERE turn <> me.turn
    )
"""


def asked(jobs: str) -> str:
    """Compose what ``own`` takes, of tables and conditions that yield jobs which wait."""
    return f"""
        SELECT *,
            lag(available_at, 1, '-infinity') OVER line AS available_before,
            lag(id, 1, CAST(:first_id AS uuid)) OVER line AS id_before
        FROM {jobs}
        WINDOW line AS (PARTITION BY model, priority, requested_by ORDER BY available_at, id)
    """


def own(asked: str) -> str:
    """Compose the jobs that are asked for, each with how many of the same person are ``ahead``.

    They are counted from the one before it that was asked for, so that the jobs of a line are
    walked over once, however many are asked for.
    """
    return f"""
        SELECT asked.*, (sum(passed.jobs) OVER (
            PARTITION BY model, priority, requested_by ORDER BY asked.available_at, asked.id
        ))::bigint AS ahead
        FROM {asked} AS asked JOIN placed USING (model, priority, requested_by), LATERAL (
            SELECT count(*) AS jobs
            FROM unnest(placed.projects) AS l(project_id) JOIN segmentation_jobs j
                ON (j.project_id, j.model, j.priority, j.requested_by)
                    = (l.project_id, asked.model, asked.priority, asked.requested_by)
            WHERE j.state = 'QUEUED'
                AND (j.available_at, j.id) >= (asked.available_before, asked.id_before)
                AND (j.available_at, j.id) < (asked.available_at, asked.id)
        ) AS passed
    """


_POSITIONS = Statement(f"""
    WITH asked AS (
        {asked("segmentation_jobs WHERE id = ANY(:job_ids) AND state = 'QUEUED'")}
    ), wanted AS (
        SELECT DISTINCT model FROM asked
    ), {PEOPLE}, own AS MATERIALIZED ({own("asked")})
    SELECT own.id, ({AHEAD})::bigint AS ahead
    FROM own JOIN {ME}
""")


async def positions(connection: Connection, job_ids: Collection[UUID]) -> Mapping[UUID, int]:
    """Return how many jobs for the same model are ahead of each of these that still waits.

    Those of all projects count, as for a worker that serves them all.
    """
    parameters = {"job_ids": list(job_ids), "first_id": FIRST_ID}
    result = await connection.execute(_POSITIONS, parameters)
    return {row.id: row.ahead for row in result}


class Backlog(Struct, frozen=True, kw_only=True):
    """What a project has in the queue for one model.

    ``jobs`` is how many have to end, those of others included, until its own have.
    """

    project_id: UUID
    model: str
    jobs: int


# Where a person waits in several projects, those of this one count as the last.
_BACKLOGS = Statement(f"""
    WITH mine AS (
        SELECT project_id, model, priority, requested_by FROM queue_lines
        WHERE project_id = ANY(:project_ids) AND waiting > 0
    ), running AS (
        SELECT project_id, model, count(*) AS jobs FROM segmentation_jobs
        WHERE state = 'PROCESSING' GROUP BY project_id, model
    ), wanted AS (
        SELECT DISTINCT model FROM mine
    ), {PEOPLE}, waits AS (
        SELECT mine.project_id, mine.model, max({AHEAD}) + 1 AS jobs
        FROM mine JOIN {ME}, LATERAL (SELECT me.waiting::bigint - 1 AS ahead) AS own
        GROUP BY mine.project_id, mine.model
    )
    SELECT project_id, model, (waits.jobs + COALESCE((
        SELECT sum(jobs) FROM running WHERE running.model = waits.model
    ), 0))::bigint AS jobs FROM waits
    UNION ALL
    SELECT project_id, model, jobs FROM running
    WHERE project_id = ANY(:project_ids)
        AND NOT EXISTS (
            SELECT FROM waits
            WHERE (waits.project_id, waits.model) = (running.project_id, running.model)
        )
""")


async def backlogs(
    connection: Connection, project_ids: Collection[UUID]
) -> Mapping[UUID, list[Backlog]]:
    """Return what each of these projects has in the queue, by model; [] where it has nothing."""
    found: dict[UUID, list[Backlog]] = {project_id: [] for project_id in project_ids}
    result = await connection.execute(_BACKLOGS, {"project_ids": list(project_ids)})
    for row in result:
        found[row.project_id].append(Backlog(**dict(row)))
    return found


# Idle times don't count: what is added up is the length of the union of the times of running.
_PACES = Statement("""
    SELECT m.model, avg(busy.seconds)::float8 AS pace
    FROM unnest(CAST(:models AS text[])) AS m(model), LATERAL (
        SELECT GREATEST(0, EXTRACT(EPOCH FROM finished_at - GREATEST(started_at, max(finished_at)
            OVER (ORDER BY started_at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        ))) AS seconds
        FROM (
            SELECT started_at, finished_at FROM segmentation_jobs j
            WHERE j.model = m.model AND state IN ('SUCCEEDED', 'FAILED')
                AND finished_at > statement_timestamp() - INTERVAL '24 hours'
                AND started_at IS NOT NULL
            ORDER BY finished_at DESC LIMIT 500
        ) AS recent
    ) AS busy GROUP BY m.model
""")


async def paces(connection: Connection, models: Collection[str]) -> Mapping[str, float]:
    """Return how many seconds a job for each of these models takes, as many as run at once.

    Measured on the latest 500 that ran in the last 24 hours; without models of which none did.
    """
    result = await connection.execute(_PACES, {"models": sorted(set(models))})
    return {row.model: row.pace for row in result}


_MEASURED = Statement("""
    SELECT p.id FROM unnest(CAST(:project_ids AS uuid[])) AS p(id)
    WHERE EXISTS (
        SELECT FROM segmentation_jobs WHERE project_id = p.id AND state IN ('SUCCEEDED', 'FAILED')
            AND finished_at > statement_timestamp() - INTERVAL '24 hours'
    )
""")


async def estimates(
    connection: Connection, project_ids: Collection[UUID]
) -> Mapping[UUID, float | None]:
    """Return in how many seconds the queue of each project is empty, as it goes at present.

    Others have their turns meanwhile; models run one after the other. None where nothing was
    measured for a model that the project waits for.
    """
    waiting = await backlogs(connection, project_ids)
    models = {backlog.model for each in waiting.values() for backlog in each}
    pace = await paces(connection, models) if models else {}
    empty = [project_id for project_id, each in waiting.items() if not each]
    result = await connection.execute(_MEASURED, {"project_ids": empty}) if empty else ()
    measured = {row.id for row in result}

    def seconds(project_id: UUID, backlogs: Collection[Backlog]) -> float | None:
        if not backlogs:
            return 0.0 if project_id in measured else None
        if any(backlog.model not in pace for backlog in backlogs):
            return None
        return sum(backlog.jobs * pace[backlog.model] for backlog in backlogs)

    return {project_id: seconds(project_id, each) for project_id, each in waiting.items()}

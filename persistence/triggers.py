"""Triggers: what PostgreSQL keeps in step by itself, whoever changes the tables, and how.

``queue_lines.waiting`` is the number of QUEUED jobs of a line. It moves in the statement that moves
the jobs, under the lock of their project, so it can neither drift nor deadlock. So do the rows of
``job_outcomes``, each of which adds up how jobs of a project ended within half an hour.
"""

from sqlalchemy import DDL, event

from persistence.tables import job_outcomes, queue_lines, segmentation_jobs

_COUNT_JOBS_THAT_CAME = """CREATE FUNCTION count_jobs_that_came() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
        INSERT INTO queue_lines AS l (project_id, model, priority, requested_by, waiting)
        SELECT project_id, model, priority, requested_by, count(*)
        FROM came WHERE state = 'QUEUED'
        GROUP BY project_id, model, priority, requested_by
        ON CONFLICT (project_id, model, priority, requested_by)
            DO UPDATE SET waiting = l.waiting + excluded.waiting;
        RETURN NULL;
    END$$"""  # noqa: E501

_COUNT_JOBS_THAT_MOVED = """CREATE FUNCTION count_jobs_that_moved() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
        UPDATE queue_lines l SET waiting = l.waiting + moved.more
        FROM (
            SELECT project_id, model, priority, requested_by, sum(more)::integer AS more
            FROM (
                SELECT project_id, model, priority, requested_by, 1 AS more
                FROM became WHERE state = 'QUEUED'
                UNION ALL
                SELECT project_id, model, priority, requested_by, -1
                FROM was WHERE state = 'QUEUED'
            ) AS each GROUP BY project_id, model, priority, requested_by
        ) AS moved
        WHERE moved.more <> 0
            AND (l.project_id, l.model, l.priority, l.requested_by)
                = (moved.project_id, moved.model, moved.priority, moved.requested_by);
        RETURN NULL;
    END$$"""  # noqa: E501

_ADD_OUTCOMES_THAT_CAME = """CREATE FUNCTION add_outcomes_that_came() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
        INSERT INTO job_outcomes AS o (project_id, since, ended, succeeded, started, waited, ran)
        SELECT project_id, date_bin('30 minutes', finished_at, 'epoch') AS slot, sum(more),
            COALESCE(sum(more) FILTER (WHERE state = 'SUCCEEDED'), 0),
            COALESCE(sum(more) FILTER (WHERE started_at IS NOT NULL), 0),
            COALESCE(sum(more * wait), 0), COALESCE(sum(more * run), 0)
        FROM (SELECT *, 1 AS more FROM came) AS each, LATERAL (
            SELECT (EXTRACT(EPOCH FROM started_at - queued_at) * 1000000)::bigint AS wait,
                (EXTRACT(EPOCH FROM finished_at - started_at) * 1000000)::bigint AS run
        ) AS took
        WHERE state IN ('SUCCEEDED', 'FAILED') GROUP BY project_id, slot
        ON CONFLICT (project_id, since) DO UPDATE SET ended = o.ended + excluded.ended,
            succeeded = o.succeeded + excluded.succeeded, started = o.started + excluded.started,
            waited = o.waited + excluded.waited, ran = o.ran + excluded.ran;
        RETURN NULL;
    END$$"""  # noqa: E501

_ADD_OUTCOMES_THAT_MOVED = """CREATE FUNCTION add_outcomes_that_moved() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
        INSERT INTO job_outcomes AS o (project_id, since, ended, succeeded, started, waited, ran)
        SELECT project_id, date_bin('30 minutes', finished_at, 'epoch') AS slot, sum(more),
            COALESCE(sum(more) FILTER (WHERE state = 'SUCCEEDED'), 0),
            COALESCE(sum(more) FILTER (WHERE started_at IS NOT NULL), 0),
            COALESCE(sum(more * wait), 0), COALESCE(sum(more * run), 0)
        FROM (SELECT *, 1 AS more FROM became UNION ALL SELECT *, -1 FROM was) AS each, LATERAL (
            SELECT (EXTRACT(EPOCH FROM started_at - queued_at) * 1000000)::bigint AS wait,
                (EXTRACT(EPOCH FROM finished_at - started_at) * 1000000)::bigint AS run
        ) AS took
        WHERE state IN ('SUCCEEDED', 'FAILED') GROUP BY project_id, slot
        ON CONFLICT (project_id, since) DO UPDATE SET ended = o.ended + excluded.ended,
            succeeded = o.succeeded + excluded.succeeded, started = o.started + excluded.started,
            waited = o.waited + excluded.waited, ran = o.ran + excluded.ran;
        RETURN NULL;
    END$$"""  # noqa: E501


def _triggers(verb: str) -> tuple[str, str]:
    return (
        f"""
        CREATE TRIGGER {verb}_that_came AFTER INSERT ON segmentation_jobs
        REFERENCING NEW TABLE AS came
        FOR EACH STATEMENT EXECUTE FUNCTION {verb}_that_came()
        """,
        f"""
        CREATE TRIGGER {verb}_that_moved AFTER UPDATE ON segmentation_jobs
        REFERENCING OLD TABLE AS was NEW TABLE AS became
        FOR EACH STATEMENT EXECUTE FUNCTION {verb}_that_moved()
        """,
    )


_OF = {
    queue_lines: (_COUNT_JOBS_THAT_CAME, _COUNT_JOBS_THAT_MOVED, *_triggers("count_jobs")),
    job_outcomes: (_ADD_OUTCOMES_THAT_CAME, _ADD_OUTCOMES_THAT_MOVED, *_triggers("add_outcomes")),
}
for _table, _statements in _OF.items():
    _table.add_is_dependent_on(segmentation_jobs)
    for _statement in _statements:
        event.listen(_table, "after_create", DDL(_statement))  # type: ignore[no-untyped-call]

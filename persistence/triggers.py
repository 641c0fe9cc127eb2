"""Triggers: what PostgreSQL keeps in step by itself, whoever changes the tables, and how.

``queue_lines.waiting`` is the number of QUEUED jobs of a line. It moves in the statement that moves
the jobs, under the lock of their project, so it can neither drift nor deadlock.
"""

from sqlalchemy import DDL, event

from persistence.tables import queue_lines, segmentation_jobs

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

_TRIGGERS = (
    """
    CREATE TRIGGER count_jobs_that_came AFTER INSERT ON segmentation_jobs
    REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION count_jobs_that_came()
    """,
    """
    CREATE TRIGGER count_jobs_that_moved AFTER UPDATE ON segmentation_jobs
    REFERENCING OLD TABLE AS was NEW TABLE AS became
    FOR EACH STATEMENT EXECUTE FUNCTION count_jobs_that_moved()
    """,
)

queue_lines.add_is_dependent_on(segmentation_jobs)
for _statement in (_COUNT_JOBS_THAT_CAME, _COUNT_JOBS_THAT_MOVED, *_TRIGGERS):
    event.listen(queue_lines, "after_create", DDL(_statement))  # type: ignore[no-untyped-call]

"""How jobs ended, added up by half hours, so that the last day is told fast."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_SUMS = """sum(more),
            COALESCE(sum(more) FILTER (WHERE state = 'SUCCEEDED'), 0),
            COALESCE(sum(more) FILTER (WHERE started_at IS NOT NULL), 0),
            COALESCE(sum(more * wait), 0), COALESCE(sum(more * run), 0)"""
_FUNCTION = """
        INSERT INTO job_outcomes AS o (project_id, since, ended, succeeded, started, waited, ran)
        SELECT project_id, date_bin('30 minutes', finished_at, 'epoch') AS slot, {sums}
        FROM {jobs}, LATERAL (
            SELECT (EXTRACT(EPOCH FROM started_at - queued_at) * 1000000)::bigint AS wait,
                (EXTRACT(EPOCH FROM finished_at - started_at) * 1000000)::bigint AS run
        ) AS took
        WHERE state IN ('SUCCEEDED', 'FAILED') GROUP BY project_id, slot
        ON CONFLICT (project_id, since) DO UPDATE SET ended = o.ended + excluded.ended,
            succeeded = o.succeeded + excluded.succeeded, started = o.started + excluded.started,
            waited = o.waited + excluded.waited, ran = o.ran + excluded.ran;
        RETURN NULL;
    """
_CAME = "(SELECT *, 1 AS more FROM came) AS each"
_MOVED = "(SELECT *, 1 AS more FROM became UNION ALL SELECT *, -1 FROM was) AS each"


def upgrade() -> None:
    """Add the sums, those of the past days, and what keeps them."""
    op.create_table(
        "job_outcomes",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column(
            "since", sa.DateTime(timezone=True), nullable=False, comment="Begin of half an hour"
        ),
        sa.Column("ended", sa.Integer(), nullable=False, comment="Jobs that SUCCEEDED or FAILED"),
        sa.Column("succeeded", sa.Integer(), nullable=False),
        sa.Column(
            "started",
            sa.Integer(),
            nullable=False,
            comment="Those of the ended that a worker began",
        ),
        sa.Column(
            "waited",
            sa.BigInteger(),
            nullable=False,
            comment="Microseconds until they began, in all",
        ),
        sa.Column(
            "ran", sa.BigInteger(), nullable=False, comment="Microseconds until they ended, in all"
        ),
        sa.PrimaryKeyConstraint("project_id", "since", name=op.f("pk_job_outcomes")),
        comment="How jobs ended, by when; kept by triggers of the jobs, and for two days",
    )
    op.create_index("ix_job_outcomes_since", "job_outcomes", ["since"])
    op.execute(f"""
        INSERT INTO job_outcomes (project_id, since, ended, succeeded, started, waited, ran)
        SELECT project_id, date_bin('30 minutes', finished_at, 'epoch') AS slot, {_SUMS}
        FROM (
            SELECT *, 1 AS more FROM segmentation_jobs
            WHERE finished_at > statement_timestamp() - INTERVAL '2 days'
        ) AS each, LATERAL (
            SELECT (EXTRACT(EPOCH FROM started_at - queued_at) * 1000000)::bigint AS wait,
                (EXTRACT(EPOCH FROM finished_at - started_at) * 1000000)::bigint AS run
        ) AS took
        WHERE state IN ('SUCCEEDED', 'FAILED') GROUP BY project_id, slot
    """)
    for name, jobs in (("came", _CAME), ("moved", _MOVED)):
        body = _FUNCTION.format(sums=_SUMS, jobs=jobs)
        op.execute(
            f"CREATE FUNCTION add_outcomes_that_{name}() RETURNS trigger LANGUAGE plpgsql"
            f" AS $$BEGIN{body}END$$"
        )
    op.execute("""
        CREATE TRIGGER add_outcomes_that_came AFTER INSERT ON segmentation_jobs
        REFERENCING NEW TABLE AS came
        FOR EACH STATEMENT EXECUTE FUNCTION add_outcomes_that_came()
    """)
    op.execute("""
        CREATE TRIGGER add_outcomes_that_moved AFTER UPDATE ON segmentation_jobs
        REFERENCING OLD TABLE AS was NEW TABLE AS became
        FOR EACH STATEMENT EXECUTE FUNCTION add_outcomes_that_moved()
    """)


def downgrade() -> None:
    """Take it away again."""
    for name in ("came", "moved"):
        op.execute(f"DROP TRIGGER add_outcomes_that_{name} ON segmentation_jobs")
        op.execute(f"DROP FUNCTION add_outcomes_that_{name}()")
    op.drop_table("job_outcomes")

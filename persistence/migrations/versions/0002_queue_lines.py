"""The queue in lines: fair between people, patient after failures; what a run was made with."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_JOBS = "segmentation_jobs"
_LINE = "project_id, model, priority, requested_by"
_FUNCTIONS = {
    "count_jobs_that_came": """
        INSERT INTO queue_lines AS l (project_id, model, priority, requested_by, waiting)
        SELECT project_id, model, priority, requested_by, count(*)
        FROM came WHERE state = 'QUEUED'
        GROUP BY project_id, model, priority, requested_by
        ON CONFLICT (project_id, model, priority, requested_by)
            DO UPDATE SET waiting = l.waiting + excluded.waiting;
        RETURN NULL;
    """,
    "count_jobs_that_moved": """
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
    """,
}


def upgrade() -> None:
    """Add lines, times of availability, and what runs were made with."""
    op.add_column(
        "api_keys",
        sa.Column(
            "serves_all",
            sa.Boolean(),
            nullable=False,
            server_default=sa.text("false"),
            comment="May work at the queues of all projects",
        ),
    )
    _add_runs_makings()
    _change_jobs()
    _create_lines()


def downgrade() -> None:
    """Take them away again."""
    op.execute("DROP TRIGGER count_jobs_that_came ON segmentation_jobs")
    op.execute("DROP TRIGGER count_jobs_that_moved ON segmentation_jobs")
    for name in _FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}()")
    op.drop_table("queue_lines")
    for index in ("line", "model_finished_at"):
        op.drop_index(f"ix_segmentation_jobs_{index}", _JOBS)
    op.create_index(
        "ix_segmentation_jobs_queue",
        _JOBS,
        ["project_id", sa.text("priority DESC"), "id"],
        postgresql_where=sa.text("state = 'QUEUED'"),
    )
    op.create_index(
        "ix_segmentation_jobs_queue_by_model",
        _JOBS,
        ["project_id", "model", sa.text("priority DESC"), "id"],
        postgresql_where=sa.text("state = 'QUEUED'"),
    )
    op.drop_index("ix_segmentation_jobs_project_id_finished_at", _JOBS)
    op.create_index(
        "ix_segmentation_jobs_project_id_finished_at",
        _JOBS,
        ["project_id", "finished_at"],
        postgresql_where=sa.text("state IN ('SUCCEEDED', 'FAILED')"),
    )
    op.alter_column(_JOBS, "requested_by", nullable=True)
    op.drop_column(_JOBS, "available_at")
    for column in ("model_version", "parameters", "image_checksum"):
        op.drop_column("segmentations", column)
    op.drop_column("api_keys", "serves_all")


def _add_runs_makings() -> None:
    op.add_column("segmentations", sa.Column("model_version", sa.Text()))
    op.add_column("segmentations", sa.Column("parameters", JSONB()))
    op.add_column(
        "segmentations",
        sa.Column("image_checksum", sa.Text(), comment="SHA-256 of the file that was segmented"),
    )
    op.execute("""
        UPDATE segmentations s SET image_checksum = i.checksum FROM images i WHERE i.id = s.image_id
    """)
    op.alter_column("segmentations", "image_checksum", nullable=False)


def _change_jobs() -> None:
    op.add_column(
        _JOBS,
        sa.Column(
            "available_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.text("clock_timestamp()"),
            comment="Handed out no sooner: a retry waits for a while",
        ),
    )
    op.execute("UPDATE segmentation_jobs SET available_at = queued_at")
    op.execute("""
        UPDATE segmentation_jobs j SET requested_by = COALESCE(
            (SELECT owner_id FROM projects p WHERE p.id = j.project_id),
            '00000000-0000-0000-0000-000000000000')
        WHERE requested_by IS NULL
    """)
    op.alter_column(_JOBS, "requested_by", nullable=False)
    for index in ("queue", "queue_by_model", "project_id_finished_at"):
        op.drop_index(f"ix_segmentation_jobs_{index}", _JOBS)
    op.create_index(
        "ix_segmentation_jobs_line",
        _JOBS,
        ["project_id", "model", "priority", "requested_by", "available_at", "id"],
        postgresql_where=sa.text("state = 'QUEUED'"),
    )
    op.create_index(
        "ix_segmentation_jobs_project_id_finished_at",
        _JOBS,
        ["project_id", "finished_at"],
        postgresql_include=["state", "queued_at", "started_at"],
        postgresql_where=sa.text("state IN ('SUCCEEDED', 'FAILED')"),
    )
    op.create_index(
        "ix_segmentation_jobs_model_finished_at",
        _JOBS,
        ["model", "finished_at"],
        postgresql_include=["started_at"],
        postgresql_where=sa.text("state IN ('SUCCEEDED', 'FAILED') AND started_at IS NOT NULL"),
    )


def _create_lines() -> None:
    op.create_table(
        "queue_lines",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=False),
        sa.Column("waiting", sa.Integer(), nullable=False, comment="Jobs that are QUEUED"),
        sa.Column(
            "served_at",
            sa.DateTime(timezone=True),
            comment="When a job of the line was last handed out",
        ),
        *(
            sa.PrimaryKeyConstraint(*_LINE.split(", "), name=op.f("pk_queue_lines")),
            sa.ForeignKeyConstraint(
                ["project_id"],
                ["projects.id"],
                name=op.f("fk_queue_lines_project_id"),
                ondelete="CASCADE",
            ),
            sa.CheckConstraint("waiting >= 0", name=op.f("ck_queue_lines_waiting_not_negative")),
        ),
        comment="Who waits in which queue, and for how many jobs; kept by triggers of the jobs",
    )
    op.create_index(
        "ix_queue_lines_waiting",
        "queue_lines",
        ["model", "project_id"],
        postgresql_where=sa.text("waiting > 0"),
    )
    op.create_index(
        "ix_queue_lines_requested_by_served_at", "queue_lines", ["requested_by", "served_at"]
    )
    op.execute(f"""
        INSERT INTO queue_lines ({_LINE}, waiting)
        SELECT {_LINE}, count(*) FROM segmentation_jobs WHERE state = 'QUEUED' GROUP BY {_LINE}
    """)
    for name, body in _FUNCTIONS.items():
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN{body}END$$"
        )
    op.execute("""
        CREATE TRIGGER count_jobs_that_came AFTER INSERT ON segmentation_jobs
        REFERENCING NEW TABLE AS came
        FOR EACH STATEMENT EXECUTE FUNCTION count_jobs_that_came()
    """)
    op.execute("""
        CREATE TRIGGER count_jobs_that_moved AFTER UPDATE ON segmentation_jobs
        REFERENCING OLD TABLE AS was NEW TABLE AS became
        FOR EACH STATEMENT EXECUTE FUNCTION count_jobs_that_moved()
    """)

"""People, projects, images, their segmentation, and the log of changes."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = (
    *("users", "sessions", "refresh_tokens", "api_keys", "attempts"),
    *("projects", "project_members", "uploads", "images", "image_tombstones"),
    *("activities", "segmentation_jobs", "segmentations"),
)


def upgrade() -> None:
    """Create everything."""
    _create_accounts()
    _create_projects()
    _create_images()
    _create_segmentation()


def downgrade() -> None:
    """Drop everything."""
    for table in reversed(_TABLES):
        op.drop_table(table)


def _create_accounts() -> None:
    op.create_table(
        "users",
        _key("id"),
        _needed("name", sa.Text()),
        _needed("email", sa.Text()),
        _needed("email_key", sa.Text(), comment="E-mail, case folded"),
        _needed("password_hash", sa.Text()),
        _counter(
            "memberships_revision",
            sa.BigInteger(),
            comment="Rises with every change of the set of projects that the user can see",
        ),
        _now("created_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email_key", name=op.f("uq_users_email_key")),
    )
    op.create_table(
        "sessions",
        _key("id"),
        _key("user_id"),
        _now("created_at"),
        _instant("expires_at"),
        _instant("revoked_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        _foreign("sessions", "user_id", "users.id", "CASCADE"),
        comment="A sign-in and all the refresh tokens that came of it: their family",
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])
    op.create_table(
        "refresh_tokens",
        _needed("token_hash", sa.Text()),
        _key("session_id"),
        _now("created_at"),
        _now("expires_at"),
        _instant("used_at"),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_refresh_tokens")),
        _foreign("refresh_tokens", "session_id", "sessions.id", "CASCADE"),
    )
    op.create_index("ix_refresh_tokens_session_id", "refresh_tokens", ["session_id"])
    op.create_table(
        "api_keys",
        _key("id"),
        _key("user_id"),
        _needed("name", sa.Text()),
        _needed("secret_hash", sa.Text()),
        _now("created_at"),
        _instant("last_used_at"),
        _instant("revoked_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_api_keys_secret_hash")),
        _foreign("api_keys", "user_id", "users.id", "CASCADE"),
    )
    op.create_index("ix_api_keys_user_id", "api_keys", ["user_id"])
    op.create_table(
        "attempts",
        _needed("subject", sa.Text(), comment="What is limited: account:… or address:…"),
        _needed("count", sa.Integer()),
        _now("window_started_at"),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_attempts")),
        _check("attempts", "count_not_negative", "count >= 0"),
        prefixes=["UNLOGGED"],
        comment="Failed sign-ins within a window, to slow down guessing",
    )


def _create_projects() -> None:
    statuses = (
        *("uploaded_count", "queued_count", "processing_count"),
        *("segmented_count", "no_segmentation_count", "failed_count"),
    )
    op.create_table(
        "projects",
        _key("id"),
        _key("owner_id"),
        _needed("name", sa.Text()),
        _needed("description", sa.Text(), server_default=sa.text("''")),
        _counter("image_count", sa.Integer()),
        *(_counter(name, sa.Integer()) for name in statuses),
        _counter("storage_bytes", sa.BigInteger()),
        _counter("revision", sa.BigInteger()),
        _counter("members_revision", sa.BigInteger()),
        _counter(
            "purged_revision",
            sa.BigInteger(),
            comment="Tombstones up to this revision may have been purged",
        ),
        _now("created_at"),
        _now("updated_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_projects")),
        _foreign("projects", "owner_id", "users.id"),
        *(
            _check("projects", f"{name}_not_negative", f"{name} >= 0")
            for name in ("image_count", *statuses, "storage_bytes")
        ),
        _check("projects", "counters_add_up", f"image_count = {' + '.join(statuses)}"),
        comment="A project and its statistics, which move in the transaction of each change",
    )
    op.create_index("ix_projects_owner_id", "projects", ["owner_id"])
    op.create_table(
        "project_members",
        _key("project_id"),
        _key("user_id"),
        _needed("role", sa.Text()),
        _now("created_at"),
        sa.PrimaryKeyConstraint("project_id", "user_id", name=op.f("pk_project_members")),
        _foreign("project_members", "project_id", "projects.id", "CASCADE"),
        _foreign("project_members", "user_id", "users.id", "CASCADE"),
        _check("project_members", "role_known", "role IN ('VIEWER', 'EDITOR', 'OWNER')"),
    )
    op.create_index(
        "ix_project_members_user_id_project_id", "project_members", ["user_id", "project_id"]
    )
    op.create_table(
        "uploads",
        _key("user_id"),
        _needed("upload_id", sa.Text(), comment="Chosen by the client"),
        _key("project_id"),
        _needed("image_ids", sa.ARRAY(sa.Uuid())),
        _needed("rejected", JSONB()),
        _needed("files_total", sa.Integer()),
        _needed("bytes_received", sa.BigInteger()),
        _now("created_at"),
        sa.PrimaryKeyConstraint("user_id", "upload_id", name=op.f("pk_uploads")),
        _foreign("uploads", "user_id", "users.id", "CASCADE"),
        _foreign("uploads", "project_id", "projects.id", "CASCADE"),
        comment="Uploads that finished: a repeated call finds its first result here",
    )
    op.create_index("ix_uploads_project_id", "uploads", ["project_id"])


def _create_images() -> None:
    op.create_table(
        "images",
        _key("id"),
        _key("project_id"),
        _needed("name", sa.Text()),
        _needed("status", sa.Text()),
        sa.Column("failure_code", sa.Text()),
        sa.Column("failure_message", sa.Text()),
        sa.Column("failure_retryable", sa.Boolean()),
        _needed("width", sa.Integer()),
        _needed("height", sa.Integer()),
        _needed("channels", sa.Integer()),
        _needed("pages", sa.Integer()),
        _needed("mime_type", sa.Text()),
        _needed("size_bytes", sa.BigInteger()),
        _needed("checksum", sa.Text(), comment="SHA-256 of the stored file, in hex"),
        sa.Column("uploaded_by", sa.Uuid()),
        sa.Column("job_id", sa.Uuid(), comment="The job that moved the status last"),
        sa.Column("segmentation_id", sa.Uuid(), comment="The latest finished run"),
        _now("created_at"),
        _now("updated_at"),
        _needed("created_revision", sa.BigInteger()),
        _needed("revision", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_images")),
        _foreign("images", "project_id", "projects.id", "CASCADE"),
        _foreign("images", "uploaded_by", "users.id", "SET NULL"),
        _check(
            "images",
            "status_known",
            "status IN ('UPLOADED', 'QUEUED', 'PROCESSING', "
            "'SEGMENTED', 'NO_SEGMENTATION', 'FAILED')",
        ),
        _check("images", "size_bytes_not_negative", "size_bytes >= 0"),
        _check("images", "failure_whole", "(failure_code IS NULL) = (failure_message IS NULL)"),
        _check("images", "failure_flagged", "(failure_code IS NULL) = (failure_retryable IS NULL)"),
    )
    op.create_index(
        "uq_images_project_id_revision", "images", ["project_id", "revision"], unique=True
    )
    op.create_index("ix_images_project_id_id", "images", ["project_id", "id"])
    op.create_index("ix_images_project_id_status_id", "images", ["project_id", "status", "id"])
    op.create_index("ix_images_uploaded_by", "images", ["uploaded_by"])
    op.create_table(
        "image_tombstones",
        _key("id"),
        _key("project_id"),
        _needed("revision", sa.BigInteger()),
        _now("deleted_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_image_tombstones")),
        _foreign("image_tombstones", "project_id", "projects.id", "CASCADE"),
    )
    op.create_index(
        "uq_image_tombstones_project_id_revision",
        "image_tombstones",
        ["project_id", "revision"],
        unique=True,
    )
    op.create_index("ix_image_tombstones_deleted_at", "image_tombstones", ["deleted_at"])
    op.create_table(
        "activities",
        _key("project_id"),
        _needed("revision", sa.BigInteger()),
        _needed("since", sa.BigInteger()),
        sa.Column("actor_id", sa.Uuid()),
        _needed("action", sa.Text()),
        _needed("image_count", sa.Integer(), comment="Images touched"),
        _now("at"),
        sa.PrimaryKeyConstraint("project_id", "revision", name=op.f("pk_activities")),
        comment="One row per committed change: who, what, when, revision. Outlives its project",
    )


def _create_segmentation() -> None:
    op.create_table(
        "segmentation_jobs",
        _key("id"),
        _key("project_id"),
        _key("image_id"),
        _key("batch_id"),
        sa.Column("requested_by", sa.Uuid()),
        _needed("model", sa.Text()),
        sa.Column("threshold", sa.Double()),
        _needed("priority", sa.SmallInteger()),
        _needed("state", sa.Text()),
        _counter("attempt", sa.Integer()),
        sa.Column("progress", sa.Double()),
        sa.Column("worker", sa.Text()),
        sa.Column("lease", sa.Uuid()),
        _instant("lease_expires_at"),
        sa.Column("failure_code", sa.Text()),
        _now("queued_at"),
        _instant("started_at"),
        _instant("finished_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segmentation_jobs")),
        sa.UniqueConstraint("lease", name=op.f("uq_segmentation_jobs_lease")),
        _check(
            "segmentation_jobs",
            "state_known",
            "state IN ('QUEUED', 'PROCESSING', 'SUCCEEDED', 'FAILED', 'CANCELLED')",
        ),
        _check("segmentation_jobs", "priority_in_range", "priority BETWEEN 0 AND 10"),
        _check("segmentation_jobs", "progress_in_range", "progress BETWEEN 0 AND 1"),
        comment="Requests to segment an image. Kept when done, and when the image is deleted",
    )
    op.create_index(
        "uq_segmentation_jobs_image_id_active",
        "segmentation_jobs",
        ["image_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('QUEUED', 'PROCESSING')"),
    )
    op.create_index(
        "ix_segmentation_jobs_queue",
        "segmentation_jobs",
        ["project_id", sa.text("priority DESC"), "id"],
        postgresql_where=sa.text("state = 'QUEUED'"),
    )
    op.create_index(
        "ix_segmentation_jobs_queue_by_model",
        "segmentation_jobs",
        ["project_id", "model", sa.text("priority DESC"), "id"],
        postgresql_where=sa.text("state = 'QUEUED'"),
    )
    op.create_index(
        "ix_segmentation_jobs_lease_expires_at",
        "segmentation_jobs",
        ["lease_expires_at"],
        postgresql_where=sa.text("state = 'PROCESSING'"),
    )
    op.create_index(
        "ix_segmentation_jobs_project_id_finished_at",
        "segmentation_jobs",
        ["project_id", "finished_at"],
        postgresql_where=sa.text("state IN ('SUCCEEDED', 'FAILED')"),
    )
    op.create_index(
        "ix_segmentation_jobs_batch_id_image_id", "segmentation_jobs", ["batch_id", "image_id"]
    )
    op.create_table(
        "segmentations",
        _key("id"),
        _key("image_id"),
        _key("project_id"),
        _needed("model", sa.Text()),
        sa.Column("threshold", sa.Double()),
        _needed("cell_count", sa.Integer()),
        _needed("cell_area", sa.Double()),
        sa.Column("processing_seconds", sa.Double()),
        _now("created_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segmentations")),
        _foreign("segmentations", "image_id", "images.id", "CASCADE"),
        _check("segmentations", "cell_count_not_negative", "cell_count >= 0"),
        comment="What finished runs found; their polygons are blobs",
    )
    op.create_index("ix_segmentations_image_id", "segmentations", ["image_id"])


def _needed(name: str, kind: sa.types.TypeEngine[Any], **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, **options)


def _key(name: str) -> sa.Column[Any]:
    return _needed(name, sa.Uuid())


def _counter(
    name: str, kind: sa.types.TypeEngine[Any], comment: str | None = None
) -> sa.Column[Any]:
    return _needed(name, kind, server_default=sa.text("0"), comment=comment)


def _instant(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True))


def _now(name: str) -> sa.Column[Any]:
    return _needed(name, sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"))


def _foreign(
    table: str, column: str, target: str, ondelete: str | None = None
) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [target], name=op.f(f"fk_{table}_{column}"), ondelete=ondelete
    )


def _check(table: str, name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))

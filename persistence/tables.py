"""The tables, as SQLAlchemy Core knows them; the migrations in ``migrations/`` build the same.

Keys are UUIDv7 made by the application, so that the order of keys is the order of creation.
Enums are text with a CHECK. Instants are ``timestamptz``.
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from persistence.records import JobState, ProjectRole, SegmentationStatus

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

_now = func.clock_timestamp()


def _instant(name: str, *, nullable: bool = False) -> Column[object]:
    default = None if nullable else _now
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=default)


def _one_of(
    column: str, values: type[ProjectRole | SegmentationStatus | JobState]
) -> CheckConstraint:
    listed = ", ".join(f"'{value.value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


def _counter(name: str, kind: type[Integer | BigInteger] = Integer) -> Column[int]:
    return Column(name, kind, nullable=False, server_default=text("0"))


COUNTERS = tuple(f"{status.value.lower()}_count" for status in SegmentationStatus)

users = Table(
    "users",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("email_key", Text, nullable=False, unique=True, comment="E-mail, case folded"),
    Column("password_hash", Text, nullable=False),
    Column(
        "memberships_revision",
        BigInteger,
        nullable=False,
        server_default=text("0"),
        comment="Rises with every change of the set of projects that the user can see",
    ),
    _instant("created_at"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Uuid, ForeignKey(users.c.id, ondelete="CASCADE"), nullable=False, index=True),
    _instant("created_at"),
    _instant("expires_at", nullable=True),
    _instant("revoked_at", nullable=True),
    comment="A sign-in and all the refresh tokens that came of it: their family",
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("token_hash", Text, primary_key=True),
    Column(
        "session_id",
        Uuid,
        ForeignKey(sessions.c.id, ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    _instant("created_at"),
    _instant("expires_at"),
    _instant("used_at", nullable=True),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Uuid, ForeignKey(users.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("secret_hash", Text, nullable=False, unique=True),
    _instant("created_at"),
    _instant("last_used_at", nullable=True),
    _instant("revoked_at", nullable=True),
    Column(
        "serves_all",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="May work at the queues of all projects",
    ),
)

attempts = Table(
    "attempts",
    metadata,
    Column("subject", Text, primary_key=True, comment="What is limited: account:… or address:…"),
    Column("count", Integer, nullable=False),
    _instant("window_started_at"),
    CheckConstraint("count >= 0", name="count_not_negative"),
    prefixes=["UNLOGGED"],
    comment="Failed sign-ins within a window, to slow down guessing",
)

projects = Table(
    "projects",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("owner_id", Uuid, ForeignKey(users.c.id), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=text("''")),
    _counter("image_count"),
    *(_counter(name) for name in COUNTERS),
    _counter("storage_bytes", BigInteger),
    _counter("revision", BigInteger),
    _counter("members_revision", BigInteger),
    Column(
        "purged_revision",
        BigInteger,
        nullable=False,
        server_default=text("0"),
        comment="Tombstones up to this revision may have been purged",
    ),
    _instant("created_at"),
    _instant("updated_at"),
    Column(
        "details_revision",
        BigInteger,
        nullable=False,
        server_default=text("0"),
        comment="The revision at which name, description or members last changed",
    ),
    *(
        CheckConstraint(f"{name} >= 0", name=f"{name}_not_negative")
        for name in ("image_count", *COUNTERS, "storage_bytes")
    ),
    CheckConstraint(f"image_count = {' + '.join(COUNTERS)}", name="counters_add_up"),
    comment="A project and its statistics, which move in the transaction of each change",
)

project_members = Table(
    "project_members",
    metadata,
    Column("project_id", Uuid, ForeignKey(projects.c.id, ondelete="CASCADE"), primary_key=True),
    Column("user_id", Uuid, ForeignKey(users.c.id, ondelete="CASCADE"), primary_key=True),
    Column("role", Text, nullable=False),
    _instant("created_at"),
    _one_of("role", ProjectRole),
    Index("ix_project_members_user_id_project_id", "user_id", "project_id"),
)

uploads = Table(
    "uploads",
    metadata,
    Column("user_id", Uuid, ForeignKey(users.c.id, ondelete="CASCADE"), primary_key=True),
    Column("upload_id", Text, primary_key=True, comment="Chosen by the client"),
    Column(
        "project_id",
        Uuid,
        ForeignKey(projects.c.id, ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("image_ids", ARRAY(Uuid), nullable=False),
    Column("rejected", JSONB, nullable=False),
    Column("files_total", Integer, nullable=False),
    Column("bytes_received", BigInteger, nullable=False),
    _instant("created_at"),
    comment="Uploads that finished: a repeated call finds its first result here",
)

images = Table(
    "images",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("project_id", Uuid, ForeignKey(projects.c.id, ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("failure_code", Text),
    Column("failure_message", Text),
    Column("failure_retryable", Boolean),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("channels", Integer, nullable=False),
    Column("pages", Integer, nullable=False),
    Column("mime_type", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("checksum", Text, nullable=False, comment="SHA-256 of the stored file, in hex"),
    Column("uploaded_by", Uuid, ForeignKey(users.c.id, ondelete="SET NULL")),
    Column("job_id", Uuid, comment="The job that moved the status last"),
    Column("segmentation_id", Uuid, comment="The latest finished run"),
    _instant("created_at"),
    _instant("updated_at"),
    Column("created_revision", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    _one_of("status", SegmentationStatus),
    CheckConstraint("size_bytes >= 0", name="size_bytes_not_negative"),
    CheckConstraint("(failure_code IS NULL) = (failure_message IS NULL)", name="failure_whole"),
    CheckConstraint("(failure_code IS NULL) = (failure_retryable IS NULL)", name="failure_flagged"),
    Index("uq_images_project_id_revision", "project_id", "revision", unique=True),
    Index("ix_images_project_id_id", "project_id", "id"),
    Index("ix_images_project_id_status_id", "project_id", "status", "id"),
    Index("ix_images_uploaded_by", "uploaded_by"),
)

image_tombstones = Table(
    "image_tombstones",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("project_id", Uuid, ForeignKey(projects.c.id, ondelete="CASCADE"), nullable=False),
    Column("revision", BigInteger, nullable=False),
    _instant("deleted_at"),
    Index("uq_image_tombstones_project_id_revision", "project_id", "revision", unique=True),
    Index("ix_image_tombstones_deleted_at", "deleted_at"),
)

activities = Table(
    "activities",
    metadata,
    Column("project_id", Uuid, primary_key=True),
    Column("revision", BigInteger, primary_key=True),
    Column("since", BigInteger, nullable=False),
    Column("actor_id", Uuid),
    Column("action", Text, nullable=False),
    Column("image_count", Integer, nullable=False, comment="Images touched"),
    _instant("at"),
    comment="One row per committed change: who, what, when, revision. Outlives its project",
)

segmentation_jobs = Table(
    "segmentation_jobs",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("project_id", Uuid, nullable=False),
    Column("image_id", Uuid, nullable=False),
    Column("batch_id", Uuid, nullable=False),
    Column("requested_by", Uuid, nullable=False),
    Column("model", Text, nullable=False),
    Column("threshold", Double),
    Column("priority", SmallInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempt", Integer, nullable=False, server_default=text("0")),
    Column("progress", Double),
    Column("worker", Text),
    Column("lease", Uuid, unique=True),
    _instant("lease_expires_at", nullable=True),
    Column("failure_code", Text),
    _instant("queued_at"),
    _instant("started_at", nullable=True),
    _instant("finished_at", nullable=True),
    Column(
        "available_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=_now,
        comment="Handed out no sooner: a retry waits for a while",
    ),
    _one_of("state", JobState),
    CheckConstraint("priority BETWEEN 0 AND 10", name="priority_in_range"),
    CheckConstraint("progress BETWEEN 0 AND 1", name="progress_in_range"),
    Index(
        "uq_segmentation_jobs_image_id_active",
        "image_id",
        unique=True,
        postgresql_where=text("state IN ('QUEUED', 'PROCESSING')"),
    ),
    Index(
        "ix_segmentation_jobs_line",
        "project_id",
        "model",
        "priority",
        "requested_by",
        "available_at",
        "id",
        postgresql_where=text("state = 'QUEUED'"),
    ),
    Index(
        "ix_segmentation_jobs_lease_expires_at",
        "lease_expires_at",
        postgresql_where=text("state = 'PROCESSING'"),
    ),
    Index(
        "ix_segmentation_jobs_project_id_finished_at",
        "project_id",
        "finished_at",
        postgresql_include=["state", "queued_at", "started_at"],
        postgresql_where=text("state IN ('SUCCEEDED', 'FAILED')"),
    ),
    Index(
        "ix_segmentation_jobs_model_finished_at",
        "model",
        "finished_at",
        postgresql_include=["started_at"],
        postgresql_where=text("state IN ('SUCCEEDED', 'FAILED') AND started_at IS NOT NULL"),
    ),
    Index("ix_segmentation_jobs_batch_id_image_id", "batch_id", "image_id"),
    comment="Requests to segment an image. Kept when done, and when the image is deleted",
)

segmentations = Table(
    "segmentations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column(
        "image_id", Uuid, ForeignKey(images.c.id, ondelete="CASCADE"), nullable=False, index=True
    ),
    Column("project_id", Uuid, nullable=False),
    Column("model", Text, nullable=False),
    Column("threshold", Double),
    Column("cell_count", Integer, nullable=False),
    Column("cell_area", Double, nullable=False),
    Column("processing_seconds", Double),
    _instant("created_at"),
    Column("model_version", Text),
    Column("parameters", JSONB),
    Column(
        "image_checksum", Text, nullable=False, comment="SHA-256 of the file that was segmented"
    ),
    CheckConstraint("cell_count >= 0", name="cell_count_not_negative"),
    comment="What finished runs found; their polygons are blobs",
)

queue_lines = Table(
    "queue_lines",
    metadata,
    Column("project_id", Uuid, ForeignKey(projects.c.id, ondelete="CASCADE"), primary_key=True),
    Column("model", Text, primary_key=True),
    Column("priority", SmallInteger, primary_key=True, autoincrement=False),
    Column("requested_by", Uuid, primary_key=True),
    Column("waiting", Integer, nullable=False, comment="Jobs that are QUEUED"),
    Column(
        "served_at",
        DateTime(timezone=True),
        comment="When a job of the line was last handed out",
    ),
    CheckConstraint("waiting >= 0", name="waiting_not_negative"),
    Index("ix_queue_lines_waiting", "model", "project_id", postgresql_where=text("waiting > 0")),
    Index("ix_queue_lines_requested_by_served_at", "requested_by", "served_at"),
    comment="Who waits in which queue, and for how many jobs; kept by triggers of the jobs",
)

job_outcomes = Table(
    "job_outcomes",
    metadata,
    Column("project_id", Uuid, primary_key=True),
    Column("since", DateTime(timezone=True), primary_key=True, comment="Begin of half an hour"),
    Column("ended", Integer, nullable=False, comment="Jobs that SUCCEEDED or FAILED"),
    Column("succeeded", Integer, nullable=False),
    Column("started", Integer, nullable=False, comment="Those of the ended that a worker began"),
    Column("waited", BigInteger, nullable=False, comment="Microseconds until they began, in all"),
    Column("ran", BigInteger, nullable=False, comment="Microseconds until they ended, in all"),
    Index("ix_job_outcomes_since", "since"),
    comment="How jobs ended, by when; kept by triggers of the jobs, and for two days",
)

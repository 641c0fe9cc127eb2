"""What repositories return: frozen records.

Sizes are bytes, lengths are pixels, instants are aware datetimes in UTC, durations are seconds.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from msgspec import Struct


class ProjectRole(StrEnum):
    """What a member may do, weakest first."""

    VIEWER = "VIEWER"
    EDITOR = "EDITOR"
    OWNER = "OWNER"

    def includes(self, needed: "ProjectRole") -> bool:
        """Tell whether whoever has this role may do what the other one may."""
        roles = list(ProjectRole)
        return roles.index(self) >= roles.index(needed)


class SegmentationStatus(StrEnum):
    """Where an image stands; six counters of a project count these."""

    UPLOADED = "UPLOADED"
    QUEUED = "QUEUED"
    PROCESSING = "PROCESSING"
    SEGMENTED = "SEGMENTED"
    NO_SEGMENTATION = "NO_SEGMENTATION"
    FAILED = "FAILED"


class ChangeOperation(StrEnum):
    """What a committed change did to its project."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    DELETED = "DELETED"


class JobState(StrEnum):
    """Where a job of the queue stands."""

    QUEUED = "QUEUED"
    PROCESSING = "PROCESSING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class UserRecord(Struct, frozen=True, kw_only=True):
    """A person with an account."""

    id: UUID
    name: str
    email: str
    created_at: datetime


class ApiKeyRecord(Struct, frozen=True, kw_only=True):
    """A key that acts as its user. Its secret is not kept; the last use is known to the minute.

    One that ``serves_all`` may work at the queues of all projects.
    """

    id: UUID
    user_id: UUID
    name: str
    created_at: datetime
    last_used_at: datetime | None
    serves_all: bool


class ProjectStats(Struct, frozen=True, kw_only=True):
    """The numbers of a project's row, all of one moment.

    ``details_revision`` is the revision of the last change of its name, description or members.
    """

    image_count: int
    uploaded_count: int
    queued_count: int
    processing_count: int
    segmented_count: int
    no_segmentation_count: int
    failed_count: int
    storage_bytes: int
    revision: int
    details_revision: int
    updated_at: datetime

    def count(self, status: SegmentationStatus) -> int:
        """Return how many images have the status."""
        counter: int = getattr(self, f"{status.lower()}_count")
        return counter


class ProjectRecord(Struct, frozen=True, kw_only=True):
    """A project. ``members_revision`` is the revision of the last change of who may do what."""

    id: UUID
    owner_id: UUID
    name: str
    description: str
    members_revision: int
    created_at: datetime
    stats: ProjectStats


class MemberRecord(Struct, frozen=True, kw_only=True):
    """One person's role in one project."""

    project_id: UUID
    user_id: UUID
    role: ProjectRole


class SegmentationFailure(Struct, frozen=True, kw_only=True):
    """Why a segmentation failed."""

    code: str
    message: str
    retryable: bool


class ImageRecord(Struct, frozen=True, kw_only=True, tag="image"):
    """An image as of ``revision``, its project's revision at the image's last change."""

    id: UUID
    project_id: UUID
    name: str
    status: SegmentationStatus
    failure: SegmentationFailure | None
    width: int
    height: int
    channels: int
    pages: int
    mime_type: str
    size_bytes: int
    checksum: str
    uploaded_by: UUID | None
    job_id: UUID | None
    segmentation_id: UUID | None
    created_at: datetime
    updated_at: datetime
    created_revision: int
    revision: int


class ImageTombstone(Struct, frozen=True, kw_only=True, tag="tombstone"):
    """What is left of a deleted image."""

    id: UUID
    project_id: UUID
    revision: int
    deleted_at: datetime


class ProjectChange(Struct, frozen=True, kw_only=True, tag="change"):
    """What was committed to one project after revision ``since``, up to ``revision``.

    ``images`` holds the images touched, in order of revision, each in its newest state; None where
    they are not carried and have to be read. ``operation`` concerns the project itself.
    """

    project_id: UUID
    operation: ChangeOperation
    since: int
    revision: int
    members_revision: int
    actor_id: UUID | None
    stats: ProjectStats
    images: tuple[ImageRecord | ImageTombstone, ...] | None


class MembershipsChange(Struct, frozen=True, kw_only=True):
    """The set of projects that a user can see changed, after ``since`` up to ``revision``."""

    user_id: UUID
    since: int
    revision: int


class SegmentationRecord(Struct, frozen=True, kw_only=True):
    """What one finished run found. The area is in square pixels.

    ``parameters`` are JSON, as the worker tells them; ``image_checksum`` is the SHA-256 of the file
    that was segmented, in hex.
    """

    id: UUID
    image_id: UUID
    project_id: UUID
    model: str
    threshold: float | None
    cell_count: int
    cell_area: float
    processing_seconds: float | None
    created_at: datetime
    model_version: str | None
    parameters: str | None
    image_checksum: str


class JobRecord(Struct, frozen=True, kw_only=True):
    """One request to segment one image, as of its latest ``attempt``; 0 where none began.

    ``progress`` is 0 to 1, as the worker last reported. ``queued_at`` and ``started_at`` are of the
    latest time; it is handed out no sooner than ``available_at``. ``failure_code`` says how the
    latest attempt failed.
    """

    id: UUID
    project_id: UUID
    image_id: UUID
    batch_id: UUID
    requested_by: UUID
    model: str
    threshold: float | None
    priority: int
    state: JobState
    attempt: int
    progress: float | None
    worker: str | None
    lease: UUID | None
    lease_expires_at: datetime | None
    failure_code: str | None
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    available_at: datetime


class QueueNumbers(Struct, frozen=True, kw_only=True):
    """How much of a project waits for workers."""

    project_id: UUID
    queued: int
    processing: int

    @classmethod
    def of(cls, project_id: UUID, stats: ProjectStats) -> "QueueNumbers":
        """Return the queue by the numbers of the project's row."""
        return cls(
            project_id=project_id, queued=stats.queued_count, processing=stats.processing_count
        )

    @property
    def total(self) -> int:
        """How many images are not finished yet."""
        return self.queued + self.processing


class EfficiencyRecord(Struct, frozen=True, kw_only=True):
    """How well processing goes. The rate is 0 to 1; None where nothing was measured."""

    success_rate: float | None
    mean_wait_seconds: float | None
    mean_run_seconds: float | None
    images_per_hour: float


class DashboardRecord(Struct, frozen=True, kw_only=True):
    """Sums over the projects that a user can see, as of ``timestamp``."""

    project_count: int
    image_count: int
    segmented_count: int
    queued_count: int
    processing_count: int
    storage_bytes: int
    timestamp: datetime

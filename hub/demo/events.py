"""What the demo is told: events of subscriptions, and answers of queries."""

from datetime import datetime

from msgspec import Struct


class Stats(Struct, frozen=True, rename="camel"):
    """A project's numbers."""

    image_count: int
    uploaded_count: int
    queued_count: int
    processing_count: int
    segmented_count: int
    no_segmentation_count: int
    failed_count: int
    storage_bytes: int
    revision: int

    def count(self, status: str) -> int:
        """Return how many images have the status."""
        counted: int = getattr(self, f"{status.lower()}_count")
        return counted


class ProjectUpdate(Struct, frozen=True, rename="camel"):
    """An event of projectUpdated."""

    project_id: str
    user_id: str | None
    operation: str
    timestamp: datetime
    revision: int
    updates: Stats | None


class Failure(Struct, frozen=True):
    """Why a segmentation failed."""

    code: str


class Found(Struct, frozen=True, rename="camel"):
    """What the latest finished run found, and how long its worker says that it took."""

    cell_count: int
    processing_seconds: float | None


class ImagePart(Struct, frozen=True, rename="camel"):
    """What the demo wants to know of an image that is there."""

    name: str
    size_bytes: int
    segmentation: Found | None = None


class SegmentationUpdate(Struct, frozen=True, rename="camel"):
    """An event of segmentationUpdated; with ``progress`` it is a report, and no change."""

    image_id: str
    operation: str
    status: str | None
    error: Failure | None
    timestamp: datetime
    revision: int
    image: ImagePart | None
    progress: float | None = None


class Dashboard(Struct, frozen=True, rename="camel"):
    """An event of dashboardUpdated, and the answer of dashboard."""

    project_count: int
    image_count: int
    segmented_count: int
    queued_count: int
    processing_count: int
    storage_bytes: int


class Queue(Struct, frozen=True):
    """How many images of a project wait, and how many are worked on."""

    queued: int
    processing: int


class QueueStats(Queue, frozen=True, rename="camel"):
    """An event of queueStatsUpdated; how long it takes is unknown until the first job is done."""

    estimated_seconds: float | None = None


class UploadProgress(Struct, frozen=True, rename="camel"):
    """An event of uploadProgressed."""

    upload_id: str
    files_total: int
    files_stored: int
    files_rejected: int
    bytes_received: int
    done: bool


Event = ProjectUpdate | SegmentationUpdate | Dashboard | QueueStats | UploadProgress


class ImageState(Struct, frozen=True):
    """An image as a query, the database or a sum of events has it.

    ``cell_count`` is that of the latest finished run; None before there is one.
    """

    id: str
    status: str
    size_bytes: int
    revision: int
    cell_count: int | None = None


class ProjectNumbers(Struct, frozen=True):
    """The answer of NUMBERS."""

    stats: Stats
    queue: Queue


class _Node(Struct, frozen=True, rename="camel"):
    id: str
    status: str
    size_bytes: int
    revision: int
    segmentation: Found | None


class _Edge(Struct, frozen=True):
    node: _Node


class _PageInfo(Struct, frozen=True, rename="camel"):
    has_next_page: bool
    end_cursor: str | None


class _Images(Struct, frozen=True, rename="camel"):
    total_count: int
    edges: list[_Edge]
    page_info: _PageInfo


class ProjectImages(Struct, frozen=True):
    """The answer of IMAGES: a page."""

    images: _Images

    def states(self) -> list[ImageState]:
        """Return the images of the page."""
        return [
            ImageState(
                node.id, node.status, node.size_bytes, node.revision, cell_count(node.segmentation)
            )
            for node in (edge.node for edge in self.images.edges)
        ]


def cell_count(found: Found | None) -> int | None:
    """Return how many cells a run found; None where there was none."""
    return None if found is None else found.cell_count

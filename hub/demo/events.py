"""What the demo asks and watches: documents, and the records that come back."""

from datetime import datetime

from msgspec import Struct

_STATS = """{
  imageCount uploadedCount queuedCount processingCount segmentedCount noSegmentationCount
  failedCount storageBytes revision
}"""
_NUMBERS = "projectCount imageCount segmentedCount queuedCount processingCount storageBytes"

PROJECT_UPDATED = f"""
subscription ProjectUpdated($projectId: ID) {{
  projectUpdated(projectId: $projectId) {{
    projectId userId operation timestamp revision updates {_STATS}
  }}
}}
"""
SEGMENTATION_UPDATED = """
subscription SegmentationUpdated($projectId: ID!) {
  segmentationUpdated(projectId: $projectId, after: 0) {
    imageId operation status error { code } timestamp revision image { name sizeBytes }
  }
}
"""
DASHBOARD_UPDATED = f"subscription DashboardUpdated {{ dashboardUpdated {{ {_NUMBERS} }} }}"
UPLOAD_PROGRESSED = """
subscription UploadProgressed($uploadId: ID!) {
  uploadProgressed(uploadId: $uploadId) {
    uploadId filesTotal filesStored filesRejected bytesReceived done
  }
}
"""

STATS = f"query Stats($projectId: ID!) {{ project(id: $projectId) {{ stats {_STATS} }} }}"
IMAGES = """
query Images($projectId: ID!, $after: String) {
  project(id: $projectId) {
    images(first: 3, after: $after) {
      totalCount
      edges { node { id status sizeBytes revision } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""
DASHBOARD = f"query Dashboard {{ dashboard {{ {_NUMBERS} }} }}"


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


class ImagePart(Struct, frozen=True, rename="camel"):
    """What the demo wants to know of an image that is there."""

    name: str
    size_bytes: int


class SegmentationUpdate(Struct, frozen=True, rename="camel"):
    """An event of segmentationUpdated."""

    image_id: str
    operation: str
    status: str | None
    error: Failure | None
    timestamp: datetime
    revision: int
    image: ImagePart | None


class Dashboard(Struct, frozen=True, rename="camel"):
    """An event of dashboardUpdated, and the answer of dashboard."""

    project_count: int
    image_count: int
    segmented_count: int
    queued_count: int
    processing_count: int
    storage_bytes: int


class UploadProgress(Struct, frozen=True, rename="camel"):
    """An event of uploadProgressed."""

    upload_id: str
    files_total: int
    files_stored: int
    files_rejected: int
    bytes_received: int
    done: bool


Event = ProjectUpdate | SegmentationUpdate | Dashboard | UploadProgress


class ImageState(Struct, frozen=True, rename="camel"):
    """An image as a query, the database or a sum of events has it."""

    id: str
    status: str
    size_bytes: int
    revision: int


class ProjectStats(Struct, frozen=True):
    """The answer of STATS."""

    stats: Stats


class _Edge(Struct, frozen=True):
    node: ImageState


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

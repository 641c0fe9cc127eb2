"""What a client was told, held against the rules of the stream with each event."""

import time
from collections.abc import Mapping
from typing import TypeVar

import msgspec
from msgspec import Struct

GONE = "gone"
"""Stands for the status of an image that was deleted."""

Image = tuple[str, int]
"""An image as clients know it: its status, and the revision of its last change."""

T = TypeVar("T")


class Violation(AssertionError):
    """A client was told what it must not be told."""


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


class ProjectEvent(Struct, frozen=True, rename="camel"):
    """An event of projectUpdated."""

    project_id: str
    operation: str
    revision: int
    updates: Stats | None


class ImageState(Struct, frozen=True, rename="camel"):
    """An image as an event shows it."""

    id: str
    status: str
    revision: int


class ImageEvent(Struct, frozen=True, rename="camel"):
    """An event of segmentationUpdated."""

    image_id: str
    project_id: str
    operation: str
    status: str | None
    revision: int
    image: ImageState | None


FIELDS = "imageCount uploadedCount queuedCount processingCount segmentedCount noSegmentationCount"
PROJECT_UPDATED = f"""subscription($projectId: ID) {{ projectUpdated(projectId: $projectId) {{
    projectId operation revision updates {{ {FIELDS} failedCount storageBytes revision }} }} }}"""
SEGMENTATION_UPDATED = """subscription($projectId: ID!, $after: BigInt) {
    segmentationUpdated(projectId: $projectId, after: $after) {
        imageId projectId operation status revision image { id status revision } } }"""


class Chronicle:
    """What anybody was told of each revision: there is one truth for all."""

    def __init__(self) -> None:
        self._stats: dict[tuple[str, int], Stats] = {}
        self._images: dict[tuple[str, int], tuple[str, str]] = {}

    def numbers(self, project: str, stats: Stats) -> None:
        """Note a project's numbers."""
        self._agree(self._stats, (project, stats.revision), stats)

    def image(self, project: str, revision: int, image: str, status: str) -> None:
        """Note the status of an image as of its last change."""
        self._agree(self._images, (project, revision), (image, status))

    def _agree(self, told: dict[tuple[str, int], T], moment: tuple[str, int], what: T) -> None:
        if told.setdefault(moment, what) != what:
            raise Violation(f"{moment}: some were told {told[moment]}, others {what}")


class Numbers:
    """What one subscription to projectUpdated tells, across its reconnects.

    ``stats`` holds the projects that are in sight. ``told`` has when numbers of
    which revision came first, for each project.
    """

    def __init__(self, chronicle: Chronicle, project: str | None = None) -> None:
        self.project = project
        self.stats: dict[str, Stats] = {}
        self.told: dict[str, dict[int, float]] = {}
        self._chronicle = chronicle
        self._newest: dict[str, int] = {}

    def lose_sight(self) -> None:
        """Forget what is in sight: the subscription has ended, and the next one tells it again."""
        self.stats.clear()

    def take(self, payload: bytes | msgspec.Raw) -> None:
        """Take what came. Raises Violation."""
        event = _PROJECT_EVENTS.decode(payload).data.project_updated
        if self.project not in (None, event.project_id):
            raise Violation(f"of another project: {event}")
        if event.operation in ("SNAPSHOT", "CREATED"):
            self._appear(event)
        else:
            self._change(event)
        self._newest[event.project_id] = event.revision

    def _appear(self, event: ProjectEvent) -> None:
        newest = self._newest.get(event.project_id, 0)
        if event.project_id in self.stats:
            raise Violation(f"in sight already: {event}")
        # What begins a subscription may be what was known before it.
        if event.revision < newest + (event.operation == "CREATED"):
            raise Violation(f"older than revision {newest}: {event}")
        self._note(event)

    def _change(self, event: ProjectEvent) -> None:
        known = self.stats.get(event.project_id)
        if known is None:
            raise Violation(f"of a project that is not in sight: {event}")
        if event.revision <= known.revision:
            raise Violation(f"not newer than revision {known.revision}: {event}")
        if event.operation == "UPDATED":
            self._note(event)
        elif event.operation in ("DELETED", "REVOKED") and event.updates is None:
            del self.stats[event.project_id]
        else:
            raise Violation(f"makes no sense: {event}")

    def _note(self, event: ProjectEvent) -> None:
        stats = event.updates
        if stats is None or stats.revision != event.revision or stats.image_count != counted(stats):
            raise Violation(f"contradicts itself: {event}")
        self._chronicle.numbers(event.project_id, stats)
        self.stats[event.project_id] = stats
        self.told.setdefault(event.project_id, {}).setdefault(event.revision, time.monotonic())


class Images:
    """What one subscription to segmentationUpdated tells of a project, resumed where it broke off.

    Starts from nothing (``after: 0``), so that every image is known. ``cursor`` is where to resume.
    ``told`` has when the change of which revision came.
    """

    def __init__(self, chronicle: Chronicle, project: str) -> None:
        self.project = project
        self.cursor = 0
        self.images: dict[str, Image] = {}
        self.told: dict[int, float] = {}
        self._chronicle = chronicle
        self._deleted: set[str] = set()

    def take(self, payload: bytes | msgspec.Raw) -> None:
        """Take what came. Raises Violation."""
        event = _IMAGE_EVENTS.decode(payload).data.segmentation_updated
        if event.project_id != self.project:
            raise Violation(f"of another project: {event}")
        if event.revision <= self.cursor:
            raise Violation(f"not newer than revision {self.cursor}: {event}")
        if event.operation == "DELETED":
            self._delete(event)
        else:
            self._change(event)
        self.cursor = event.revision
        self.told[event.revision] = time.monotonic()

    def _delete(self, event: ImageEvent) -> None:
        if event.image is not None or event.status is not None:
            raise Violation(f"contradicts itself: {event}")
        self._chronicle.image(self.project, event.revision, event.image_id, GONE)
        self.images.pop(event.image_id, None)
        self._deleted.add(event.image_id)

    def _change(self, event: ImageEvent) -> None:
        image = event.image
        if image is None or image != ImageState(event.image_id, event.status or "", event.revision):
            raise Violation(f"contradicts itself: {event}")
        if event.image_id in self._deleted:
            raise Violation(f"of an image that was deleted: {event}")
        known = event.image_id in self.images
        if (known and event.operation == "CREATED") or (not known and event.operation == "UPDATED"):
            raise Violation(f"the image was{'' if known else ' not'} known: {event}")
        self._chronicle.image(self.project, event.revision, image.id, image.status)
        self.images[image.id] = (image.status, image.revision)


def counted(stats: Stats) -> int:
    """Return how many images there are by their statuses."""
    return (
        stats.uploaded_count
        + stats.queued_count
        + stats.processing_count
        + stats.segmented_count
        + stats.no_segmentation_count
        + stats.failed_count
    )


def differing(told: Mapping[str, T], truth: Mapping[str, T]) -> list[str]:
    """Return in what the told differs from the truth, a line each."""
    return [
        f"{key}: told {told.get(key)}, but it is {truth.get(key)}"
        for key in sorted(told.keys() | truth.keys())
        if told.get(key) != truth.get(key)
    ]


class _ProjectData(Struct, rename="camel"):
    project_updated: ProjectEvent


class _ProjectResult(Struct):
    data: _ProjectData


class _ImageData(Struct, rename="camel"):
    segmentation_updated: ImageEvent


class _ImageResult(Struct):
    data: _ImageData


_PROJECT_EVENTS = msgspec.json.Decoder(_ProjectResult)
_IMAGE_EVENTS = msgspec.json.Decoder(_ImageResult)

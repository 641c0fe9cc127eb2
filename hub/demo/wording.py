"""Events in words."""

from datetime import datetime

from msgspec import Struct
from rich.filesize import decimal

from hub.demo.events import (
    Dashboard,
    Event,
    ProjectUpdate,
    QueueStats,
    SegmentationUpdate,
    Stats,
    UploadProgress,
)

STATUSES = ("UPLOADED", "QUEUED", "PROCESSING", "SEGMENTED", "NO_SEGMENTATION", "FAILED")
_FOUND = ("SEGMENTED", "NO_SEGMENTATION")
_LIVE = ("CREATED", "UPDATED", "DELETED")


class Arrival(Struct, frozen=True, kw_only=True):
    """An event as a line of a table; ``changed_at`` is when the change was made that it tells."""

    told: str
    operation: str = ""
    revision: int | None = None
    changed_at: datetime | None = None


def arrival(event: Event, name: str = "") -> Arrival:
    """Put an event into words; ``name`` is that of the image that it is about."""
    match event:
        case ProjectUpdate():
            is_live = event.operation in _LIVE and event.updates is not None
            return Arrival(
                operation=event.operation,
                revision=event.revision,
                changed_at=event.timestamp if is_live else None,
                told="no access any more" if event.updates is None else numbers(event.updates),
            )
        case SegmentationUpdate():
            return Arrival(
                operation=event.operation,
                revision=event.revision,
                # What a report of progress repeats was changed before.
                changed_at=event.timestamp
                if event.operation in _LIVE and event.progress is None
                else None,
                told=_image(event, name),
            )
        case Dashboard():
            told = f"{many(event.project_count, 'project')}, {many(event.image_count, 'image')}: "
            told += f"{event.queued_count} QUEUED, {event.processing_count} PROCESSING, "
            return Arrival(told=f"{told}{event.segmented_count} SEGMENTED")
        case QueueStats():
            told = f"{event.queued} QUEUED, {event.processing} PROCESSING"
            if event.estimated_seconds is not None:
                told += f", {event.estimated_seconds:.1f} s to go"
            return Arrival(told=told)
        case UploadProgress():
            told = f"{event.files_stored} of {event.files_total} files stored, "
            told += f"{event.files_rejected} rejected, {decimal(event.bytes_received)} received"
            return Arrival(told=told, operation="DONE" if event.done else "")


def numbers(stats: Stats) -> str:
    """Put a project's numbers into words."""
    counts = [f"{stats.count(status)} {status}" for status in STATUSES if stats.count(status)]
    told = f"{many(stats.image_count, 'image')}, {decimal(stats.storage_bytes)}"
    return f"{told}: {', '.join(counts)}" if counts else told


def many(count: int, noun: str) -> str:
    """Put a number of things into words."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _image(event: SegmentationUpdate, name: str) -> str:
    if event.status is None:
        return f"{name} is gone"
    return f"{name}: {event.status}{_details(event)}"


def _details(event: SegmentationUpdate) -> str:
    if event.error is not None:
        return f" ({event.error.code})"
    if event.progress is not None:
        return f", {event.progress:.0%}"
    found = None if event.image is None else event.image.segmentation
    if found is None or event.status not in _FOUND:
        return ""
    took = "" if found.processing_seconds is None else f" in {found.processing_seconds:.2f} s"
    return f", {many(found.cell_count, 'cell')}{took}"

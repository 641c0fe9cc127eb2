"""Events in words."""

from datetime import datetime

from msgspec import Struct
from rich.filesize import decimal

from hub.demo.events import (
    Dashboard,
    Event,
    ProjectUpdate,
    SegmentationUpdate,
    Stats,
    UploadProgress,
)

STATUSES = ("UPLOADED", "QUEUED", "PROCESSING", "SEGMENTED", "NO_SEGMENTATION", "FAILED")
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
                changed_at=event.timestamp if event.operation in _LIVE else None,
                told=_image(event, name),
            )
        case Dashboard():
            told = f"{many(event.project_count, 'project')}, {many(event.image_count, 'image')}: "
            told += f"{event.queued_count} QUEUED, {event.processing_count} PROCESSING, "
            return Arrival(told=f"{told}{event.segmented_count} SEGMENTED")
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
    why = f" ({event.error.code})" if event.error else ""
    return f"{name}: {event.status}{why}"

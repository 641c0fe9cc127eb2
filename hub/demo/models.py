"""What somebody knows who has nothing but the events of one subscription.

A model takes events and raises Contradiction where one can't follow those before it.
"""

from typing import Generic, Protocol, TypeVar

from msgspec.structs import replace

from hub.demo.events import (
    ImageState,
    ProjectUpdate,
    SegmentationUpdate,
    Stats,
    UploadProgress,
    cell_count,
)

E = TypeVar("E")
E_contra = TypeVar("E_contra", contravariant=True)


class Contradiction(Exception):
    """An event that can't be true if those before it were."""


class Model(Protocol[E_contra]):
    """What the events so far come to."""

    def take(self, event: E_contra) -> None:
        """Add an event; raises Contradiction."""
        ...


class Projects:
    """projectUpdated: the latest numbers of each project that is to be seen."""

    def __init__(self) -> None:
        self.stats: dict[str, Stats] = {}
        self.revisions: dict[str, int] = {}

    def take(self, event: ProjectUpdate) -> None:
        """Add an event; raises Contradiction."""
        known = event.project_id in self.stats
        if known == (event.operation in ("SNAPSHOT", "CREATED")):
            raise Contradiction(
                f"{event.operation} of a project that is{' not' * (not known)} known"
            )
        _expect_rise(self.revisions.get(event.project_id, -1), event.revision)
        self.revisions[event.project_id] = event.revision
        if event.updates is None:
            del self.stats[event.project_id]
            return
        if event.updates.revision != event.revision:
            raise Contradiction(f"numbers of revision {event.updates.revision}")
        self.stats[event.project_id] = event.updates


class Images:
    """segmentationUpdated: the latest state of each image."""

    def __init__(self) -> None:
        self.states: dict[str, ImageState] = {}
        self.revision = 0

    def take(self, event: SegmentationUpdate) -> None:
        """Add an event; raises Contradiction."""
        if event.progress is not None:
            self._expect_nothing_else(event)
            return
        _expect_rise(self.revision, event.revision)
        self.revision = event.revision
        known = event.image_id in self.states
        state = _state(event)
        if state is None:
            if event.operation != "DELETED":
                raise Contradiction(f"{event.operation} without an image")
            self.states.pop(event.image_id, None)
            return
        if known != (event.operation == "UPDATED"):
            raise Contradiction(
                f"{event.operation} of an image that is{' not' * (not known)} known"
            )
        self.states[event.image_id] = state

    def _expect_nothing_else(self, event: SegmentationUpdate) -> None:
        """Check that a report of progress repeats what is known of an image that is worked on."""
        if event.revision != self.revision:
            raise Contradiction(f"progress as of revision {event.revision} after {self.revision}")
        known, state = self.states.get(event.image_id), _state(event)
        if known is None or state is None or replace(state, revision=known.revision) != known:
            raise Contradiction("progress that says something else, too")
        if (event.operation, event.status) != ("UPDATED", "PROCESSING"):
            raise Contradiction(f"{event.operation} with progress, of an image {event.status}")


class Latest(Generic[E]):
    """dashboardUpdated, queueStatsUpdated: the latest numbers."""

    def __init__(self) -> None:
        self.last: E | None = None

    def take(self, event: E) -> None:
        """Add an event: nothing contradicts it."""
        self.last = event


class Progress:
    """uploadProgressed: how far an upload is."""

    def __init__(self) -> None:
        self.last: UploadProgress | None = None

    def take(self, event: UploadProgress) -> None:
        """Add an event; raises Contradiction where an upload goes backwards."""
        if self.last is not None and _extent(event) < _extent(self.last):
            raise Contradiction("an upload that goes backwards")
        self.last = event


def _extent(event: UploadProgress) -> tuple[int, bool]:
    return event.bytes_received, event.done


def _state(event: SegmentationUpdate) -> ImageState | None:
    image = event.image
    if image is None or event.status is None:
        return None
    return ImageState(
        event.image_id,
        event.status,
        image.size_bytes,
        event.revision,
        cell_count(image.segmentation),
    )


def _expect_rise(last: int, revision: int) -> None:
    if revision <= last:
        raise Contradiction(f"revision {revision} after {last}")

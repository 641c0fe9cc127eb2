"""Whether it adds up: what somebody was told, beside what there is to know."""

from collections import Counter
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import asdict

from hub.demo.audience import Actor
from hub.demo.events import Queue
from hub.demo.facts import Facts
from hub.demo.wording import STATUSES


def known_to(actor: Actor, project_id: str) -> Facts:
    """Return what the events come to that somebody was told so far."""
    project = actor.project.model.stats.get(project_id)
    # What somebody knew before the end of the access is known, but true no more.
    images = {} if project is None else actor.images.model.states
    queue = None if project is None else actor.queue.model.last
    return Facts(
        stats=project,
        images=images,
        image_total=len(images),
        dashboard=actor.dashboard.model.last,
        queue=None if queue is None else Queue(queue.queued, queue.processing),
    )


def differences(label: str, told: Facts, truth: Facts) -> list[str]:
    """Return where the facts that somebody has differ from the truth, a line each."""
    return [
        *of_fields(f"{label}, stats", told.stats, truth.stats),
        *_of_images(label, told, truth),
        *of_fields(f"{label}, dashboard", told.dashboard, truth.dashboard),
        *of_fields(f"{label}, queue", told.queue, truth.queue),
    ]


def of_fields(label: str, told: Struct | None, truth: Struct | None) -> Iterator[str]:
    """Yield the fields in which one record differs from the other, a line each."""
    mine, right = (asdict(it) if it is not None else {} for it in (told, truth))
    for name in sorted(mine.keys() | right.keys()):
        if mine.get(name) != right.get(name):
            yield f"{label}: {name} is {mine.get(name)}, and should be {right.get(name)}."


def contradictions(truth: Facts) -> list[str]:
    """Return where counters differ from what they count, a line each."""
    if truth.stats is None:
        return []
    images = truth.images.values()
    statuses = Counter(image.status for image in images)
    pairs = [
        ("images", truth.stats.image_count, len(images)),
        ("bytes", truth.stats.storage_bytes, sum(image.size_bytes for image in images)),
        *((status, truth.stats.count(status), statuses[status]) for status in STATUSES),
    ]
    return [
        f"The project's row says {counter} {what}, its images' rows {counted}."
        for what, counter, counted in pairs
        if counter != counted
    ]


def _of_images(label: str, told: Facts, truth: Facts) -> Iterator[str]:
    if told.image_total != truth.image_total:
        yield f"{label}: {told.image_total} images, and should be {truth.image_total}."
    for image_id in sorted(told.images.keys() | truth.images.keys()):
        mine, right = told.images.get(image_id), truth.images.get(image_id)
        if mine is None or right is None:
            yield f"{label}: the image {image_id} is {'missing' if right else 'gone'}."
        else:
            yield from of_fields(f"{label}, image {image_id}", mine, right)

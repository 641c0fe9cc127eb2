"""Segmentation status: legal moves, one by one and in hundreds."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from persistence import queue, segmentation
from persistence.change import ProjectAccess, changing
from persistence.database import Connection, UnitOfWork
from persistence.records import (
    ImageRecord,
    JobRecord,
    ProjectRole,
    SegmentationFailure,
    SegmentationStatus,
)
from persistence.segmentation import Move
from resolvers import access
from resolvers.context import Context
from resolvers.errors import BadUserInput, Conflict
from resolvers.failures import legible
from resolvers.image import by_project, check_batch

_S = SegmentationStatus
LEGAL: Mapping[SegmentationStatus, tuple[SegmentationStatus, ...]] = {
    _S.UPLOADED: (_S.QUEUED,),
    _S.QUEUED: (_S.PROCESSING, _S.UPLOADED, _S.FAILED),
    _S.PROCESSING: (_S.SEGMENTED, _S.NO_SEGMENTATION, _S.FAILED, _S.QUEUED),
    _S.SEGMENTED: (_S.QUEUED,),
    _S.NO_SEGMENTATION: (_S.QUEUED,),
    _S.FAILED: (_S.QUEUED,),
}
"""The statuses that may follow each status."""

_IN_QUEUE = (_S.QUEUED, _S.PROCESSING)


class StatusChange(Struct, frozen=True, kw_only=True):
    """What is asked of one image. ``job_id``: the active job that this belongs to, if any."""

    image_id: UUID
    status: SegmentationStatus
    job_id: UUID | None = None
    failure: SegmentationFailure | None = None


class StatusesChanged(Struct, frozen=True, kw_only=True):
    """The images as changed, in the order of the call, and their projects."""

    images: Sequence[ImageRecord]
    projects: Sequence[ProjectAccess]


async def set_statuses(context: Context, changes: Sequence[StatusChange]) -> StatusesChanged:
    """Move images to other statuses: all those of one project, or none of them. Takes an EDITOR.

    Each project has a transaction of its own. Where there are several, all is checked before the
    first, so that only a change made at the same time can stop a later one. Raises Conflict for a
    move that is not in LEGAL, or that belongs to a job of the queue other than ``job_id``.
    """
    limit = context.services.limits.max_changes_per_call
    check_batch("changes", [change.image_id for change in changes], limit)
    wanted = {change.image_id: _checked(change) for change in changes}
    async with context.database.reading() as connection:
        groups = by_project(await access.images_for(connection, context, wanted))
        if len(groups) > 1:
            for project_id, images in groups.items():
                await access.project_for(connection, context, project_id, ProjectRole.EDITOR)
                await _moves(connection, images, wanted)
    changed: dict[UUID, ImageRecord] = {}
    projects = []
    for project_id, images in groups.items():
        seen, moved = await _set_in_project(context, project_id, images, wanted)
        projects.append(seen)
        changed |= {image.id: image for image in moved}
    return StatusesChanged(
        images=[changed[change.image_id] for change in changes], projects=projects
    )


def _checked(change: StatusChange) -> StatusChange:
    """Return the change with a failure that can be kept."""
    if change.failure is None:
        return change
    if change.status is not _S.FAILED:
        raise BadUserInput("An error goes with the status FAILED only.")
    return replace(change, failure=legible(change.failure))


async def _set_in_project(
    context: Context,
    project_id: UUID,
    images: Sequence[ImageRecord],
    wanted: Mapping[UUID, StatusChange],
) -> tuple[ProjectAccess, Sequence[ImageRecord]]:
    async def attempt(
        unit: UnitOfWork,
        lock: bool,
    ) -> tuple[ProjectAccess, Sequence[ImageRecord]]:
        seen = await access.project_for(
            unit.connection, context, project_id, ProjectRole.EDITOR, lock=lock
        )
        current = images
        if lock:
            ids = [image.id for image in images]
            current = list((await access.images_for(unit.connection, context, ids)).values())
        moves = await _moves(unit.connection, current, wanted)
        project, moved = await segmentation.move(unit, seen, moves, actor_id=context.user_id)
        if any(move.job_id is not None for move in moves):
            await queue.follow(unit, moves)
        return ProjectAccess(project=project, role=seen.role), moved

    of_a_job = any(image.job_id is not None for image in images)
    return await changing(context.database, attempt, single_statement=not of_a_job)


async def _moves(
    connection: Connection, images: Sequence[ImageRecord], wanted: Mapping[UUID, StatusChange]
) -> Sequence[Move]:
    """Check what is wanted of the images and return it as moves."""
    queued = [image.id for image in images if image.job_id and image.status in _IN_QUEUE]
    jobs = await queue.active_jobs(connection, queued) if queued else {}
    return [_move(image, wanted[image.id], jobs.get(image.id)) for image in images]


def _move(image: ImageRecord, change: StatusChange, job: JobRecord | None) -> Move:
    legal = LEGAL[image.status]
    if change.status not in legal:
        raise Conflict(
            f"Image '{image.name}' is {image.status}; from there it can become {_or(legal)},"
            f" not {change.status}."
        )
    job_id = None if job is None else job.id
    if change.job_id != job_id:
        raise Conflict(
            f"Image '{image.name}' belongs to "
            + ("no job of the queue." if job is None else "a job of the queue: pass its queueId.")
        )
    return Move(
        image=image,
        status=change.status,
        failure=change.failure,
        job_id=job_id,
        segmentation_id=image.segmentation_id,
    )


def _or(statuses: Sequence[SegmentationStatus]) -> str:
    return " or ".join(statuses)

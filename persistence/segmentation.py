"""Segmentation: the moves of an image's status."""

from collections.abc import Collection, Sequence
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from persistence import change
from persistence.change import Delta, ProjectAccess
from persistence.database import Connection, UnitOfWork
from persistence.records import (
    ImageRecord,
    ProjectRecord,
    SegmentationFailure,
    SegmentationStatus,
)
from persistence.sql import Statement

_RUNS_OF = Statement("SELECT id FROM segmentations WHERE image_id = ANY(:image_ids)")


async def runs_of(connection: Connection, image_ids: Collection[UUID]) -> Sequence[UUID]:
    """Return the ids of all runs of these images, superseded ones too."""
    result = await connection.execute(_RUNS_OF, {"image_ids": list(image_ids)})
    return result.scalars()


class Move(Struct, frozen=True, kw_only=True):
    """An image as read, and what it is to become."""

    image: ImageRecord
    status: SegmentationStatus
    failure: SegmentationFailure | None = None
    job_id: UUID | None = None
    segmentation_id: UUID | None = None


_MOVE = change.statement(
    """
    UPDATE images i SET
        status = n.status,
        failure_code = n.failure_code,
        failure_message = n.failure_message,
        failure_retryable = n.failure_retryable,
        job_id = n.job_id,
        segmentation_id = n.segmentation_id,
        updated_at = project.updated_at,
        revision = project.first + n.position
    FROM project, unnest(
        CAST(:ids AS uuid[]), CAST(:read_revisions AS bigint[]), CAST(:statuses AS text[]),
        CAST(:failure_codes AS text[]), CAST(:failure_messages AS text[]),
        CAST(:failures_retryable AS boolean[]), CAST(:job_ids AS uuid[]),
        CAST(:segmentation_ids AS uuid[])
    ) WITH ORDINALITY AS n(id, read_revision, status, failure_code, failure_message,
        failure_retryable, job_id, segmentation_id, position)
    WHERE i.id = n.id AND i.revision = n.read_revision
    RETURNING i.id
"""
)


async def move(
    unit: UnitOfWork,
    access: ProjectAccess,
    moves: Sequence[Move],
    *,
    actor_id: UUID | None,
    action: str = "images.moved",
) -> tuple[ProjectRecord, Sequence[ImageRecord]]:
    """Move images of one project to their new states; return both as changed. May raise Stale."""
    failures = [move.failure for move in moves]
    project = await change.apply(
        unit,
        access,
        _MOVE,
        action=action,
        actor_id=actor_id,
        delta=Delta.moving((move.image.status, move.status) for move in moves),
        rows=len(moves),
        parameters={
            "ids": [move.image.id for move in moves],
            "read_revisions": [move.image.revision for move in moves],
            "statuses": [move.status for move in moves],
            "failure_codes": [failure and failure.code for failure in failures],
            "failure_messages": [failure and failure.message for failure in failures],
            "failures_retryable": [failure and failure.retryable for failure in failures],
            "job_ids": [move.job_id for move in moves],
            "segmentation_ids": [move.segmentation_id for move in moves],
        },
    )
    first = project.stats.revision - len(moves)
    images = tuple(
        replace(
            move.image,
            status=move.status,
            failure=move.failure,
            job_id=move.job_id,
            segmentation_id=move.segmentation_id,
            updated_at=project.stats.updated_at,
            revision=first + position,
        )
        for position, move in enumerate(moves, start=1)
    )
    change.announce(unit, project, steps=len(images), actor_id=actor_id, images=images)
    return project, images

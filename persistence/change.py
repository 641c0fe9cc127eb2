"""How a project changes: a statement moves counters, raises the revision, stamps the images.

The statement updates the project's row first, so that the changes of one project are serialized and
can't deadlock. What it decides on was read before; it applies only if that still holds, and raises
Stale otherwise. ``changing`` then tries once more with the project locked before it reads.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeVar
from uuid import UUID

from msgspec import Struct

from persistence.database import Database, UnitOfWork
from persistence.records import (
    ChangeOperation,
    ImageRecord,
    ImageTombstone,
    ProjectChange,
    ProjectRecord,
    ProjectRole,
    ProjectStats,
    SegmentationStatus,
)
from persistence.sql import Row, Statement
from persistence.trouble import StatementFailed

T = TypeVar("T")

_DIVISION_BY_ZERO = "22012"

STATS = (
    "image_count, uploaded_count, queued_count, processing_count, segmented_count,"
    " no_segmentation_count, failed_count, storage_bytes, revision, details_revision, updated_at"
)
PROJECT = f"id, owner_id, name, description, members_revision, created_at, {STATS}"

DETAILS = "details_revision = revision + :steps,"
"""What ``statement`` is to ``assign``, too, where a change tells more than numbers and images."""

MEMBERS = f"members_revision = revision + :steps, {DETAILS}"
"""What it is to assign where a change is one of who may do what."""


class Stale(Exception):
    """What the change was decided on is no longer so; nothing was changed."""


class ProjectAccess(Struct, frozen=True, kw_only=True):
    """A project as read for a change, and the role in it of whoever makes the change."""

    project: ProjectRecord
    role: ProjectRole


class Delta(Struct, frozen=True, kw_only=True):
    """What a change does to the counters, and how many images it touches."""

    counts: Mapping[SegmentationStatus, int] = {}
    storage_bytes: int = 0
    touched: int = 0

    @classmethod
    def moving(cls, moves: Iterable[tuple[SegmentationStatus, SegmentationStatus]]) -> "Delta":
        """Return the delta of images that go from the first status of each pair to the second."""
        counts = dict.fromkeys(SegmentationStatus, 0)
        touched = 0
        for old, new in moves:
            counts[old] -= 1
            counts[new] += 1
            touched += 1
        return cls(counts=counts, touched=touched)

    @classmethod
    def of(cls, images: Iterable[ImageRecord], sign: int) -> "Delta":
        """Return the delta of these images coming (sign 1) or going (sign -1)."""
        counts = dict.fromkeys(SegmentationStatus, 0)
        size = touched = 0
        for image in images:
            counts[image.status] += sign
            size += sign * image.size_bytes
            touched += 1
        return cls(counts=counts, storage_bytes=size, touched=touched)


def stats_of(row: Row) -> ProjectStats:
    """Read the statistics from a row that has the columns of STATS."""
    return ProjectStats(
        image_count=row.image_count,
        uploaded_count=row.uploaded_count,
        queued_count=row.queued_count,
        processing_count=row.processing_count,
        segmented_count=row.segmented_count,
        no_segmentation_count=row.no_segmentation_count,
        failed_count=row.failed_count,
        storage_bytes=row.storage_bytes,
        revision=row.revision,
        details_revision=row.details_revision,
        updated_at=row.updated_at,
    )


def project_of(row: Row) -> ProjectRecord:
    """Read a project from a row that has the columns of PROJECT."""
    return ProjectRecord(
        id=row.id,
        owner_id=row.owner_id,
        name=row.name,
        description=row.description,
        members_revision=row.members_revision,
        created_at=row.created_at,
        stats=stats_of(row),
    )


def statement(touch: str, *, also: str = "", assign: str = "") -> Statement:
    """Compose a change's statement.

    ``touch`` is the body of a CTE that changes rows and returns one row for each. It joins the CTE
    ``project`` (the project's row, changed), which also locks in the right order, and stamps images
    with ``project.first + position``, where ``position`` counts from 1. ``also`` holds more CTEs,
    each beginning with a comma; ``assign`` more assignments to the project, each ending with one.

    Where not as many rows are touched as were meant to be, a division by zero undoes it all: so the
    statement is whole or nothing even without a transaction around it.
    """
    return Statement(f"""
        WITH project AS (
            UPDATE projects SET {assign}
                image_count = image_count + :images,
                uploaded_count = uploaded_count + :uploaded,
                queued_count = queued_count + :queued,
                processing_count = processing_count + :processing,
                segmented_count = segmented_count + :segmented,
                no_segmentation_count = no_segmentation_count + :no_segmentation,
                failed_count = failed_count + :failed,
                storage_bytes = storage_bytes + :storage_bytes,
                revision = revision + :steps,
                updated_at = clock_timestamp()
            WHERE id = :project_id AND members_revision = :members_revision
                AND LEAST(
                    uploaded_count + :uploaded, queued_count + :queued,
                    processing_count + :processing, segmented_count + :segmented,
                    no_segmentation_count + :no_segmentation, failed_count + :failed
                ) >= 0
                AND storage_bytes + :storage_bytes >= 0
            RETURNING {PROJECT}, revision - :steps AS first
        ), touched AS ({touch})
        , logged AS (
            INSERT INTO activities (project_id, revision, since, actor_id, action, image_count, at)
            SELECT id, revision, first, :actor_id, :action, :touched, updated_at FROM project
        )
        {also}
        SELECT project.*, 1 / CASE (SELECT count(*) FROM touched) WHEN :rows THEN 1 ELSE 0 END
            AS undone_unless_whole
        FROM project
    """)


async def apply(
    unit: UnitOfWork,
    access: ProjectAccess,
    sql: Statement,
    *,
    action: str,
    actor_id: UUID | None,
    rows: int,
    delta: Delta = Delta(),  # noqa: B008 (frozen)
    parameters: Mapping[str, object],
) -> ProjectRecord:
    """Run a change's statement; return the project as changed.

    The revision rises by the number of images touched, else by one. Raises Stale where
    memberships changed since ``access`` was read, where not ``rows`` rows were touched, or where
    there are no longer as many images of a status, or as many bytes, as would go.
    """
    counts = {status: delta.counts.get(status, 0) for status in SegmentationStatus}
    values = {
        "rows": rows,
        "project_id": access.project.id,
        "members_revision": access.project.members_revision,
        "images": sum(counts.values()),
        **{status.lower(): count for status, count in counts.items()},
        "storage_bytes": delta.storage_bytes,
        "steps": max(delta.touched, 1),
        "touched": delta.touched,
        "action": action,
        "actor_id": actor_id,
        **parameters,
    }
    try:
        result = await unit.change(sql, values)
    except StatementFailed as error:
        if error.state == _DIVISION_BY_ZERO:
            raise Stale from None
        raise
    row = result.one_or_none()
    if row is None:
        raise Stale
    return project_of(row)


def announce(
    unit: UnitOfWork,
    project: ProjectRecord,
    *,
    steps: int = 1,
    actor_id: UUID | None,
    images: tuple[ImageRecord | ImageTombstone, ...] = (),
    operation: ChangeOperation = ChangeOperation.UPDATED,
) -> ProjectChange:
    """Announce that the last ``steps`` revisions of the project were this change; return it."""
    change = ProjectChange(
        project_id=project.id,
        operation=operation,
        since=project.stats.revision - steps,
        revision=project.stats.revision,
        members_revision=project.members_revision,
        actor_id=actor_id,
        stats=project.stats,
        images=images,
    )
    unit.announce(change)
    return change


async def changing(
    database: Database,
    attempt: Callable[[UnitOfWork, bool], Awaitable[T]],
    *,
    single_statement: bool = False,
) -> T:
    """Run a change in a transaction; once more, locked, where it was decided on stale state.

    ``attempt`` gets the unit of work and whether to lock the project before it reads. Where all
    that it writes is one statement of ``apply``, the first try needs no transaction around it.
    """
    first = database.single_statement() if single_statement else database.transaction()
    try:
        async with first as unit:
            return await attempt(unit, False)
    except Stale:
        async with database.transaction() as unit:
            return await attempt(unit, True)

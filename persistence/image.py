"""Images: rows, pages, and the changes that bring them, move them and take them away."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from msgspec import Struct
from msgspec.structs import asdict

from persistence import change
from persistence.change import Delta, ProjectAccess
from persistence.database import Connection, UnitOfWork
from persistence.ids import LAST_ID
from persistence.pagination import Page, contains, page_of
from persistence.records import (
    ImageRecord,
    ImageTombstone,
    ProjectRecord,
    SegmentationFailure,
    SegmentationStatus,
)
from persistence.sql import Row, Statement

COLUMNS = (
    "id, project_id, name, status, failure_code, failure_message, failure_retryable, width, height,"
    " channels, pages, mime_type, size_bytes, checksum, uploaded_by, job_id, segmentation_id,"
    " created_at, updated_at, created_revision, revision"
)
_I = ", ".join(f"i.{column.strip()}" for column in COLUMNS.split(","))


def image_of(row: Row) -> ImageRecord:
    """Read an image from a row of the table."""
    failure = None
    if row.failure_code is not None:
        failure = SegmentationFailure(
            code=row.failure_code, message=row.failure_message, retryable=row.failure_retryable
        )
    return ImageRecord(
        id=row.id,
        project_id=row.project_id,
        name=row.name,
        status=SegmentationStatus(row.status),
        failure=failure,
        width=row.width,
        height=row.height,
        channels=row.channels,
        pages=row.pages,
        mime_type=row.mime_type,
        size_bytes=row.size_bytes,
        checksum=row.checksum,
        uploaded_by=row.uploaded_by,
        job_id=row.job_id,
        segmentation_id=row.segmentation_id,
        created_at=row.created_at,
        updated_at=row.updated_at,
        created_revision=row.created_revision,
        revision=row.revision,
    )


_VISIBLE = Statement(f"""
    SELECT {_I} FROM images i JOIN project_members m ON m.project_id = i.project_id
    WHERE i.id = ANY(:image_ids) AND m.user_id = :user_id
""")


async def visible(
    connection: Connection, image_ids: Collection[UUID], user_id: UUID
) -> dict[UUID, ImageRecord]:
    """Return those of the images that the user can see, by id."""
    result = await connection.execute(_VISIBLE, {"image_ids": list(image_ids), "user_id": user_id})
    return {row.id: image_of(row) for row in result}


_FIND = Statement(f"SELECT {COLUMNS} FROM images WHERE id = ANY(:image_ids)")


async def find(connection: Connection, image_ids: Collection[UUID]) -> dict[UUID, ImageRecord]:
    """Return those of the images that exist, by id, whoever may see them."""
    result = await connection.execute(_FIND, {"image_ids": list(image_ids)})
    return {row.id: image_of(row) for row in result}


_MATCHING = f"""
    SELECT {COLUMNS} FROM images
    WHERE project_id = p.id AND id < COALESCE(CAST(:after AS uuid), CAST(:last_key AS uuid))
      AND name ILIKE COALESCE(CAST(:search AS text), '%')
"""
_PAGES = Statement(f"""
    SELECT i.* FROM unnest(CAST(:project_ids AS uuid[])) AS p(id), LATERAL (
        {_MATCHING} ORDER BY id DESC LIMIT :limit
    ) i
""")
# Each status is an index scan of its own, so that rare ones are found without reading the others.
_PAGES_BY_STATUS = Statement(f"""
    SELECT i.* FROM unnest(CAST(:project_ids AS uuid[])) AS p(id), LATERAL (
        SELECT c.* FROM unnest(CAST(:statuses AS text[])) AS s(wanted), LATERAL (
            {_MATCHING} AND status = s.wanted ORDER BY id DESC LIMIT :limit
        ) c ORDER BY c.id DESC LIMIT :limit
    ) i
""")


async def pages(
    connection: Connection,
    project_ids: Collection[UUID],
    *,
    first: int,
    after: UUID | None = None,
    statuses: Collection[SegmentationStatus] | None = None,
    search: str | None = None,
) -> Mapping[UUID, Page[ImageRecord]]:
    """Return a page of the images of each of these projects, newest first."""
    result = await connection.execute(
        _PAGES if statuses is None else _PAGES_BY_STATUS,
        {
            "project_ids": list(project_ids),
            "after": after,
            "last_key": LAST_ID,
            "search": contains(search),
            "limit": first + 1,
        }
        | ({} if statuses is None else {"statuses": sorted(set(statuses))}),
    )
    images: dict[UUID, list[ImageRecord]] = {project_id: [] for project_id in project_ids}
    for row in result:
        images[row.project_id].append(image_of(row))
    return {project_id: page_of(found, first, after=after) for project_id, found in images.items()}


_COUNTS = Statement("""
    SELECT project_id, count(*) AS found FROM images
    WHERE project_id = ANY(:project_ids) AND name ILIKE :search AND status = ANY(:statuses)
    GROUP BY project_id
""")


async def counts(
    connection: Connection,
    project_ids: Collection[UUID],
    *,
    statuses: Collection[SegmentationStatus],
    search: str,
) -> Mapping[UUID, int]:
    """Return how many images of each of these projects match; without those where none does."""
    result = await connection.execute(
        _COUNTS,
        {
            "project_ids": list(project_ids),
            "search": contains(search),
            "statuses": sorted(statuses),
        },
    )
    return {row.project_id: row.found for row in result}


class NewImage(Struct, frozen=True, kw_only=True):
    """An inspected file whose bytes are in the blob store already."""

    id: UUID
    name: str
    width: int
    height: int
    channels: int
    pages: int
    mime_type: str
    size_bytes: int
    checksum: str


_INSERT = change.statement(
    """
    INSERT INTO images (id, project_id, name, status, width, height, channels, pages, mime_type,
        size_bytes, checksum, uploaded_by, created_at, updated_at, created_revision, revision)
    SELECT n.id, project.id, n.name, 'UPLOADED', n.width, n.height, n.channels, n.pages,
        n.mime_type, n.size_bytes, n.checksum, :actor_id, project.updated_at, project.updated_at,
        project.first + n.position, project.first + n.position
    FROM project, unnest(
        CAST(:ids AS uuid[]), CAST(:names AS text[]), CAST(:widths AS int[]),
        CAST(:heights AS int[]), CAST(:channel_counts AS int[]), CAST(:page_counts AS int[]),
        CAST(:mime_types AS text[]), CAST(:sizes AS bigint[]), CAST(:checksums AS text[])
    ) WITH ORDINALITY
        AS n(id, name, width, height, channels, pages, mime_type, size_bytes, checksum, position)
    RETURNING id
    """
)


async def insert(
    unit: UnitOfWork, access: ProjectAccess, new: Sequence[NewImage], *, actor_id: UUID
) -> tuple[ProjectRecord, Sequence[ImageRecord]]:
    """Add at least one image; return the project as changed and the images. May raise Stale."""
    project = await change.apply(
        unit,
        access,
        _INSERT,
        action="images.uploaded",
        actor_id=actor_id,
        delta=Delta(
            counts={SegmentationStatus.UPLOADED: len(new)},
            storage_bytes=sum(image.size_bytes for image in new),
            touched=len(new),
        ),
        rows=len(new),
        parameters={
            "ids": [image.id for image in new],
            "names": [image.name for image in new],
            "widths": [image.width for image in new],
            "heights": [image.height for image in new],
            "channel_counts": [image.channels for image in new],
            "page_counts": [image.pages for image in new],
            "mime_types": [image.mime_type for image in new],
            "sizes": [image.size_bytes for image in new],
            "checksums": [image.checksum for image in new],
        },
    )
    first = project.stats.revision - len(new)
    images = tuple(
        ImageRecord(
            **asdict(image),
            project_id=project.id,
            status=SegmentationStatus.UPLOADED,
            failure=None,
            uploaded_by=actor_id,
            job_id=None,
            segmentation_id=None,
            created_at=project.stats.updated_at,
            updated_at=project.stats.updated_at,
            created_revision=first + position,
            revision=first + position,
        )
        for position, image in enumerate(new, start=1)
    )
    change.announce(unit, project, steps=len(images), actor_id=actor_id, images=images)
    return project, images


_DELETE_IMAGES = change.statement(
    """
    DELETE FROM images i
    USING project, unnest(CAST(:ids AS uuid[]), CAST(:read_revisions AS bigint[]))
        WITH ORDINALITY AS n(id, read_revision, position)
    WHERE i.id = n.id AND i.revision = n.read_revision
    RETURNING i.id, i.project_id, project.first + n.position AS revision, project.updated_at
    """,
    also=""", buried AS (
        INSERT INTO image_tombstones (id, project_id, revision, deleted_at)
        SELECT id, project_id, revision, updated_at FROM touched
    ), cancelled AS (
        UPDATE segmentation_jobs j SET state = 'CANCELLED', lease = NULL, lease_expires_at = NULL,
            finished_at = touched.updated_at
        FROM touched WHERE j.image_id = touched.id AND j.state IN ('QUEUED', 'PROCESSING')
    )""",
)


async def delete(
    unit: UnitOfWork, access: ProjectAccess, images: Sequence[ImageRecord], *, actor_id: UUID
) -> ProjectRecord:
    """Delete images of one project, leaving tombstones, and cancel their jobs. May raise Stale."""
    project = await change.apply(
        unit,
        access,
        _DELETE_IMAGES,
        action="images.deleted",
        actor_id=actor_id,
        delta=Delta.of(images, sign=-1),
        rows=len(images),
        parameters={
            "ids": [image.id for image in images],
            "read_revisions": [image.revision for image in images],
        },
    )
    first = project.stats.revision - len(images)
    tombstones = tuple(
        ImageTombstone(
            id=image.id,
            project_id=project.id,
            revision=first + position,
            deleted_at=project.stats.updated_at,
        )
        for position, image in enumerate(images, start=1)
    )
    change.announce(unit, project, steps=len(images), actor_id=actor_id, images=tombstones)
    return project

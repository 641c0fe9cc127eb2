"""What changed since a revision: the database is the log.

Read in a snapshot (Database.snapshot), so that the project's row and the images are of one moment.
"""

from collections.abc import Sequence
from uuid import UUID

from persistence import project
from persistence.database import Connection
from persistence.image import COLUMNS, image_of
from persistence.records import ChangeOperation, ImageRecord, ImageTombstone, ProjectChange
from persistence.sql import Row, Statement

_IMAGES_SINCE = f"SELECT {COLUMNS} FROM images WHERE project_id = :project_id AND revision > :since"
_TOMBSTONES_SINCE = """
    SELECT id, project_id, revision, deleted_at FROM image_tombstones
    WHERE project_id = :project_id AND revision > :since
"""
_IN_ORDER = " ORDER BY revision LIMIT :limit"
_ONE = " AND id = :image_id"
_IMAGES = Statement(_IMAGES_SINCE + _IN_ORDER)
_TOMBSTONES = Statement(_TOMBSTONES_SINCE + _IN_ORDER)
_IMAGE = Statement(_IMAGES_SINCE + _ONE)
_TOMBSTONE = Statement(_TOMBSTONES_SINCE + _ONE)


async def images_since(
    connection: Connection, project_id: UUID, since: int, *, limit: int
) -> Sequence[ImageRecord | ImageTombstone]:
    """Return the first images, deleted ones too, that changed last after ``since``, in order."""
    parameters = {"project_id": project_id, "since": since, "limit": limit}
    changed: list[ImageRecord | ImageTombstone] = [
        image_of(row) for row in await connection.execute(_IMAGES, parameters)
    ]
    changed += map(_tombstone_of, await connection.execute(_TOMBSTONES, parameters))
    return sorted(changed, key=lambda image: image.revision)[:limit]


async def image_since(
    connection: Connection, project_id: UUID, image_id: UUID, since: int
) -> Sequence[ImageRecord | ImageTombstone]:
    """Return the image, deleted or not, if it changed last after ``since``.

    What it takes does not depend on how many others did.
    """
    parameters = {"project_id": project_id, "image_id": image_id, "since": since}
    if images := await connection.execute(_IMAGE, parameters):
        return [image_of(images.one())]
    return [*map(_tombstone_of, await connection.execute(_TOMBSTONE, parameters))]


def _tombstone_of(row: Row) -> ImageTombstone:
    return ImageTombstone(
        id=row.id, project_id=row.project_id, revision=row.revision, deleted_at=row.deleted_at
    )


async def since(
    connection: Connection, project_id: UUID, revision: int, *, limit: int
) -> ProjectChange | None:
    """Return all that changed after ``revision`` as one change; None where the project is gone.

    Its images are None where more than ``limit`` changed: those who need them read them by pages.
    """
    found = await project.find(connection, project_id)
    if found is None:
        return None
    images = await images_since(connection, project_id, revision, limit=limit + 1)
    return ProjectChange(
        project_id=project_id,
        operation=ChangeOperation.UPDATED,
        since=revision,
        revision=found.stats.revision,
        members_revision=found.members_revision,
        actor_id=None,
        stats=found.stats,
        images=tuple(images) if len(images) <= limit else None,
    )


_KNOWN = Statement("""
    SELECT EXISTS (SELECT FROM images WHERE id = :image_id AND project_id = :project_id)
        OR EXISTS (SELECT FROM image_tombstones WHERE id = :image_id AND project_id = :project_id)
""")


async def known(connection: Connection, project_id: UUID, image_id: UUID) -> bool:
    """Tell whether the project has the image, or still knows that it was deleted."""
    found = await connection.execute(_KNOWN, {"project_id": project_id, "image_id": image_id})
    return bool(found.scalar_one())


_PURGED = Statement("SELECT purged_revision FROM projects WHERE id = :project_id")


async def purged_revision(connection: Connection, project_id: UUID) -> int:
    """Return the revision up to which tombstones may have been purged; 0 for no project."""
    found = await connection.execute(_PURGED, {"project_id": project_id})
    return int(found.scalar_one_or_none() or 0)


_OLD = "deleted_at < statement_timestamp() - make_interval(secs => :seconds)"
# The projects first, as everybody does: so it can't deadlock with the deletion of one.
_PURGE = Statement(f"""
    WITH locked AS (
        SELECT id FROM projects
        WHERE id IN (SELECT project_id FROM image_tombstones WHERE {_OLD})
        ORDER BY id FOR NO KEY UPDATE
    ), purged AS (
        DELETE FROM image_tombstones t USING locked
        WHERE t.project_id = locked.id AND t.{_OLD}
        RETURNING t.project_id, t.revision
    ), newest AS (
        SELECT project_id, max(revision) AS revision FROM purged GROUP BY project_id
    ), noted AS (
        UPDATE projects p SET purged_revision = GREATEST(p.purged_revision, newest.revision)
        FROM newest WHERE p.id = newest.project_id
    )
    SELECT count(*) FROM purged
""")


async def purge(connection: Connection, *, older_than_seconds: float) -> int:
    """Forget deletions older than this; return how many."""
    purged = await connection.execute(_PURGE, {"seconds": older_than_seconds})
    return int(purged.scalar_one())

"""What there is to know of a project: by fresh queries, and by the database's own rows."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from client.connection import HubClient
from hub.demo import documents
from hub.demo.events import Dashboard, ImageState, ProjectImages, ProjectNumbers, Queue, Stats
from hub.embedded_postgres import EmbeddedPostgres
from persistence.database import Connection, Database
from persistence.sql import Statement
from schema import ids
from schema.ids import Kind

_PROJECT = Statement("SELECT * FROM projects WHERE id = :key")
_IMAGES = Statement(
    """
    SELECT i.id, status, size_bytes, revision, cell_count
    FROM images i LEFT JOIN segmentations s ON s.id = i.segmentation_id
    WHERE i.project_id = :key
    """
)
_MEMBERSHIPS = Statement("SELECT project_id FROM project_members WHERE user_id = :key")


class Facts(Struct, frozen=True, kw_only=True):
    """What one user knows of a project; where it is not to be seen, no stats and no images."""

    stats: Stats | None
    images: Mapping[str, ImageState]
    image_total: int
    dashboard: Dashboard | None
    queue: Queue | None


async def answered(hub: HubClient, project_id: str) -> Facts:
    """Return what the hub answers a user now, all pages of images included."""
    project = await hub.find(documents.NUMBERS, ProjectNumbers, {"projectId": project_id})
    images: dict[str, ImageState] = {}
    total = 0
    after: str | None = None
    while page := await hub.find(
        documents.IMAGES, ProjectImages, {"projectId": project_id, "after": after}
    ):
        images |= {image.id: image for image in page.states()}
        total = page.images.total_count
        after = page.images.page_info.end_cursor
        if not page.images.page_info.has_next_page:
            break
    return Facts(
        stats=None if project is None else project.stats,
        images=images,
        image_total=total,
        dashboard=await hub.call(documents.DASHBOARD, Dashboard),
        queue=None if project is None else project.queue,
    )


async def counted(data_dir: Path, project_id: str, user_id: str) -> Facts:
    """Return what the rows of the hub's own database come to, counted one by one."""
    postgres = EmbeddedPostgres(data_dir)
    await asyncio.to_thread(postgres.start)
    database = Database(postgres.url, on_commit=lambda _: None, pool_size=1)
    try:
        async with database.snapshot() as connection:
            return await _count(connection, project_id, user_id)
    finally:
        await database.close()
        await asyncio.to_thread(postgres.stop)


async def _count(connection: Connection, project_id: str, user_id: str) -> Facts:
    project_key = ids.decode(Kind.PROJECT, project_id)
    # The demo has this one project.
    memberships = await connection.execute(_MEMBERSHIPS, {"key": ids.decode(Kind.USER, user_id)})
    if not memberships:
        nothing = _dashboard(0, [])
        return Facts(stats=None, images={}, image_total=0, dashboard=nothing, queue=None)
    project = (await connection.execute(_PROJECT, {"key": project_key})).one()
    images = [
        ImageState(
            ids.encode(Kind.IMAGE, row.id),
            row.status,
            row.size_bytes,
            row.revision,
            row.cell_count,
        )
        for row in await connection.execute(_IMAGES, {"key": project_key})
    ]
    return Facts(
        stats=Stats(**{name: project[name] for name in Stats.__struct_fields__}),
        images={image.id: image for image in images},
        image_total=len(images),
        dashboard=_dashboard(len(memberships), images),
        queue=_queue(images),
    )


def _queue(images: Sequence[ImageState]) -> Queue:
    statuses = Counter(image.status for image in images)
    return Queue(statuses["QUEUED"], statuses["PROCESSING"])


def _dashboard(projects: int, images: Sequence[ImageState]) -> Dashboard:
    statuses = Counter(image.status for image in images)
    return Dashboard(
        project_count=projects,
        image_count=len(images),
        segmented_count=statuses["SEGMENTED"],
        queued_count=statuses["QUEUED"],
        processing_count=statuses["PROCESSING"],
        storage_bytes=sum(image.size_bytes for image in images),
    )

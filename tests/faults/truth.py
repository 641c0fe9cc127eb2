"""What the database has, and whether it has what was acknowledged."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import asyncpg
from msgspec import Struct

from tests.faults.model import Image, Stats

_STATS = """
    SELECT id, image_count, uploaded_count, queued_count, processing_count, segmented_count,
        no_segmentation_count, failed_count, storage_bytes, revision
    FROM projects
"""
_COUNTED = """
    SELECT p.id FROM projects p LEFT JOIN images i ON i.project_id = p.id
    GROUP BY p.id
    HAVING p.image_count <> count(i.id) OR p.storage_bytes <> COALESCE(sum(i.size_bytes), 0)
        OR p.uploaded_count <> count(*) FILTER (WHERE i.status = 'UPLOADED')
        OR p.queued_count <> count(*) FILTER (WHERE i.status = 'QUEUED')
        OR p.processing_count <> count(*) FILTER (WHERE i.status = 'PROCESSING')
        OR p.segmented_count <> count(*) FILTER (WHERE i.status = 'SEGMENTED')
        OR p.no_segmentation_count <> count(*) FILTER (WHERE i.status = 'NO_SEGMENTATION')
        OR p.failed_count <> count(*) FILTER (WHERE i.status = 'FAILED')
"""


class Truth(Struct, frozen=True):
    """All that there is: numbers and images by project, projects by who sees them.

    ``log`` has, by project, for each committed change the revisions between which it lies.
    """

    stats: Mapping[str, Stats]
    images: Mapping[str, Mapping[str, Image]]
    visible: Mapping[str, Mapping[str, str]]
    log: Mapping[str, Sequence[tuple[int, int]]]


async def truth_of(url: str) -> Truth:
    """Read the database, of one moment; check that its counters are what they count."""
    connection = await asyncpg.connect(url.replace("+asyncpg", "", 1))
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            assert await connection.fetch(_COUNTED) == []
            return await _read(connection)
    finally:
        await connection.close()


async def _read(connection: "asyncpg.Connection[asyncpg.Record]") -> Truth:
    stats = {
        api_id("prj", id_): Stats(*numbers) for id_, *numbers in await connection.fetch(_STATS)
    }
    images: dict[str, dict[str, Image]] = {project: {} for project in stats}
    for row in await connection.fetch("SELECT id, project_id, status, revision FROM images"):
        images[api_id("prj", row["project_id"])][api_id("img", row["id"])] = (
            row["status"],
            row["revision"],
        )
    visible: dict[str, dict[str, str]] = {}
    for row in await connection.fetch("SELECT user_id, project_id, role FROM project_members"):
        projects = visible.setdefault(api_id("usr", row["user_id"]), {})
        projects[api_id("prj", row["project_id"])] = row["role"]
    log: dict[str, list[tuple[int, int]]] = {}
    for row in await connection.fetch(
        "SELECT project_id, since, revision FROM activities ORDER BY project_id, revision"
    ):
        log.setdefault(api_id("prj", row["project_id"]), []).append((row["since"], row["revision"]))
    return Truth(stats=stats, images=images, visible=visible, log=log)


def api_id(kind: str, key: UUID) -> str:
    """Return the id that clients see of what has this key."""
    return f"{kind}_{key.hex}"

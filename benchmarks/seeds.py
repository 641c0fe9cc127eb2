"""Projects of any size, written straight into the tables."""

from collections import defaultdict
from uuid import UUID

import asyncpg

_IMAGES = """
    INSERT INTO images (id, project_id, name, status, width, height, channels, pages, mime_type,
        size_bytes, checksum, created_revision, revision)
    SELECT uuidv7(make_interval(secs => n / 1000.0 - 86400)), $1, 'image-' || n || '.tif',
        'UPLOADED', 512, 512, 1, 1, 'image/tiff', 524544, md5(n::text) || md5(n::text),
        $4::bigint + n, $4::bigint + n
    FROM generate_series($2::int, $3::int) AS n
"""
_PROJECT = """
    UPDATE projects SET image_count = $2::int, uploaded_count = $2::int,
        storage_bytes = $2::int * 524544::bigint,
        revision = revision + $2::int
    WHERE id = $1
"""
_PROJECTS = """
    WITH made AS (
        INSERT INTO projects (id, owner_id, name, image_count, uploaded_count, storage_bytes,
            revision)
        SELECT uuidv7(), $1, 'project-' || n, $3::int, $3::int, $3::int * 524544::bigint, $3::int
        FROM generate_series(1, $2::int) AS n RETURNING id
    ), joined AS (
        INSERT INTO project_members (project_id, user_id, role) SELECT id, $1, 'OWNER' FROM made
    )
    INSERT INTO images (id, project_id, name, status, width, height, channels, pages, mime_type,
        size_bytes, checksum, created_revision, revision)
    SELECT uuidv7(), made.id, 'image-' || n || '.tif', 'UPLOADED', 512, 512, 1, 1, 'image/tiff',
        524544, md5(n::text) || md5(n::text), n, n
    FROM made, generate_series(1, $3::int) AS n RETURNING project_id, id
"""
_STEP = 100_000


async def fill(database_url: str, project: UUID, images: int) -> list[str]:
    """Give an empty project so many images; return the ids of some of them, spread evenly."""
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""), timeout=60)
    try:
        revision = await connection.fetchval("SELECT revision FROM projects WHERE id = $1", project)
        for first in range(1, images + 1, _STEP):
            last = min(first + _STEP - 1, images)
            await connection.execute(_IMAGES, project, first, last, revision, timeout=600)
        await connection.execute(_PROJECT, project, images)
        await connection.execute("VACUUM ANALYZE", timeout=600)
        rows = await connection.fetch(
            "SELECT id FROM images WHERE project_id = $1 AND created_revision % $2 = 0"
            " ORDER BY id LIMIT 1000",
            project,
            max(1, images // 1000),
            timeout=600,
        )
    finally:
        await connection.close()
    return [f"img_{row['id'].hex}" for row in rows]


async def projects_with_images(
    database_url: str, owner: UUID, projects: int, images: int
) -> dict[str, list[str]]:
    """Make so many projects of so many images each; return the images' ids by the project's."""
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""), timeout=60)
    try:
        rows = await connection.fetch(_PROJECTS, owner, projects, images, timeout=600)
        await connection.execute("VACUUM ANALYZE", timeout=600)
    finally:
        await connection.close()
    made: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        made[f"prj_{row['project_id'].hex}"].append(f"img_{row['id'].hex}")
    return made

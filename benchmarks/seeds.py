"""Projects of any size, written straight into the tables."""

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

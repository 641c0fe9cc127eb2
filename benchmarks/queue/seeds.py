"""Queues of any length, written straight into the tables, as the hub would have left them."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import asyncpg

from persistence.migrate import upgrade

_PEOPLE = """
    INSERT INTO users (id, name, email, email_key, password_hash)
    SELECT uuidv7(), 'Person ' || n, n || '@example.net', n || '@example.net', 'none'
    FROM generate_series(1, $1::int) AS n
"""
_PROJECTS = """
    WITH made AS (
        INSERT INTO projects (id, owner_id, name)
        SELECT uuidv7(), u.id, 'Project ' || n
        FROM users u, generate_series(1, $1::int) AS n WHERE u.email LIKE '%@example.net'
        RETURNING id, owner_id
    )
    INSERT INTO project_members (project_id, user_id, role)
    SELECT id, owner_id, 'OWNER' FROM made UNION ALL SELECT id, $2, 'EDITOR' FROM made
"""
# The nth image goes to the nth project, and around.
_IMAGES = """
    INSERT INTO images (id, project_id, name, status, width, height, channels, pages, mime_type,
        size_bytes, checksum, job_id, created_revision, revision)
    SELECT uuidv7(make_interval(secs => n / 1000.0 - 86400)), project.id, 'image-' || n || '.tif',
        'QUEUED', 512, 512, 1, 1, 'image/tiff', 524544, md5(n::text) || md5(n::text),
        uuidv7(make_interval(secs => n / 1000.0 - 86400)), n, n
    FROM generate_series($1::int, $2::int) AS n JOIN (
        SELECT id, row_number() OVER (ORDER BY id) - 1 AS number FROM projects
    ) AS project ON project.number = n % (SELECT count(*) FROM projects)
"""
_JOBS = """
    INSERT INTO segmentation_jobs (id, project_id, image_id, batch_id, requested_by, model,
        threshold, priority, state, queued_at, available_at)
    SELECT i.job_id, i.project_id, i.id, p.id, p.owner_id, 'watershed', 0.5, 5, 'QUEUED', at, at
    FROM images i JOIN projects p ON p.id = i.project_id,
        LATERAL (SELECT statement_timestamp() - make_interval(secs => 86400 - i.revision / 1e3)) AS a(at)
    WHERE i.revision BETWEEN $1::int AND $2::int
"""  # noqa: E501
_COUNTERS = """
    UPDATE projects p SET image_count = n, queued_count = n, revision = last,
        storage_bytes = n * 524544::bigint
    FROM (
        SELECT project_id, count(*) AS n, max(revision) AS last FROM images GROUP BY project_id
    ) AS counted WHERE p.id = counted.project_id
"""
_RESTOCK = (
    """
    UPDATE segmentation_jobs SET state = 'QUEUED', attempt = 0, worker = NULL, lease = NULL,
        lease_expires_at = NULL, started_at = NULL, finished_at = NULL, available_at = queued_at
    FROM images i WHERE i.job_id = segmentation_jobs.id AND i.status <> 'QUEUED'
    """,
    "UPDATE images SET status = 'QUEUED', segmentation_id = NULL WHERE status <> 'QUEUED'",
    "DELETE FROM segmentations",
    """
    UPDATE projects SET queued_count = image_count, processing_count = 0, segmented_count = 0,
        no_segmentation_count = 0 WHERE queued_count <> image_count
    """,
)
# Jobs that ended within a day, evenly; one of twenty failed.
_HISTORY = """
    INSERT INTO segmentation_jobs (id, project_id, image_id, batch_id, requested_by, model,
        threshold, priority, state, attempt, queued_at, available_at, started_at, finished_at)
    SELECT uuidv7(), project.id, uuidv7(), project.id, project.owner_id, 'watershed', 0.5, 5,
        CASE n % 20 WHEN 0 THEN 'FAILED' ELSE 'SUCCEEDED' END, 1,
        at - INTERVAL '9 seconds', at - INTERVAL '9 seconds', at - INTERVAL '4 seconds', at
    FROM generate_series($1::int, $2::int) AS n JOIN (
        SELECT id, owner_id, row_number() OVER (ORDER BY id) - 1 AS number FROM projects
    ) AS project ON project.number = n % (SELECT count(*) FROM projects),
        LATERAL (SELECT statement_timestamp() - make_interval(secs => n * 86400.0 / $3)) AS a(at)
"""
_STEP = 100_000


async def connected(database_url: str) -> asyncpg.Connection:
    """Open a connection that may take its time."""
    dsn = database_url.replace("+asyncpg", "")
    return await asyncpg.connect(dsn, timeout=60, command_timeout=600)


@contextmanager
def database_of(server_url: str, name: str) -> Iterator[str]:
    """Make a migrated database beside another one; drop it afterwards."""

    async def administer(statement: str) -> None:
        connection = await connected(server_url)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(administer(f"CREATE DATABASE {name}"))
    url = server_url.replace("@/cellhub?", f"@/{name}?")
    try:
        asyncio.run(upgrade(url))
        yield url
    finally:
        asyncio.run(administer(f"DROP DATABASE {name} WITH (FORCE)"))


async def fill(
    database_url: str, member: UUID, *, people: int, projects: int, jobs: int, ended: int = 0
) -> None:
    """Queue jobs of so many people with so many projects each, all of which have the member.

    ``ended`` more ended within a day; nothing is left of their images.
    """
    connection = await connected(database_url)
    try:
        await connection.execute(_PEOPLE, people)
        await connection.execute(_PROJECTS, projects, member)
        await connection.execute("ANALYZE")
        for first in range(1, jobs + 1, _STEP):
            last = min(first + _STEP - 1, jobs)
            await connection.execute(_IMAGES, first, last)
            await connection.execute(_JOBS, first, last)
        await connection.execute(_COUNTERS)
        for first in range(1, ended + 1, _STEP):
            await connection.execute(_HISTORY, first, min(first + _STEP - 1, ended), float(ended))
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


async def restock(database_url: str) -> None:
    """Have all jobs wait again, as if nobody had ever taken one."""
    connection = await connected(database_url)
    try:
        async with connection.transaction():
            for statement in _RESTOCK:
                await connection.execute(statement)
        await connection.execute(
            "VACUUM segmentation_jobs, images, segmentations, projects, queue_lines"
        )
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()

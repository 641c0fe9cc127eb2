"""What an export needs to know of a project beforehand."""

from uuid import UUID

from persistence.database import Connection
from persistence.sql import Statement

_MOST_CHANNELS = Statement("""
    SELECT COALESCE(max(channels), 0) FROM images
    WHERE project_id = :project_id AND segmentation_id IS NOT NULL
""")


async def most_channels(connection: Connection, project_id: UUID) -> int:
    """Return the greatest number of channels of the project's images that have a finished run."""
    result = await connection.execute(_MOST_CHANNELS, {"project_id": project_id})
    found: int = result.scalar_one()
    return found

"""The numbers of projects as they were committed, each time, noted by the database itself."""

from uuid import UUID

import asyncpg
from msgspec import Struct

_COUNTS = ("uploaded", "queued", "processing", "segmented", "no_segmentation", "failed")
_COLUMNS = ", ".join(f"{name}_count" for name in _COUNTS)
_SET_UP = f"""
    CREATE TABLE ledger AS
        SELECT 0::bigint AS entry, 0::bigint AS transaction, id, {_COLUMNS} FROM projects LIMIT 0;
    CREATE SEQUENCE ledger_entries;
    CREATE FUNCTION note_in_ledger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO ledger
            SELECT nextval('ledger_entries'), txid_current(), NEW.id,
                {", ".join(f"NEW.{name}_count" for name in _COUNTS)};
        RETURN NULL;
    END $$;
    CREATE TRIGGER ledger AFTER INSERT OR UPDATE ON projects
        FOR EACH ROW EXECUTE FUNCTION note_in_ledger();
"""
_READ = f"""
    SELECT DISTINCT ON (transaction) {_COLUMNS} FROM ledger WHERE id = $1
    ORDER BY transaction, entry DESC
"""


class Numbers(Struct, frozen=True):
    """How many images of a project have each status."""

    uploaded: int = 0
    queued: int = 0
    processing: int = 0
    segmented: int = 0
    no_segmentation: int = 0
    failed: int = 0


class Ledger:
    """Every committed state of the numbers of all projects."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def set_up(self) -> None:
        """Have the database note them from now on."""
        await self._connection.execute(_SET_UP)

    async def states(self, project: str) -> list[Numbers]:
        """Return those of one project, by the id that it has in the API."""
        rows = await self._connection.fetch(_READ, UUID(project.removeprefix("prj_")))
        return [Numbers(*row) for row in rows]

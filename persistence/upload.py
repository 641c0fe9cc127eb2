"""Uploads that finished: a repeated call finds the first one's result here."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from msgspec import Struct

from persistence.database import Connection
from persistence.sql import Statement


class RejectedFile(Struct, frozen=True, kw_only=True):
    """A file that was not stored, and why."""

    name: str
    code: str
    message: str


class UploadRecord(Struct, frozen=True, kw_only=True):
    """What came of an upload. ``upload_id`` was chosen by the client."""

    user_id: UUID
    upload_id: str
    project_id: UUID
    image_ids: Sequence[UUID]
    rejected: Sequence[RejectedFile]
    files_total: int
    bytes_received: int


_FIND = Statement("""
    SELECT user_id, upload_id, project_id, image_ids, rejected, files_total, bytes_received
    FROM uploads WHERE user_id = :user_id AND upload_id = :upload_id
""")


async def find(connection: Connection, user_id: UUID, upload_id: str) -> UploadRecord | None:
    """Return the user's finished upload of this name."""
    result = await connection.execute(_FIND, {"user_id": user_id, "upload_id": upload_id})
    row = result.one_or_none()
    if row is None:
        return None
    return msgspec.convert({**row, "rejected": msgspec.json.decode(row.rejected)}, UploadRecord)


_INSERT = Statement("""
    INSERT INTO uploads (user_id, upload_id, project_id, image_ids, rejected, files_total,
        bytes_received)
    VALUES (:user_id, :upload_id, :project_id, :image_ids, CAST(:rejected AS jsonb), :files_total,
        :bytes_received)
    ON CONFLICT (user_id, upload_id) DO NOTHING RETURNING upload_id
""")


async def insert(connection: Connection, upload: UploadRecord) -> bool:
    """Remember a finished upload; False where the user has one of this name already."""
    values = msgspec.structs.asdict(upload)
    values["rejected"] = msgspec.json.encode(upload.rejected).decode()
    return (await connection.execute(_INSERT, values)).one_or_none() is not None


_LOCK_OWNER = Statement("SELECT id FROM users WHERE id = :owner_id FOR NO KEY UPDATE")
_STORED_BYTES = Statement("""
    SELECT COALESCE(sum(storage_bytes), 0) FROM projects WHERE owner_id = :owner_id
""")


async def stored_bytes(connection: Connection, owner_id: UUID, *, lock: bool = False) -> int:
    """Return how many bytes of originals the user's own projects hold.

    ``lock`` has all other transactions that ask so wait until this one ends.
    """
    if lock:
        await connection.execute(_LOCK_OWNER, {"owner_id": owner_id})
    return int((await connection.execute(_STORED_BYTES, {"owner_id": owner_id})).scalar_one())

"""Sessions: sign-ins that go on by rotating refresh tokens. All tokens of a session are one family.

Tokens are kept as hashes. A token is good once, until it expires or its session is revoked.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from persistence.account import user_of
from persistence.database import Connection
from persistence.ids import new_id
from persistence.records import UserRecord
from persistence.sql import Statement

_OPEN = Statement("""
    WITH session AS (
        INSERT INTO sessions (id, user_id, created_at, expires_at)
        VALUES (:id, :user_id, :now, :expires_at) RETURNING id
    )
    INSERT INTO refresh_tokens (token_hash, session_id, created_at, expires_at)
    SELECT :token_hash, id, :now, :expires_at FROM session
""")


async def open_session(
    connection: Connection,
    user_id: UUID,
    *,
    token_hash: str,
    now: datetime,
    expires_at: datetime,
) -> UUID:
    """Open a session of the user with its first refresh token; return its id."""
    session_id = new_id()
    await connection.execute(
        _OPEN,
        {
            "id": session_id,
            "user_id": user_id,
            "token_hash": token_hash,
            "now": now,
            "expires_at": expires_at,
        },
    )
    return session_id


_IS_OPEN = Statement("""
    SELECT 1 FROM sessions WHERE id = :session_id AND user_id = :user_id AND revoked_at IS NULL
""")


async def is_open(connection: Connection, session_id: UUID, user_id: UUID) -> bool:
    """Tell whether this is a session of the user, not revoked."""
    result = await connection.execute(_IS_OPEN, {"session_id": session_id, "user_id": user_id})
    return result.one_or_none() is not None


_STILL_OPEN = Statement(
    "SELECT id FROM sessions WHERE id = ANY(:session_ids) AND revoked_at IS NULL"
)


async def still_open(connection: Connection, session_ids: Collection[UUID]) -> frozenset[UUID]:
    """Return which of these sessions exist and are not revoked."""
    result = await connection.execute(_STILL_OPEN, {"session_ids": list(session_ids)})
    return frozenset(result.scalars())


class Rotation(Struct, frozen=True, kw_only=True):
    """Which session goes on with a new refresh token, and whose it is."""

    session_id: UUID
    user: UserRecord


_ROTATE = Statement("""
    WITH used AS (
        UPDATE refresh_tokens SET used_at = :now
        WHERE token_hash = :token_hash AND used_at IS NULL AND expires_at > :now
        RETURNING session_id
    ), session AS (
        UPDATE sessions SET expires_at = :expires_at FROM used
        WHERE sessions.id = used.session_id AND sessions.revoked_at IS NULL
        RETURNING sessions.id, sessions.user_id
    ), next AS (
        INSERT INTO refresh_tokens (token_hash, session_id, created_at, expires_at)
        SELECT :next_hash, id, :now, :expires_at FROM session
    )
    SELECT session.id AS session_id, u.id, u.name, u.email, u.created_at
    FROM session JOIN users u ON u.id = session.user_id
""")


async def rotate(
    connection: Connection,
    token_hash: str,
    *,
    next_hash: str,
    now: datetime,
    expires_at: datetime,
) -> Rotation | None:
    """Use up a refresh token and put the next one in its place; None where it is not good.

    Of several calls with one token at the same time, one gets a rotation, the others None.
    """
    result = await connection.execute(
        _ROTATE,
        {"token_hash": token_hash, "next_hash": next_hash, "now": now, "expires_at": expires_at},
    )
    row = result.one_or_none()
    return None if row is None else Rotation(session_id=row.session_id, user=user_of(row))


_REVOKE = """
    UPDATE sessions SET revoked_at = :now FROM refresh_tokens t
    WHERE t.token_hash = :token_hash AND sessions.id = t.session_id AND sessions.revoked_at IS NULL
"""
_REVOKE_OF_ANY = Statement(f"{_REVOKE} RETURNING sessions.id")
_REVOKE_OF_USED = Statement(f"{_REVOKE} AND t.used_at IS NOT NULL RETURNING sessions.id")


async def revoke(connection: Connection, token_hash: str, *, now: datetime) -> UUID | None:
    """Revoke the session of a refresh token, old or new; return its id, None if none was open."""
    result = await connection.execute(_REVOKE_OF_ANY, {"token_hash": token_hash, "now": now})
    return result.scalar_one_or_none()


async def revoke_reused(connection: Connection, token_hash: str, *, now: datetime) -> UUID | None:
    """Do as ``revoke``, but only where the token had been used before: then someone has a copy."""
    result = await connection.execute(_REVOKE_OF_USED, {"token_hash": token_hash, "now": now})
    return result.scalar_one_or_none()


_PURGE = Statement("DELETE FROM sessions WHERE expires_at < :before RETURNING id")
_PURGE_TOKENS = Statement("DELETE FROM refresh_tokens WHERE expires_at < :before")


async def purge(connection: Connection, *, before: datetime) -> int:
    """Delete the sessions and the refresh tokens that expired before; return how many sessions."""
    sessions = await connection.execute(_PURGE, {"before": before})
    await connection.execute(_PURGE_TOKENS, {"before": before})
    return len(sessions)

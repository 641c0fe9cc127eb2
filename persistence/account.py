"""People's accounts, and the API keys that act for them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from persistence.database import Connection
from persistence.ids import new_id
from persistence.records import ApiKeyRecord, UserRecord
from persistence.sql import Row, Statement

USER = "id, name, email, created_at"


class Credentials(Struct, frozen=True, kw_only=True):
    """A person, and the hash of the password that proves it."""

    user: UserRecord
    password_hash: str


def user_of(row: Row) -> UserRecord:
    """Read a user from a row that has the columns of USER."""
    return UserRecord(id=row.id, name=row.name, email=row.email, created_at=row.created_at)


_CREATE = Statement(f"""
    INSERT INTO users (id, name, email, email_key, password_hash)
    VALUES (:id, :name, :email, :email_key, :password_hash)
    ON CONFLICT (email_key) DO NOTHING
    RETURNING {USER}
""")


async def create(
    connection: Connection, *, name: str, email: str, email_key: str, password_hash: str
) -> UserRecord | None:
    """Create a user; None where someone has the e-mail address already."""
    result = await connection.execute(
        _CREATE,
        {
            "id": new_id(),
            "name": name,
            "email": email,
            "email_key": email_key,
            "password_hash": password_hash,
        },
    )
    row = result.one_or_none()
    return None if row is None else user_of(row)


_CREDENTIALS = Statement(f"SELECT {USER}, password_hash FROM users WHERE email_key = :email_key")


async def credentials(connection: Connection, email_key: str) -> Credentials | None:
    """Return whom the e-mail address belongs to, and how to know them."""
    row = (await connection.execute(_CREDENTIALS, {"email_key": email_key})).one_or_none()
    if row is None:
        return None
    return Credentials(user=user_of(row), password_hash=row.password_hash)


_BY_EMAIL = Statement(f"SELECT {USER} FROM users WHERE email_key = :email_key")


async def user_by_email_key(connection: Connection, email_key: str) -> UserRecord | None:
    """Return whom the e-mail address belongs to."""
    row = (await connection.execute(_BY_EMAIL, {"email_key": email_key})).one_or_none()
    return None if row is None else user_of(row)


_USERS = Statement(f"SELECT {USER} FROM users WHERE id = ANY(:user_ids)")


async def users(connection: Connection, user_ids: Collection[UUID]) -> Mapping[UUID, UserRecord]:
    """Return those of these users that exist."""
    result = await connection.execute(_USERS, {"user_ids": list(user_ids)})
    return {row.id: user_of(row) for row in result}


_REPLACE_HASH = Statement("""
    UPDATE users SET password_hash = :new_hash
    WHERE id = :user_id AND password_hash = :old_hash
""")


async def replace_password_hash(
    connection: Connection, user_id: UUID, *, old_hash: str, new_hash: str
) -> None:
    """Store another hash of the same password, unless the hash is no longer the old one."""
    await connection.execute(
        _REPLACE_HASH, {"user_id": user_id, "old_hash": old_hash, "new_hash": new_hash}
    )


_API_KEY = "id, user_id, name, created_at, last_used_at, serves_all"
_CREATE_API_KEY = Statement(f"""
    INSERT INTO api_keys (id, user_id, name, secret_hash, serves_all)
    VALUES (:id, :user_id, :name, :secret_hash, :serves_all)
    RETURNING {_API_KEY}
""")


def _api_key_of(row: Row) -> ApiKeyRecord:
    return ApiKeyRecord(
        id=row.id,
        user_id=row.user_id,
        name=row.name,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        serves_all=row.serves_all,
    )


async def create_api_key(
    connection: Connection, user_id: UUID, *, name: str, secret_hash: str, serves_all: bool = False
) -> ApiKeyRecord:
    """Create an API key of the user."""
    result = await connection.execute(
        _CREATE_API_KEY,
        {
            "id": new_id(),
            "user_id": user_id,
            "name": name,
            "secret_hash": secret_hash,
            "serves_all": serves_all,
        },
    )
    return _api_key_of(result.one())


_FIND_API_KEY = Statement(f"""
    SELECT {_API_KEY} FROM api_keys WHERE secret_hash = :secret_hash AND revoked_at IS NULL
""")


async def find_api_key(connection: Connection, secret_hash: str) -> ApiKeyRecord | None:
    """Return the key that has this secret, unless it was revoked."""
    row = (await connection.execute(_FIND_API_KEY, {"secret_hash": secret_hash})).one_or_none()
    return None if row is None else _api_key_of(row)


_VALID_API_KEYS = Statement("""
    SELECT id FROM api_keys WHERE id = ANY(:api_key_ids) AND revoked_at IS NULL
""")


async def valid_api_keys(connection: Connection, api_key_ids: Collection[UUID]) -> frozenset[UUID]:
    """Return which of these keys exist and are not revoked."""
    result = await connection.execute(_VALID_API_KEYS, {"api_key_ids": list(api_key_ids)})
    return frozenset(result.scalars())


_API_KEYS = Statement(f"""
    SELECT {_API_KEY} FROM api_keys WHERE user_id = :user_id AND revoked_at IS NULL ORDER BY id DESC
""")


async def api_keys(connection: Connection, user_id: UUID) -> Sequence[ApiKeyRecord]:
    """Return the user's API keys, newest first, without those that were revoked."""
    result = await connection.execute(_API_KEYS, {"user_id": user_id})
    return [_api_key_of(row) for row in result]


_REVOKE_API_KEY = Statement(f"""
    UPDATE api_keys SET revoked_at = :now
    WHERE id = :api_key_id AND user_id = :user_id AND revoked_at IS NULL RETURNING {_API_KEY}
""")


async def revoke_api_key(
    connection: Connection, user_id: UUID, api_key_id: UUID, *, now: datetime
) -> ApiKeyRecord | None:
    """Revoke a key of the user; None where the user has no such key, or no longer."""
    result = await connection.execute(
        _REVOKE_API_KEY, {"user_id": user_id, "api_key_id": api_key_id, "now": now}
    )
    row = result.one_or_none()
    return None if row is None else _api_key_of(row)


_TOUCH_API_KEY = Statement("""
    UPDATE api_keys SET last_used_at = :now
    WHERE id = :api_key_id AND (last_used_at IS NULL OR last_used_at <= :unless_since)
""")


async def touch_api_key(
    connection: Connection, api_key_id: UUID, *, now: datetime, unless_since: datetime
) -> None:
    """Remember that the key was used, unless it was used after ``unless_since``."""
    await connection.execute(
        _TOUCH_API_KEY, {"api_key_id": api_key_id, "now": now, "unless_since": unless_since}
    )


_ACQUAINTANCES = Statement(f"""
    SELECT {USER} FROM users
    WHERE id = ANY(:user_ids) AND (id = :viewer_id OR EXISTS (
        SELECT FROM project_members theirs JOIN project_members mine USING (project_id)
        WHERE theirs.user_id = users.id AND mine.user_id = :viewer_id
    ))
""")


async def acquaintances(
    connection: Connection, viewer_id: UUID, user_ids: Collection[UUID]
) -> Mapping[UUID, UserRecord]:
    """Return those of these users that the viewer shares a project with, or is."""
    result = await connection.execute(
        _ACQUAINTANCES, {"viewer_id": viewer_id, "user_ids": list(user_ids)}
    )
    return {row.id: user_of(row) for row in result}

"""Who asks: what an Authorization header proves."""

from collections.abc import Collection
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from persistence import account, session
from persistence.records import ApiKeyRecord
from persistence.trouble import DatabaseTrouble
from resolvers.context import Services, Viewer
from resolvers.errors import Unauthenticated
from resolvers.tokens import API_KEY_PREFIX, hash_secret

_USE_RESOLUTION = timedelta(minutes=1)


async def authenticate(services: Services, authorization: str | None) -> Viewer | None:
    """Return the viewer proven by the value of an Authorization header; None where there is none.

    Raises Unauthenticated for anything that does not hold: a token that is forged or expired, one
    of a session that has ended, an unknown or revoked API key, another scheme than Bearer.
    """
    if authorization is None:
        return None
    scheme, _, credentials = authorization.strip().partition(" ")
    token = credentials.strip()
    if scheme.lower() != "bearer" or not token or not token.isascii():
        raise Unauthenticated("Send 'Authorization: Bearer …' with an access token or an API key.")
    if token.startswith(API_KEY_PREFIX):
        return await _of_api_key(services, token)
    return await _of_access_token(services, token)


async def revoked(services: Services, viewers: Collection[Viewer]) -> frozenset[UUID]:
    """Return the ids of those of the viewers' sessions and API keys that hold no more."""
    sessions = frozenset(viewer.session_id for viewer in viewers if viewer.session_id is not None)
    keys = frozenset(viewer.api_key_id for viewer in viewers if viewer.api_key_id is not None)
    async with services.database.reading() as connection:
        return (sessions - await session.still_open(connection, sessions)) | (
            keys - await account.valid_api_keys(connection, keys)
        )


async def _of_access_token(services: Services, token: str) -> Viewer:
    claims = services.tokens.verify(token)
    async with services.database.reading() as connection:
        is_open = await session.is_open(connection, claims.session_id, claims.user_id)
    if not is_open:
        raise Unauthenticated("This session has ended: sign in again.")
    return Viewer(
        user_id=claims.user_id, session_id=claims.session_id, expires_at=claims.expires_at
    )


async def _of_api_key(services: Services, secret: str) -> Viewer:
    async with services.database.reading() as connection:
        key = await account.find_api_key(connection, hash_secret(secret))
    if key is None:
        raise Unauthenticated("This API key is unknown or revoked: create another one.")
    await _remember_use(services, key)
    return Viewer(user_id=key.user_id, api_key_id=key.id, serves_all=key.serves_all)


async def _remember_use(services: Services, key: ApiKeyRecord) -> None:
    now = services.clock()
    unless_since = now - _USE_RESOLUTION
    if key.last_used_at is not None and key.last_used_at > unless_since:
        return
    # Whoever comes next within the minute may note it as well: that is not worth a request.
    with suppress(DatabaseTrouble):
        async with services.database.transaction() as unit:
            await account.touch_api_key(unit.connection, key.id, now=now, unless_since=unless_since)

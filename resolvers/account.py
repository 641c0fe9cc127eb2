"""Accounts: signing up, in and out, sessions that go on, and API keys.

A session ends for good where one of its refresh tokens comes a second time, for one of the two came
from a thief. Hence a client whose answer was lost on the way has to sign in again, and one that
shares its tokens between tabs has to refresh in one of them at a time.

An API key acts as its user everywhere but here: it can't make more keys.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct

from persistence import account, attempt, session
from persistence.account import Credentials
from persistence.database import Connection
from persistence.records import ApiKeyRecord, UserRecord
from resolvers import attempts
from resolvers.context import Context, Services
from resolvers.errors import Conflict, Forbidden, NotFound, Unauthenticated
from resolvers.inputs import email_key, email_of, name_of
from resolvers.passwords import check_password
from resolvers.tokens import API_KEY_PREFIX, REFRESH_TOKEN_PREFIX, hash_secret, new_secret

REVOKED_CHANNEL = "revoked"
"""Where the ids of revoked sessions and API keys are announced, to all processes."""


class SessionGrant(Struct, frozen=True, kw_only=True):
    """What lets a client act as a user: the access token until ``expires_at``, then a refresh."""

    user: UserRecord
    access_token: str
    expires_at: datetime
    refresh_token: str


class ApiKeyGrant(Struct, frozen=True, kw_only=True):
    """A new API key, with its secret this one time."""

    key: ApiKeyRecord
    secret: str


async def sign_up(context: Context, *, email: str, password: str, name: str) -> SessionGrant:
    """Create an account and sign in to it; raise Conflict where the e-mail address has one."""
    services = context.services
    email = email_of(email)
    name = name_of(name)
    check_password(password, email=email, name=name)
    subject = attempts.sign_up_subject(context.client_address)
    await attempts.count(context, {subject: services.limits.sign_ups_per_address})
    password_hash = await services.passwords.hash(password)
    async with services.database.transaction() as unit:
        user = await account.create(
            unit.connection,
            name=name,
            email=email,
            email_key=email_key(email),
            password_hash=password_hash,
        )
        if user is None:
            raise Conflict("This e-mail address has an account already: sign in to it.")
        return await _open_session(unit.connection, services, user)


async def sign_in(context: Context, *, email: str, password: str) -> SessionGrant:
    """Open a session; raise Unauthenticated, saying no more, where e-mail or password are wrong."""
    services = context.services
    key = email_key(email_of(email))
    account_subject = attempts.account_subject(key)
    address_subject = attempts.address_subject(context.client_address)
    # The address first: one that is held up holds up no accounts, nor fills the table with them.
    await attempts.count(context, {address_subject: services.limits.sign_in_failures_per_address})
    await attempts.count(context, {account_subject: services.limits.sign_in_failures_per_account})
    known, new_hash = await _verify(services, key, password)
    async with services.database.transaction() as unit:
        if new_hash is not None:
            await account.replace_password_hash(
                unit.connection, known.user.id, old_hash=known.password_hash, new_hash=new_hash
            )
        grant = await _open_session(unit.connection, services, known.user)
        await attempt.forgive(unit.connection, account_subject)
        await attempt.take_back(unit.connection, address_subject)
    return grant


async def _verify(services: Services, key: str, password: str) -> tuple[Credentials, str | None]:
    async with services.database.reading() as connection:
        known = await account.credentials(connection, key)
    verified = await services.passwords.verify(password, known.password_hash if known else None)
    if known is None or not verified.matches:
        raise Unauthenticated("The e-mail address or the password is wrong.")
    return known, verified.new_hash


async def _open_session(
    connection: Connection, services: Services, user: UserRecord
) -> SessionGrant:
    now = services.clock()
    refresh_token = new_secret(REFRESH_TOKEN_PREFIX)
    session_id = await session.open_session(
        connection,
        user.id,
        token_hash=hash_secret(refresh_token),
        now=now,
        expires_at=_refresh_until(services, now),
    )
    return _grant(services, user, session_id, refresh_token, now)


def _refresh_until(services: Services, now: datetime) -> datetime:
    return now + timedelta(seconds=services.limits.refresh_token_seconds)


def _grant(
    services: Services, user: UserRecord, session_id: UUID, refresh_token: str, now: datetime
) -> SessionGrant:
    access_token, expires_at = services.tokens.issue(user.id, session_id, now)
    return SessionGrant(
        user=user, access_token=access_token, expires_at=expires_at, refresh_token=refresh_token
    )


async def refresh_session(context: Context, *, refresh_token: str) -> SessionGrant:
    """Exchange a refresh token for a new pair of tokens.

    Raises Unauthenticated where it is unknown, expired, revoked or used before; a token that comes
    a second time ends its session.
    """
    services = context.services
    now = services.clock()
    token_hash = hash_secret(refresh_token)
    next_token = new_secret(REFRESH_TOKEN_PREFIX)
    async with services.database.transaction() as unit:
        rotation = await session.rotate(
            unit.connection,
            token_hash,
            next_hash=hash_secret(next_token),
            now=now,
            expires_at=_refresh_until(services, now),
        )
    if rotation is None:
        await _end_session_if_reused(services, token_hash, now)
        raise Unauthenticated("This refresh token is not good any more: sign in again.")
    return _grant(services, rotation.user, rotation.session_id, next_token, now)


async def _end_session_if_reused(services: Services, token_hash: str, now: datetime) -> None:
    async with services.database.transaction() as unit:
        ended = await session.revoke_reused(unit.connection, token_hash, now=now)
    if ended is not None:
        await announce_end(services, ended)


async def sign_out(context: Context, *, refresh_token: str) -> bool:
    """End the session of a refresh token, access tokens too; tell whether there was one to end."""
    services = context.services
    async with services.database.transaction() as unit:
        ended = await session.revoke(
            unit.connection, hash_secret(refresh_token), now=services.clock()
        )
    if ended is None:
        return False
    await announce_end(services, ended)
    return True


async def announce_end(services: Services, key: UUID) -> None:
    """Tell all processes of a session or an API key that was revoked: its open connections end.

    Returns when the broker has it. So whoever was told of the end may change what they like: none
    of that overtakes it.
    """
    await services.bus.publish_and_wait(REVOKED_CHANNEL, str(key))


async def create_api_key(context: Context, *, name: str) -> ApiKeyGrant:
    """Make an API key of the viewer; raise Forbidden for a viewer who came with one."""
    user_id = _person(context)
    name = name_of(name)
    secret = new_secret(API_KEY_PREFIX)
    async with context.database.transaction() as unit:
        key = await account.create_api_key(
            unit.connection, user_id, name=name, secret_hash=hash_secret(secret)
        )
    return ApiKeyGrant(key=key, secret=secret)


async def api_keys(context: Context) -> Sequence[ApiKeyRecord]:
    """Return the viewer's API keys, newest first; raise Forbidden for a program."""
    user_id = _person(context)
    async with context.database.reading() as connection:
        return await account.api_keys(connection, user_id)


async def revoke_api_key(context: Context, api_key_id: UUID) -> ApiKeyRecord:
    """End an API key of the viewer, and what is connected with it; raise NotFound for any other."""
    user_id = _person(context)
    services = context.services
    async with services.database.transaction() as unit:
        revoked = await account.revoke_api_key(
            unit.connection, user_id, api_key_id, now=services.clock()
        )
    if revoked is None:
        raise NotFound("You have no such API key.")
    await announce_end(services, api_key_id)
    return revoked


def _person(context: Context) -> UUID:
    """Return the viewer's id; raise Forbidden for a program that came with an API key."""
    user_id = context.user_id
    if context.viewer is None or context.viewer.session_id is None:
        raise Forbidden("An API key can't manage API keys: sign in with e-mail and password.")
    return user_id


async def viewer(context: Context) -> UserRecord:
    """Return the account of whoever asks."""
    user_id = context.user_id
    async with context.database.reading() as connection:
        found = await account.users(connection, [user_id])
    if user_id not in found:
        raise Unauthenticated("This account is gone.")
    return found[user_id]


async def find(context: Context, user_id: UUID) -> UserRecord | None:
    """Return the viewer, or somebody in a project of the viewer's; None for anybody else."""
    viewer_id = context.user_id
    async with context.database.reading() as connection:
        found = await account.acquaintances(connection, viewer_id, [user_id])
    return found.get(user_id)

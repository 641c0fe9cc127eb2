"""How a client proves who it is: by an API key, or by a session that goes on and on."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from msgspec import Struct

from client.answers import record
from client.errors import UNAUTHENTICATED, Refused

_RENEWED_AFTER = 0.75  # of an access token's life
_GRANT = "{ user { id name email } accessToken expiresAt refreshToken }"
SIGN_UP = f"mutation SignUp($input: SignUpInput!) {{ signUp(input: $input) {_GRANT} }}"
_SIGN_IN = f"mutation SignIn($input: SignInInput!) {{ signIn(input: $input) {_GRANT} }}"
_REFRESH = f"""
mutation RefreshSession($input: RefreshSessionInput!) {{ refreshSession(input: $input) {_GRANT} }}
"""

Ask = Callable[[str, Mapping[str, Any]], Awaitable[Any]]
"""Executes a document with variables as nobody in particular; returns the value of its field."""


class Credentials(Protocol):
    """Where bearer tokens come from."""

    async def token(self, ask: Ask) -> str:
        """Return a token that is good now."""
        ...

    def drop(self, token: str) -> bool:
        """Forget a token that was refused; tell whether there may be a better one."""
        ...


class ApiKey:
    """A key that is good until it is revoked."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    async def token(self, ask: Ask) -> str:  # noqa: ARG002 - nobody needs to be asked
        """Return the key."""
        return self._secret

    def drop(self, token: str) -> bool:  # noqa: ARG002 - there is one only
        """Tell that there is no other."""
        return False


class Person(Struct, frozen=True):
    """Somebody with an account."""

    id: str
    name: str
    email: str


class Grant(Struct, frozen=True, rename="camel"):
    """What signing up, signing in and refreshing hand out."""

    user: Person
    access_token: str
    expires_at: datetime
    refresh_token: str


class Session:
    """Somebody who signs in with a password; the access token is renewed before it expires.

    Where the session can't be refreshed, because an answer was lost or because it was ended, the
    password signs in anew.
    """

    def __init__(self, email: str, password: str, *, grant: Grant | None = None) -> None:
        self._email = email
        self._password = password
        self._lock = asyncio.Lock()
        self._grant = grant
        self._renewed_at = -math.inf if grant is None else _renewal(grant)

    async def token(self, ask: Ask) -> str:
        """Return the access token, a new one where it is about to expire."""
        async with self._lock:
            if self._grant is not None and time.monotonic() < self._renewed_at:
                return self._grant.access_token
            # Forgotten first: a refresh token that comes a second time ends the session.
            last, self._grant = self._grant, None
            grant = self._grant = await self._renew(ask, last)
            self._renewed_at = _renewal(grant)
            return grant.access_token

    def drop(self, token: str) -> bool:
        """Have the token renewed, unless it was already."""
        if self._grant is not None and self._grant.access_token == token:
            self._renewed_at = -math.inf
        return True

    async def _renew(self, ask: Ask, last: Grant | None) -> Grant:
        if last is not None:
            try:
                values = {"refreshToken": last.refresh_token}
                return record(await ask(_REFRESH, {"input": values}), Grant)
            except Refused as error:
                if error.code != UNAUTHENTICATED:
                    raise
        values = {"email": self._email, "password": self._password}
        return record(await ask(_SIGN_IN, {"input": values}), Grant)


def _renewal(grant: Grant) -> float:
    """Return when to renew a token that was handed out now, by the monotonic clock."""
    lifetime = (grant.expires_at - datetime.now(UTC)).total_seconds()
    # To a clock that is wrong every token looks expired: then the hub's refusal renews it.
    return time.monotonic() + (lifetime * _RENEWED_AFTER if lifetime > 0 else math.inf)

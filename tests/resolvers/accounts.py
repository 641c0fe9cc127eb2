"""What tests of accounts share: a clock to turn, a watched hasher, calls with their context."""

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from persistence.database import Database
from realtime.bus import Bus
from resolvers import account
from resolvers.account import SessionGrant
from resolvers.authentication import authenticate
from resolvers.context import Context, Services, Viewer
from resolvers.limits import Limits
from resolvers.passwords import Passwords
from resolvers.tokens import AccessTokens, derive

EMAIL = "Ada@example.com"
PASSWORD = "the cells divide at dawn"
ADDRESS = "192.0.2.1"


class Clock:
    """Tells the time, and can be turned on. It starts now: signed tokens go by the real one."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **duration: float) -> None:
        self.now += timedelta(**duration)


class WatchedHasher(Argon2Hasher):
    """Argon2 with cheap parameters, and with a list of the hashes that were verified against."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.verified: list[str | bytes] = []

    def verify(self, password: str | bytes, hash: str | bytes) -> bool:  # noqa: A002
        self.verified.append(hash)
        return super().verify(password, hash)


class Unused:
    """Stands for a service that accounts have nothing to do with: any use of it fails."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"accounts use {name} of another service")


@asynccontextmanager
async def account_services(
    database_url: str, clock: Clock, hasher: WatchedHasher
) -> AsyncIterator[Services]:
    """Open what accounts need."""
    database = Database(database_url, on_commit=lambda announcements: None)
    passwords = Passwords(PasswordHash((hasher,)))
    limits = Limits()
    tokens = AccessTokens(
        derive("the operator's secret", "jwt"), lifetime_seconds=limits.access_token_seconds
    )
    unused = dict.fromkeys((field.name for field in dataclasses.fields(Services)), Unused())
    try:
        async with Bus("memory://") as bus:
            used: dict[str, Any] = {
                "limits": limits,
                "database": database,
                "bus": bus,
                "tokens": tokens,
                "passwords": passwords,
                "clock": clock,
            }
            yield Services(**(unused | used))
    finally:
        passwords.close()
        await database.close()


def called(services: Services, *, address: str = ADDRESS, viewer: Viewer | None = None) -> Context:
    return Context(
        services=services,
        viewer=viewer,
        request_id="test",
        client_address=address,
        base_url="http://hub.example",
    )


def limited(services: Services, limits: Limits) -> Services:
    return dataclasses.replace(services, limits=limits)


async def sign_up(
    services: Services, email: str = EMAIL, *, address: str = ADDRESS
) -> SessionGrant:
    return await account.sign_up(
        called(services, address=address), email=email, password=PASSWORD, name="Ada"
    )


async def sign_in(
    services: Services, password: str = PASSWORD, *, email: str = EMAIL, address: str = ADDRESS
) -> SessionGrant:
    return await account.sign_in(called(services, address=address), email=email, password=password)


async def refresh(services: Services, token: str) -> SessionGrant:
    return await account.refresh_session(called(services), refresh_token=token)


async def sign_out(services: Services, token: str) -> bool:
    return await account.sign_out(called(services), refresh_token=token)


async def viewer_of(services: Services, grant: SessionGrant) -> Viewer:
    found = await authenticate(services, f"Bearer {grant.access_token}")
    assert found is not None
    return found

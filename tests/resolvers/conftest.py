"""The services that accounts need: a real database and bus, a clock to turn, a watched hasher."""

import dataclasses
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from pwdlib import PasswordHash

from persistence.database import Database
from realtime.bus import Bus
from resolvers.context import Services
from resolvers.limits import Limits
from resolvers.passwords import Passwords
from resolvers.tokens import AccessTokens, derive
from tests.resolvers.accounts import Clock, Unused, WatchedHasher


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hasher() -> WatchedHasher:
    return WatchedHasher()


@pytest.fixture
def passwords(hasher: WatchedHasher) -> Iterator[Passwords]:
    made = Passwords(PasswordHash((hasher,)))
    yield made
    made.close()


@pytest.fixture
async def bus() -> AsyncIterator[Bus]:
    async with Bus("memory://") as made:
        yield made


@pytest.fixture
async def services(
    database_url: str, bus: Bus, passwords: Passwords, clock: Clock
) -> AsyncIterator[Services]:
    database = Database(database_url, on_commit=lambda announcements: None)
    limits = Limits()
    tokens = AccessTokens(
        derive("the operator's secret", "jwt"), lifetime_seconds=limits.access_token_seconds
    )
    used: dict[str, Any] = {
        "limits": limits,
        "database": database,
        "bus": bus,
        "tokens": tokens,
        "passwords": passwords,
        "clock": clock,
    }
    unused = dict.fromkeys((field.name for field in dataclasses.fields(Services)), Unused())
    yield Services(**(unused | used))
    await database.close()

"""The services that accounts need: a real database and bus, a clock to turn, a watched hasher."""

from collections.abc import AsyncIterator

import pytest

from resolvers.context import Services
from tests.resolvers.accounts import Clock, WatchedHasher, account_services


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hasher() -> WatchedHasher:
    return WatchedHasher()


@pytest.fixture
async def services(
    database_url: str, clock: Clock, hasher: WatchedHasher
) -> AsyncIterator[Services]:
    async with account_services(database_url, clock, hasher) as made:
        yield made

"""Hubs for tests of what is seen from outside."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import asyncpg
import pytest

from tests.hubs import Hub, Person, running_hub


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """A hub with an empty database."""
    async with running_hub(database_url, tmp_path) as running:
        yield running


@pytest.fixture
async def people(hub: Hub) -> Sequence[Person]:
    """Three people who have just signed up."""
    return [await hub.person(name) for name in ("Ada", "Ben", "Cleo")]


@pytest.fixture
async def rows(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A look at the tables behind the hub's back."""
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    yield connection
    await connection.close()

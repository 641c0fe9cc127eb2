"""Hubs for tests of what is seen from outside."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import asyncpg
import pytest

from hub.embedded_postgres import EmbeddedPostgres
from tests.hubs import Hub, Person, running_hub
from tests.live.scenes import Scene, open_scene


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


@pytest.fixture(scope="module")
async def scene(
    postgres: EmbeddedPostgres, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Scene]:
    """A hub where the tests of a module meet."""
    folder = tmp_path_factory.mktemp("hub")
    async with open_scene(postgres, migrated_template, folder) as opened:
        yield opened


@pytest.fixture(scope="module")
async def ada(scene: Scene) -> Person:
    return await scene.hub.person("Ada")


@pytest.fixture(scope="module")
async def ben(scene: Scene) -> Person:
    return await scene.hub.person("Ben")

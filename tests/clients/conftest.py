"""A hub for the clients, and somebody with a project on it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.clients.preparation import prepare
from tests.hubs import Hub, Person, running_hub


def pytest_itemcollected(item: pytest.Item) -> None:
    """The first test installs what the libraries need."""
    item.add_marker(pytest.mark.timeout(400))


@pytest.fixture(scope="session", autouse=True)
def packages() -> None:
    """The libraries are there, and what is generated."""
    prepare()


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """A hub with an empty database."""
    async with running_hub(database_url, tmp_path) as running:
        yield running


@pytest.fixture
async def ada(hub: Hub) -> Person:
    """Somebody who has just signed up."""
    return await hub.person("Ada")


@pytest.fixture
def token(ada: Person) -> str:
    """Her token."""
    return ada.headers["Authorization"].removeprefix("Bearer ")


@pytest.fixture
async def project(ada: Person) -> str:
    """A project of hers."""
    payload = await ada.do("createProject", "{ project { id } }", name="Cells")
    project_id: str = payload["project"]["id"]
    return project_id

"""A hub with a project, and workers for it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from persistence import lease
from tests.hubs import Hub, running_hub
from tests.worker.plates import Plate, plate_on
from tests.worker.processes import Workers


@pytest.fixture(autouse=True)
def jobs_rest_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have jobs that failed be handed out again at once."""
    monkeypatch.setattr(lease, "FIRST_PATIENCE_SECONDS", 0.01)


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """A hub with an empty database."""
    async with running_hub(database_url, tmp_path / "hub") as running:
        yield running


@pytest.fixture
async def plate(hub: Hub) -> AsyncIterator[Plate]:
    """A project whose images somebody watches."""
    async with plate_on(hub) as made:
        yield made


@pytest.fixture
async def workers(tmp_path: Path) -> AsyncIterator[Workers]:
    """Workers of the test's making, which end with it."""
    made = Workers(tmp_path)
    yield made
    await made.clean_up()

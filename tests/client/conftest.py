"""A hub to call."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.hubs import Hub, running_hub


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    async with running_hub(database_url, tmp_path / "hub") as running:
        yield running

"""A hub to upload to, and images to upload."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.hubs import Hub, running_hub
from tests.live.pictures import png


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    async with running_hub(database_url, tmp_path / "hub") as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with five different images."""
    folder = tmp_path / "plate 7"
    folder.mkdir()
    for shade in range(5):
        (folder / f"{shade}.png").write_bytes(png(shade, side=8))
    return folder

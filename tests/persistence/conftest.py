"""A laboratory with one person and one project; an inspector of images."""

from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import pytest
import pyvips  # type: ignore[import-untyped]

from tests.lab import Lab
from tests.persistence.inspecting import Here, Inspector


@pytest.fixture
async def ada(lab: Lab) -> UUID:
    return await lab.user()


@pytest.fixture
async def project_id(lab: Lab, ada: UUID) -> UUID:
    return await lab.project(ada)


@pytest.fixture
async def audited(lab: Lab, project_id: UUID) -> AsyncIterator[None]:
    """Check at the test's end that counters, images and jobs of the project say the same."""
    yield
    if await lab.rows("SELECT 1 FROM projects WHERE id = :id", id=project_id):
        await lab.audit(project_id)


@pytest.fixture
def inspector() -> Iterator[Inspector]:
    """The cache of libvips goes by name, and tests reuse names."""
    pyvips.cache_set_max(0)
    yield Here()
    pyvips.cache_set_max(1000)

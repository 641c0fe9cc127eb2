"""The services that accounts need: a real database and bus, a clock to turn, a watched hasher."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from persistence.blobs import BlobStore
from persistence.records import ProjectChange
from realtime.feeds import Feeds
from resolvers.changes import ProjectSource, decode_project_change
from resolvers.context import Services
from tests.lab import Lab
from tests.resolvers.accounts import Clock, WatchedHasher, account_services
from tests.resolvers.pyramiding import Setting
from tests.resolvers.workshop import Workshop


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


@pytest.fixture
def workshop(lab: Lab, services: Services) -> Workshop:
    blobs = BlobStore.open("memory://")
    feeds: Feeds[ProjectChange] = Feeds(
        services.bus,
        kind="project",
        source=ProjectSource(lambda: lab.database),
        decode=decode_project_change,
    )
    return Workshop(lab, replace(services, blobs=blobs, database=lab.database, project_feeds=feeds))


@pytest.fixture
async def ada(workshop: Workshop) -> UUID:
    return await workshop.lab.user()


@pytest.fixture
async def project_id(workshop: Workshop, ada: UUID) -> UUID:
    return await workshop.lab.project(ada)


@pytest.fixture
async def setting(
    request: pytest.FixtureRequest, lab: Lab, tmp_path: Path
) -> AsyncIterator[Setting]:
    kind = getattr(request, "param", "disk")
    url = "memory://" if kind == "memory" else (tmp_path / "blobs").as_uri()
    async with AsyncExitStack() as stack:
        yield Setting(lab, BlobStore.open(url), tmp_path, stack)

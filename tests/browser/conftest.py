"""One browser and one hub for all, and people of each test's own."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
from playwright.async_api import Browser, async_playwright
from pydantic import SecretStr

from hub import web, worker_key
from hub.settings import Settings
from tests.browser.chromium import ARGUMENTS, chromium
from tests.browser.ledger import Ledger
from tests.browser.people import People, people_at
from tests.faults.processes import HubProcess, hubs
from tests.faults.servers import Postgres, running
from tests.summary import tell
from tests.worker.processes import WorkerProcess, Workers

Measured = Callable[[str], None]
"""Notes a measurement, for the end of the tests."""

_MEASURED = "measured"
SECRET = "a secret of tests, long enough for it"


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder with a short path, for the sockets in it."""
    path = Path(tempfile.mkdtemp(prefix="cellhub-browser-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The browser, in which each person has a profile that no other sees."""
    found = chromium()
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(
            executable_path=found.path, env=found.environment, args=ARGUMENTS
        )
        yield launched
        await launched.close()


@pytest.fixture(scope="session")
async def postgres(folder: Path) -> AsyncIterator[Postgres]:
    """The PostgreSQL of all hubs."""
    server = Postgres(folder)
    async with running(server):
        yield server


@pytest.fixture(scope="session")
async def hub(folder: Path, postgres: Postgres) -> AsyncIterator[HubProcess]:
    """The hub, with the pages that were built."""
    assert (web.FOLDER / "index.html").exists(), "the pages are not built: run make web"
    async with hubs(folder, postgres.url, postgres.broker_url) as [running_hub]:
        yield running_hub
        errors = [line for line in _read(running_hub.log) if " ERROR " in line]
    assert errors == []


@pytest.fixture(scope="session")
async def worker(folder: Path, postgres: Postgres, hub: HubProcess) -> AsyncIterator[WorkerProcess]:
    """A worker for all projects; 'gated' waits for the file ``gate`` in the folder."""
    settings = Settings(data_dir=folder, database_url=postgres.url, secret_key=SecretStr(SECRET))
    workers = Workers(folder)
    try:
        models = ("--model", "watershed", "--model", "gated", "--model", "picky")
        started = workers.start(hub.url, await worker_key.create(settings, "tests"), *models)
        await started.tells("^Worker")
        yield started
    finally:
        await workers.clean_up()


@pytest.fixture(scope="session")
async def ledger(postgres: Postgres, hub: HubProcess) -> AsyncIterator[Ledger]:
    """What numbers are committed, all of them, once the hub has made the tables."""
    connection = await asyncpg.connect(postgres.broker_url)
    made = Ledger(connection)
    await made.set_up()
    yield made
    await connection.close()


@pytest.fixture
async def people(browser: Browser, hub: HubProcess) -> AsyncIterator[People]:
    """People at the hub. In the end no page of theirs has done what it should not."""
    async with people_at(browser, hub.url) as coming:
        yield coming


def _read(log: Path) -> list[str]:
    return log.read_text().splitlines()


@pytest.fixture
def measured(record_property: Callable[[str, object], None]) -> Measured:
    """What was measured is printed in the end."""
    return lambda what: record_property(_MEASURED, what)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was measured."""
    tell(terminalreporter, "measured in the browser", _MEASURED)

"""Servers of a test's own, and how long it took until everybody knew the truth again."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.faults.processes import HubProcess, hubs
from tests.faults.servers import Postgres, Valkey, running
from tests.summary import tell

PROMISED_SECONDS = 5.0
_CONVERGED = "time_to_convergence"

Measured = Callable[[str, float], None]
"""Notes after what fault, and after how many seconds, everybody knew the truth."""


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder with a short path, for the sockets in it."""
    path = Path(tempfile.mkdtemp(prefix="cellhub-faults-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
async def the_postgres(folder: Path) -> AsyncIterator[Postgres]:
    """A PostgreSQL for the tests of this folder."""
    server = Postgres(folder)
    async with running(server):
        yield server


@pytest.fixture
async def postgres(the_postgres: Postgres) -> Postgres:
    """A PostgreSQL that runs, and that the test may end and start."""
    await the_postgres.start()
    return the_postgres


@pytest.fixture(scope="session")
async def the_valkey(folder: Path) -> AsyncIterator[Valkey]:
    """A Valkey for the tests of this folder."""
    server = Valkey(folder / "valkey")
    async with running(server):
        yield server


@pytest.fixture
async def valkey(the_valkey: Valkey) -> Valkey:
    """A Valkey that runs, and that the test may end, start and pause."""
    await the_valkey.start()
    return the_valkey


@pytest.fixture(scope="session", params=["valkey", "postgres"])
def broadcast_url(
    request: pytest.FixtureRequest, the_postgres: Postgres, the_valkey: Valkey
) -> str:
    """The address of a broker for several hubs: of Valkey, and of LISTEN and NOTIFY."""
    return the_postgres.broker_url if request.param == "postgres" else the_valkey.url


@pytest.fixture(scope="session")
async def the_pair(
    folder: Path, the_postgres: Postgres, broadcast_url: str
) -> AsyncIterator[Sequence[HubProcess]]:
    """Two hubs that outlive many faults."""
    await the_postgres.start()
    async with hubs(folder, the_postgres.url, broadcast_url, count=2) as running_hubs:
        yield running_hubs


@pytest.fixture
async def pair(
    the_pair: Sequence[HubProcess], postgres: Postgres, valkey: Valkey
) -> Sequence[HubProcess]:
    """Two hubs that are ready, and that the test may end and start."""
    for hub in the_pair:
        await hub.revive()
    return the_pair


@pytest.fixture
def converged(
    request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> Measured:
    """Record a time to convergence, and hold it against the promise."""

    def record(fault: str, seconds: float) -> None:
        record_property(_CONVERGED, f"{seconds:5.2f} s  {request.node.name}: {fault}")
        assert seconds <= PROMISED_SECONDS, f"{fault}: convergence took {seconds:.2f} s"

    return record


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the times to convergence."""
    tell(terminalreporter, "time to convergence, of at most 5 s", _CONVERGED)

"""Servers of a test's own, and how long it took until everybody knew the truth again."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.servers import Postgres, Valkey, running

PROMISED_SECONDS = 5.0
_CONVERGED = "time_to_convergence"

Measured = Callable[[str, float], None]
"""Notes after what fault, and after how many seconds, everybody knew the truth."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path, for the sockets in it."""
    path = Path(tempfile.mkdtemp(prefix="cellhub-faults-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
async def postgres(folder: Path) -> AsyncIterator[Postgres]:
    """A PostgreSQL that the test may end and start."""
    server = Postgres(folder)
    async with running(server):
        yield server


@pytest.fixture
async def valkey(folder: Path) -> AsyncIterator[Valkey]:
    """A Valkey that the test may end and start."""
    server = Valkey(folder / "valkey")
    async with running(server):
        yield server


@pytest.fixture(params=["valkey", "postgres"])
def broadcast_url(request: pytest.FixtureRequest, postgres: Postgres) -> str:
    """The address of a broker for several hubs: of Valkey, and of LISTEN and NOTIFY."""
    if request.param == "postgres":
        return postgres.broker_url
    valkey: Valkey = request.getfixturevalue("valkey")
    return valkey.url


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
    lines = [
        str(value)
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", None) == "call"
        for name, value in report.user_properties
        if name == _CONVERGED
    ]
    if lines:
        terminalreporter.section("time to convergence, of at most 5 s")
        for line in lines:
            terminalreporter.write_line(line)

"""The command line: what it does, and that what one can put right is one line, not a traceback."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from hub.postmaster import Postmaster, runs

CELLHUB = str(Path(sys.executable).with_name("cellhub"))


def environment(data_dir: Path, **variables: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if "CELLHUB_" not in name}
    return inherited | {
        "CELLHUB_DATA_DIR": str(data_dir),
        **{f"CELLHUB_{name}": value for name, value in variables.items()},
    }


def cellhub(*arguments: str, data_dir: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [CELLHUB, *arguments],
        env=environment(data_dir, **variables),
        capture_output=True,
        text=True,
        check=False,
    )


class Hub:
    """A hub that serves, in processes of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        self.process = process
        self.said = process.stdout.readline()
        self.address = self.said.split()[3].removesuffix(",") if self.said else ""

    def workers(self) -> list[psutil.Process]:
        children = psutil.Process(self.process.pid).children()
        return [child for child in children if "spawn_main" in " ".join(child.cmdline())]

    def end(self, way: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        self.process.send_signal(way)
        _, log = self.process.communicate()
        return self.process.returncode, log


@pytest.fixture(autouse=True)
def hangups_are_heard() -> Iterator[None]:
    """Have hubs hear of a hangup, though these tests be run so that they themselves don't."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@contextmanager
def serving(data_dir: Path, *arguments: str, **variables: str) -> Iterator[Hub]:
    process = subprocess.Popen(
        [CELLHUB, "serve", "--port", "0", *arguments],
        env=environment(data_dir, **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A group of its own, as a terminal gives it.
        process_group=0,
    )
    try:
        yield Hub(process)
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate()


def get(address: str) -> httpx.Response:
    # The first answer takes as long as the application takes to start.
    return httpx.get(address, timeout=None)


def database_of(data_dir: Path) -> int | None:
    server = Postmaster.read(data_dir / "postgres")
    return server.pid if server else None


@pytest.mark.parametrize("way", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_serves_until_it_is_told_to_end_and_stops_its_database(
    tmp_path: Path, way: signal.Signals
) -> None:
    with serving(tmp_path) as hub:
        assert hub.said.endswith(f"data in {tmp_path}\n")
        assert get(f"{hub.address}/readyz").json()["status"] == "ok"
        database = database_of(tmp_path)
        assert database is not None
        code, log = hub.end(way)
    assert code == 0
    assert "Traceback" not in log
    assert not runs(database)


def test_workers_share_a_port_and_end_together(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "2") as hub:
        assert get(f"{hub.address}/readyz").json()["status"] == "ok"
        workers = hub.workers()
        assert len(workers) == 2
        assert "cellhub_websocket_connections 0" in get(f"{hub.address}/metrics").text
        code, log = hub.end()
    assert code == 0
    assert "Traceback" not in log
    assert not any(runs(worker.pid) for worker in workers)
    assert database_of(tmp_path) is None


def test_workers_do_not_outlive_a_killed_supervisor(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "2") as hub:
        get(f"{hub.address}/healthz")
        workers = hub.workers()
        hub.end(signal.SIGKILL)
        psutil.wait_procs(workers)
    assert cellhub("migrate", data_dir=tmp_path).returncode == 0
    assert database_of(tmp_path) is None


def test_the_public_address_is_the_one_that_is_told(tmp_path: Path) -> None:
    with serving(tmp_path, PUBLIC_URL="https://cells.example/hub") as hub:
        assert "https://cells.example/hub," in hub.said


def test_a_port_that_is_taken_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = cellhub("serve", "--port", port, data_dir=tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        f"cellhub: Can't listen on 127.0.0.1, port {port}: Address already in use.\n"
    )
    assert not (tmp_path / "postgres").exists()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_application_that_does_not_start_ends_the_hub_and_its_database(
    tmp_path: Path, workers: str
) -> None:
    (tmp_path / "uploads").write_text("in the way")
    with serving(tmp_path, "--workers", workers) as hub:
        _, log = hub.process.communicate()
    assert hub.process.returncode == 1
    assert log.endswith("cellhub: The application did not start; the log tells why.\n")
    assert database_of(tmp_path) is None


def test_a_host_that_is_not_known_is_said_in_one_line(tmp_path: Path) -> None:
    done = cellhub("serve", "--host", "256.0.0.1", data_dir=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("cellhub: Can't listen on 256.0.0.1, port 8000: ")
    assert len(done.stderr.splitlines()) == 1


def test_wrong_settings_stop_the_start_with_a_line_each(tmp_path: Path) -> None:
    for command in ("serve", "migrate", "gc"):
        done = cellhub(command, data_dir=tmp_path, LOG_LEVEL="loud", SECRET="x")
        assert done.returncode == 2
        lines = done.stderr.splitlines()
        assert [line.split(":")[1].strip() for line in lines] == [
            "CELLHUB_LOG_LEVEL",
            "CELLHUB_SECRET",
        ]
        assert done.stdout == ""


def test_a_database_that_does_not_answer_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    url = f"postgresql://ann:hunter2@127.0.0.1:{port}/hub"
    for command in (["migrate"], ["serve", "--port", "0"]):
        done = cellhub(*command, data_dir=tmp_path, DATABASE_URL=url, SECRET_KEY="k" * 32)
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1
        assert done.stderr.startswith("cellhub: The database can't be migrated:")
        assert "hunter2" not in done.stderr


def test_an_embedded_database_that_does_not_start_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("12\n")
    done = cellhub("migrate", data_dir=tmp_path)
    assert done.returncode == 1
    assert done.stderr.endswith("was made by PostgreSQL 12; this is PostgreSQL 18.\n")
    assert len(done.stderr.splitlines()) == 1


def test_migrating_again_does_nothing_and_an_unknown_revision_is_refused(tmp_path: Path) -> None:
    for _ in range(2):
        done = cellhub("migrate", data_dir=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = cellhub("migrate", "--revision", "9999", data_dir=tmp_path)
    assert done.returncode == 1
    assert "9999" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_garbage_is_collected_beside_a_hub_that_serves(tmp_path: Path) -> None:
    with serving(tmp_path) as hub:
        done = cellhub("gc", data_dir=tmp_path)
        assert done.returncode == 0
        assert done.stdout.startswith("Removed 0 files without an image")
        assert get(f"{hub.address}/readyz").status_code == 200


def test_it_tells_its_version_and_its_commands(tmp_path: Path) -> None:
    assert cellhub("version", data_dir=tmp_path).stdout == "0.1.0\n"
    told = cellhub("--help", data_dir=tmp_path).stdout
    assert all(command in told for command in ("serve", "migrate", "gc", "version"))

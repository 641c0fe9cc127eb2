"""Processes that are replaced one after the other, while clients go on."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path

import asyncpg
import httpx
import psutil
import pytest
from websockets.exceptions import ConnectionClosed

from hub import urls
from tests.faults.processes import HubProcess, hubs
from tests.hub.test_cli import Hub, environment, get
from tests.hubs import Person
from tests.protocol.client import connect

CREATE = "mutation($name: String!) { createProject(input: {name: $name}) { project { id } } }"
STARTED = "Application startup complete."
SET = """
import hub.serve
from hub.cli import main

hub.serve.{} = {}
main()
"""


class Load:
    """Clients that create projects, one after the other, over connections that may end."""

    def __init__(self, process: HubProcess, token: str) -> None:
        self._process = process
        self._token = token
        self._names = (f"Project {number}" for number in count())
        self._going_on = True
        self.acknowledged: list[str] = []
        self.endings: Counter[str] = Counter()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            for client in (*[self._by_request] * 3, *[self._by_socket] * 3):
                group.create_task(client())
            try:
                yield
            finally:
                self._going_on = False

    async def more(self) -> None:
        """Wait until some more calls are answered."""
        before = len(self.acknowledged)
        async with asyncio.timeout(30):
            while len(self.acknowledged) < before + 50:  # noqa: ASYNC110, many tasks add to it
                await asyncio.sleep(0.01)

    async def _by_request(self) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        while self._going_on:
            with self._noting_how_it_ends():
                async with httpx.AsyncClient(base_url=self._process.url, timeout=30) as http:
                    while self._going_on:
                        name = next(self._names)
                        body = {"query": CREATE, "variables": {"name": name}}
                        response = await http.post("/graphql", json=body, headers=headers)
                        assert "errors" not in response.json(), response.text
                        self.acknowledged.append(name)

    async def _by_socket(self) -> None:
        address = f"ws://127.0.0.1:{self._process.port}/graphql"
        while self._going_on:
            with self._noting_how_it_ends():
                async with connect(address, self._token) as client:
                    while self._going_on:
                        name = next(self._names)
                        await client.subscribe(name, CREATE, variables={"name": name})
                        answer, _ = await client.hear_all_of(name)
                        assert "errors" not in answer["payload"], answer
                        self.acknowledged.append(name)

    @contextmanager
    def _noting_how_it_ends(self) -> Iterator[None]:
        try:
            yield
        except ConnectionClosed as error:
            self.endings[f"socket closed with {error.rcvd and error.rcvd.code}"] += 1
        except (httpx.TransportError, ConnectionError) as error:
            self.endings[type(error).__name__] += 1


@pytest.fixture
async def process(database_url: str, tmp_path: Path) -> AsyncIterator[HubProcess]:
    broker = urls.broker_of(database_url)
    async with hubs(tmp_path, database_url, broker, workers=2) as [running]:
        yield running


async def test_a_rolling_restart_under_load_loses_nothing(
    process: HubProcess, database_url: str
) -> None:
    async with httpx.AsyncClient(base_url=process.url) as http:
        ada = await Person(process.url, http).sign_up("Ada")
    load = Load(process, ada.headers["Authorization"].removeprefix("Bearer "))
    before = process.workers()

    async with load.running():
        await load.more()
        os.kill(process.pid, signal.SIGHUP)
        _, left = await asyncio.to_thread(psutil.wait_procs, before, 60)
        assert not left
        await load.more()

    assert await process.stop() == 0
    assert "Traceback" not in process.log.read_text()
    assert load.endings.pop("socket closed with 1012") >= 3
    # A client may send a request while its idle connection is being closed.
    assert load.endings.keys() <= {"RemoteProtocolError", "ReadError"}
    rows = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    try:
        created = {row["name"] for row in await rows.fetch("SELECT name FROM projects")}
    finally:
        await rows.close()
    assert set(load.acknowledged) <= created


async def test_connections_that_wait_to_be_accepted_when_a_process_ends_are_answered(
    process: HubProcess,
) -> None:
    async def asked() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", process.port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
        return answer

    ending, other = process.workers()
    for worker in (ending, other):
        worker.suspend()
    asking = [asyncio.create_task(asked()) for _ in range(50)]
    # Once they are connected, they wait for whoever accepts them.
    async with asyncio.timeout(5):
        while len(connected_to(process.port)) < len(asking):  # noqa: ASYNC110, the system knows
            await asyncio.sleep(0.01)
    ending.terminate()
    for worker in (ending, other):
        worker.resume()

    answers = await asyncio.gather(*asking)
    assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers)
    await asyncio.to_thread(ending.wait, 30)


def connected_to(port: int) -> list[object]:
    """Return the connections of this process to that port."""
    connections = psutil.Process().net_connections("tcp4")
    return [each for each in connections if each.raddr and each.raddr.port == port]


async def test_a_hub_that_is_told_to_end_replaces_nothing_before(process: HubProcess) -> None:
    os.kill(process.pid, signal.SIGHUP)
    assert await process.stop() == 0
    assert process.log.read_text().count(STARTED) == 2


async def test_a_process_whose_successor_does_not_start_goes_on(
    process: HubProcess, tmp_path: Path
) -> None:
    before = process.workers()
    (tmp_path / "uploads").rename(tmp_path / "elsewhere")
    (tmp_path / "uploads").write_text("in the way")

    os.kill(process.pid, signal.SIGHUP)
    async with asyncio.timeout(60):
        while "does not serve" not in process.log.read_text():  # noqa: ASYNC110, another's file
            await asyncio.sleep(0.05)

    await process.ready()
    assert all(worker.is_running() for worker in before)
    assert await process.stop() == 0


@contextmanager
def two_workers(folder: Path, name: str, value: object) -> Iterator[Hub]:
    """Serve with something set to another value than usual."""
    process = subprocess.Popen(
        [sys.executable, "-c", SET.format(name, value), "serve", "--port", "0", "--workers", "2"],
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Hub(process)
    finally:
        process.kill()
        process.communicate()


def test_a_process_that_does_not_end_is_killed(tmp_path: Path) -> None:
    with two_workers(tmp_path, "_ENDING_SECONDS", 1.0) as hub:
        get(f"{hub.address}/readyz")
        hung, _ = workers = hub.workers()
        hung.suspend()
        code, _ = hub.end()
    assert code == 0
    assert not any(worker.is_running() for worker in workers)


def test_a_process_that_is_killed_while_it_starts_is_replaced_at_once(tmp_path: Path) -> None:
    # A process that has not answered for so long is replaced, too.
    with two_workers(tmp_path, "_WORKER_SECONDS", 600) as hub:
        while not hub.workers():
            time.sleep(0.01)
        victim, *_ = hub.workers()
        victim.suspend()
        get(f"{hub.address}/healthz")
        victim.kill()
        assert psutil.wait_procs([victim], 30) == ([victim], [])
        while len(hub.workers()) < 2:
            time.sleep(0.01)
        code, _ = hub.end()
    assert code == 0

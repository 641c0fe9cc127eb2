"""A hub that is told to end: what runs is finished and answered, and nobody holds it up."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from tests.faults.processes import HubProcess, hubs
from tests.hubs import Person
from tests.protocol.client import connect
from tests.protocol.raw import Opcode, dial, frame, handshake
from tests.protocol.streams import streaming

RENAME = """mutation($id: ID!, $name: String!) {
    updateProject(input: {projectId: $id, name: $name}) { project { name } } }"""
WATCH = "subscription($id: ID!) { projectUpdated(projectId: $id) { revision } }"
GET = b"GET /healthz HTTP/1.1\r\nHost: hub\r\n\r\n"


@pytest.fixture
async def process(
    request: pytest.FixtureRequest, database_url: str, tmp_path: Path
) -> AsyncIterator[HubProcess]:
    faults = [getattr(request, "param", [])]
    async with hubs(tmp_path, database_url, "memory://", faults=faults) as [running]:
        yield running


@pytest.fixture
async def http(process: HubProcess) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=process.url, timeout=30) as client:
        yield client


@pytest.fixture
async def ada(process: HubProcess, http: httpx.AsyncClient) -> Person:
    return await Person(process.url, http).sign_up("Ada")


@pytest.fixture
async def project(ada: Person) -> str:
    payload = await ada.do("createProject", "{ project { id } }", name="Cells")
    project_id: str = payload["project"]["id"]
    return project_id


def address_of(process: HubProcess) -> str:
    return f"ws://127.0.0.1:{process.port}/graphql"


def token_of(person: Person) -> str:
    return person.headers["Authorization"].removeprefix("Bearer ")


@asynccontextmanager
async def locked_projects(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Have whoever changes a project wait until the end of the block."""
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    try:
        await connection.execute("BEGIN; SELECT FROM projects FOR UPDATE")
        yield connection
    finally:
        await connection.close()


async def until_waiting(connection: asyncpg.Connection, count: int) -> None:
    """Wait until so many wait for a lock."""
    found = 0
    async with asyncio.timeout(10):
        while found < count:
            found = await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted")


async def until_it_accepts_no_more(process: HubProcess) -> None:
    """Wait until the hub has begun to end."""
    async with asyncio.timeout(5):
        with suppress(ConnectionError):
            while True:
                async with dial(address_of(process)):
                    await asyncio.sleep(0.02)


async def ends_in_order(process: HubProcess) -> None:
    assert await process.ended() == 0
    assert "Traceback" not in process.log.read_text()


def renaming(project: str, name: str) -> dict[str, Any]:
    return {"query": RENAME, "variables": {"id": project, "name": name}}


async def test_mutations_that_run_are_answered_and_then_the_connections_close(
    process: HubProcess, http: httpx.AsyncClient, ada: Person, project: str, database_url: str
) -> None:
    async with connect(address_of(process), token_of(ada)) as client:
        await client.subscribe("w", WATCH, variables={"id": project})
        assert (await client.hear())["id"] == "w"
        async with locked_projects(database_url) as lock:
            await client.say(id="m", type="subscribe", payload=renaming(project, "by socket"))
            body = renaming(project, "by request")
            posted = asyncio.create_task(http.post("/graphql", json=body, headers=ada.headers))
            await until_waiting(lock, 2)
            os.kill(process.pid, signal.SIGTERM)
            await until_it_accepts_no_more(process)
            assert not posted.done()

        response = await posted
        assert response.json() == {"data": {"updateProject": {"project": {"name": "by request"}}}}
        assert response.headers["connection"] == "close"
        assert await client.hear_all_of("m") == [
            {
                "id": "m",
                "type": "next",
                "payload": {"data": {"updateProject": {"project": {"name": "by socket"}}}},
            },
            {"id": "m", "type": "complete"},
        ]
        assert await client.closed() == (1012, "Service restart")
    await ends_in_order(process)


async def test_nobody_holds_up_the_end(
    process: HubProcess, http: httpx.AsyncClient, ada: Person, project: str
) -> None:
    address = address_of(process)
    async with (
        dial(address) as silent,
        dial(address) as half_a_head,
        dial(address) as unanswering,
        streaming(
            http, WATCH, path="/graphql", variables={"id": project}, headers=ada.headers
        ) as stream,
    ):
        await half_a_head.send(GET[:20])
        await unanswering.send(handshake(address))
        await unanswering.head()
        await stream.event()

        started = time.monotonic()
        os.kill(process.pid, signal.SIGTERM)

        assert await silent.rest() == await half_a_head.rest() == b""
        assert await stream.rest() == []
        assert (await unanswering.hear()).opcode is Opcode.CLOSE
        await unanswering.send(frame(Opcode.PING))
        await ends_in_order(process)
        assert time.monotonic() - started < 10


@pytest.mark.parametrize("process", [["--end-in-a-hurry"]], indirect=True)
async def test_mutations_that_outlast_the_end_are_given_up_and_the_log_says_so(
    process: HubProcess, http: httpx.AsyncClient, ada: Person, project: str, database_url: str
) -> None:
    body = renaming(project, "too late")
    async with (
        connect(address_of(process), token_of(ada)) as client,
        locked_projects(database_url) as lock,
    ):
        await client.say(id="m", type="subscribe", payload=body)
        posted = asyncio.create_task(http.post("/graphql", json=body, headers=ada.headers))
        await until_waiting(lock, 2)
        os.kill(process.pid, signal.SIGTERM)
        with pytest.raises(httpx.TransportError):
            await posted
        assert await client.closed() == (1012, "Service restart")
        await ends_in_order(process)
    assert process.log.read_text().count("Given up, since the hub ends") == 2

"""A hub whose PostgreSQL goes away or is kept busy: what clients are told, and what is logged."""

import asyncio
import logging
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import websockets

from hub.embedded_postgres import EmbeddedPostgres
from persistence.migrate import upgrade
from tests.hub.laboratory import archive_url, images_of, project_of, segmented
from tests.hub.zooming import uploaded, zoom
from tests.hubs import Hub, Person, running_hub
from tests.live.pictures import png
from tests.resolvers.exports.cells import box, geometry

WHO = "{ viewer { name } }"
IMAGES = (
    "query($id: ID!) { project(id: $id) { name images { totalCount edges { node { name } } } } }"
)
SIGN_UP = """mutation { signUp(input: {email: "z@example.org", password: "the cells divide at dawn",
    name: "Z"}) { user { id } } }"""
MANY = 40
SUBPROTOCOL = websockets.Subprotocol("graphql-transport-ws")


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    """A server that these tests may stop. Its path is short, so that its address stays."""
    folder = Path(tempfile.mkdtemp(prefix="cellhub-tests-"))
    with EmbeddedPostgres(folder, options={"fsync": "off"}) as made:
        asyncio.run(upgrade(made.url))
        yield made
    shutil.rmtree(folder)


@pytest.fixture
async def hub(server: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Hub]:
    async with running_hub(server.url, tmp_path) as running:
        yield running


@pytest.fixture
async def ada(hub: Hub) -> Person:
    return await hub.person("Ada")


@asynccontextmanager
async def outage(server: EmbeddedPostgres) -> AsyncIterator[None]:
    await asyncio.to_thread(server.stop)
    try:
        yield
    finally:
        await asyncio.to_thread(server.start)


@asynccontextmanager
async def locked_images(server: EmbeddedPostgres) -> AsyncIterator[asyncpg.Connection]:
    """Have whoever reads images wait until the connection rolls back."""
    connection = await asyncpg.connect(server.url.replace("+asyncpg", ""))
    try:
        await connection.execute("BEGIN; LOCK TABLE images IN ACCESS EXCLUSIVE MODE")
        yield connection
    finally:
        await connection.close()


async def until_waiting(connection: asyncpg.Connection, count: int) -> None:
    while True:
        found = await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted")
        if found >= count:
            return


def codes(answers: Sequence[dict[str, Any]]) -> list[str]:
    return [error["extensions"]["code"] for answer in answers for error in answer["errors"]]


async def test_a_restart_costs_no_request_that_comes_after_it_or_during_it(
    server: EmbeddedPostgres, hub: Hub, ada: Person
) -> None:
    project = (await ada.do("createProject", "{ project { id } }", name="P"))["project"]["id"]
    await asyncio.gather(*(ada.ask(WHO) for _ in range(MANY)))
    async with outage(server):
        early = [asyncio.create_task(ada.ask(WHO)) for _ in range(MANY)]
    await asyncio.gather(*early)
    for number in range(MANY):
        values = {"projectId": project, "name": f"P{number}"}
        await ada.do("updateProject", "{ project { id } }", **values)


async def test_while_the_database_is_away_clients_are_told_to_try_again(
    server: EmbeddedPostgres, hub: Hub, ada: Person, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"ws{hub.url.removeprefix('http')}/graphql"
    async with websockets.connect(url, subprotocols=[SUBPROTOCOL]) as socket, outage(server):
        caplog.clear()
        body = {"query": WHO}
        refused = [
            await hub.http.post("/graphql", json=body, headers=ada.headers) for _ in range(MANY)
        ]
        assert {response.status_code for response in refused} == {503}
        assert {response.headers["retry-after"] for response in refused} == {"2"}
        told = [response.json() for response in refused]
        assert set(codes(told)) == {"SERVICE_UNAVAILABLE"}
        assert "try again" in told[0]["errors"][0]["message"]

        [executed] = [await hub.nobody().post(SIGN_UP)]
        assert executed["data"] is None
        assert codes([executed]) == ["SERVICE_UNAVAILABLE"]
        request_id = executed["errors"][0]["extensions"]["requestId"]
        assert request_id

        token = ada.headers["Authorization"]
        await socket.send(f'{{"type":"connection_init","payload":{{"Authorization":"{token}"}}}}')
        with pytest.raises(websockets.ConnectionClosedError) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1013

        mine = [record for record in caplog.records if record.name == "hub.failures"]
        assert [record.levelno for record in mine] == [logging.WARNING]
        assert "Unavailable" in mine[0].getMessage()
        assert [record for record in caplog.records if record.exc_info] == []
    assert (await ada.ask(WHO))["viewer"]["name"] == "Ada"


@pytest.mark.parametrize("over_a_socket", [False, True])
async def test_others_are_answered_while_one_keeps_the_database_busy(
    server: EmbeddedPostgres, hub: Hub, ada: Person, over_a_socket: bool
) -> None:
    ben = await hub.person("Ben")
    mine = (await ada.do("createProject", "{ project { id } }", name="A"))["project"]["id"]
    his = (await ben.do("createProject", "{ project { id } }", name="B"))["project"]["id"]
    async with ada.connected() as socket, locked_images(server) as lock:
        if over_a_socket:
            streams = [socket.watch(IMAGES, id=mine) for _ in range(MANY)]
        else:
            busy = [asyncio.create_task(ada.ask(IMAGES, id=mine)) for _ in range(MANY)]
        await until_waiting(lock, 5)
        for number in range(MANY):
            assert (await ben.ask(WHO))["viewer"]["name"] == "Ben"
            await ben.do("updateProject", "{ project { id } }", projectId=his, name=f"B{number}")
        assert await lock.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted") == 5
        await lock.execute("ROLLBACK")
        if over_a_socket:
            for stream in streams:
                await stream.until(lambda events: len(events) == 1)
        else:
            assert {answer["project"]["name"] for answer in await asyncio.gather(*busy)} == {"A"}


async def test_an_export_is_refused_until_the_database_is_back(
    hub: Hub, ada: Person, server: EmbeddedPostgres
) -> None:
    project_id = await segmented(ada, [("a.png", png(1, side=16))], geometry([[box(1, 1, 9, 9)]]))
    [image] = await images_of(ada, project_id, "{ exportUrl(format: CSV) }")
    addresses = [image["exportUrl"], await archive_url(ada, project_id)]
    async with outage(server):
        for address in addresses:
            response = await hub.http.get(address)
            assert (response.status_code, response.json()["code"]) == (503, "SERVICE_UNAVAILABLE")
            assert int(response.headers["retry-after"]) > 0
    for address in addresses:
        assert (await hub.http.get(address)).status_code == 200


async def test_pictures_that_are_made_are_shown_while_the_database_is_away(
    hub: Hub, ada: Person, server: EmbeddedPostgres
) -> None:
    pictures = [("a.png", png(1, side=16)), ("b.png", png(2, side=16))]
    made, unmade = (
        image["deepZoomUrl"] for image in await uploaded(ada, await project_of(ada), *pictures)
    )
    tile = (await zoom(hub.http, made)).tile_url(4, 0, 0)
    async with outage(server):
        for address in (made, tile):
            assert (await hub.http.get(address)).status_code == 200
        response = await hub.http.get(unmade)
        assert (response.status_code, response.json()["code"]) == (503, "SERVICE_UNAVAILABLE")
        assert int(response.headers["retry-after"]) > 0
    assert (await hub.http.get(unmade)).status_code == 200

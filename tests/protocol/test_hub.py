"""A whole hub in front of clients that say anything."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator

import pytest

from hub.embedded_postgres import EmbeddedPostgres
from tests.hubs import Person
from tests.live.scenes import Scene, open_scene
from tests.protocol.client import connect
from tests.protocol.malformed_frames import BAD_FRAMES
from tests.protocol.malformed_messages import NO_JSON, NO_MESSAGE, WRONG_VALUES
from tests.protocol.raw import Opcode, dial, frame, handshake, raw_connection
from tests.protocol.streams import streaming

MOST = 3
MOST_OPERATIONS = 2
CORPUS = NO_JSON | NO_MESSAGE | WRONG_VALUES
NUMBERS = "subscription { projectUpdated { operation } }"


@pytest.fixture(scope="module")
async def scene(
    postgres: EmbeddedPostgres, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Scene]:
    folder = tmp_path_factory.mktemp("hub")
    async with open_scene(
        postgres,
        migrated_template,
        folder,
        max_connections_per_user=MOST,
        max_operations_per_user=MOST_OPERATIONS,
    ) as opened:
        yield opened


@pytest.fixture(scope="module")
async def ada(scene: Scene) -> Person:
    return await scene.hub.person("Ada")


@pytest.fixture(scope="module")
def address(scene: Scene) -> str:
    return f"ws{scene.hub.url.removeprefix('http')}/graphql"


@pytest.fixture(scope="module")
def token(ada: Person) -> str:
    return ada.headers["Authorization"].removeprefix("Bearer ")


@pytest.fixture(autouse=True)
def quiet_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test that has the hub log an error."""
    yield
    records = caplog.get_records("call")
    assert [each for each in records if each.exc_info or each.levelno >= logging.ERROR] == []


async def test_it_outlives_all_malformed_messages(address: str, token: str) -> None:
    async with connect(address, token) as sibling:
        for frame_text in CORPUS.values():
            async with raw_connection(address, token) as socket:
                await socket.say(frame_text)
                assert (await socket.closed())[0] == 4400, frame_text[:100]
        assert await sibling.hears_nothing_more()


async def test_it_outlives_all_malformed_frames(address: str, token: str) -> None:
    async with connect(address, token) as sibling:
        for name, bad in BAD_FRAMES.items():
            # How long a message may be is told to the server when it is started.
            if bad.code != 1009:
                async with raw_connection(address, token) as socket:
                    await socket.send(bad.data)
                    assert (await socket.closed())[0] == bad.code, name
        assert await sibling.hears_nothing_more()


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer \0",
        "Bearer nobody",
        "Bearer a.b.c",
        "Bearer eyJhbGciOiJub25lIn0.e30.",
        "Bearer " + "." * 60_000,
        "Bearer " + "x" * 60_000,
        "Bearer 🧫",
        "Basic YWRhOmFkYQ==",
        "bearer bearer",
        None,
        5,
        {"Bearer": "ada"},
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_credentials_that_are_none_close_with_4403(
    address: str, authorization: object
) -> None:
    async with connect(address) as client:
        await client.say(type="connection_init", payload={"Authorization": authorization})

        assert await client.closed() == (4403, "Forbidden")


@pytest.mark.parametrize("path", ["/", "/graphql/", "/healthz", "/files/x", "/nowhere"])
async def test_websockets_are_refused_elsewhere(address: str, path: str) -> None:
    elsewhere = address.removesuffix("/graphql") + path
    async with dial(elsewhere) as socket:
        await socket.send(handshake(elsewhere))

        assert (await socket.head()).startswith(b"HTTP/1.1 403 ")


async def test_sockets_and_streams_of_a_user_count_together(
    scene: Scene, ada: Person, address: str, token: str
) -> None:
    async with (
        connect(address, token) as first,
        connect(address, token),
        streaming(scene.hub.http, NUMBERS, path="/graphql", headers=ada.headers),
        connect(address) as fourth,
    ):
        await fourth.say(type="connection_init", payload=ada.headers)

        assert await fourth.closed() == (1013, "Too many connections")
        assert await first.hears_nothing_more()


async def test_operations_of_all_sockets_and_streams_of_a_user_count_together(
    scene: Scene, ada: Person, address: str, token: str
) -> None:
    async with (
        connect(address, token) as client,
        streaming(scene.hub.http, NUMBERS, path="/graphql", headers=ada.headers),
    ):
        await client.subscribe("a", NUMBERS)
        await client.subscribe("b", NUMBERS)

        (message,) = await client.hear_all_of("b")
        assert message["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
        await client.say(id="a", type="complete")
        assert await client.hears_nothing_more()


async def test_it_answers_while_a_client_says_one_byte_at_a_time(address: str, token: str) -> None:
    async with raw_connection(address, token) as slow, connect(address, token) as quick:
        for byte in frame(Opcode.TEXT, b'{"type":"ping"}'):
            await slow.send(bytes([byte]))
            await asyncio.sleep(0)
            assert await quick.hears_nothing_more()
        assert await slow.hear() == (Opcode.TEXT, b'{"type":"pong"}')

"""graphql-transport-ws: how a client introduces itself, and is let in or not."""

import pytest

from schema.websocket import GraphQLWebSocketEndpoint
from schema.websocket_session import SocketLimits
from tests.protocol.client import Client, next_message
from tests.protocol.conftest import Connect
from tests.schema.toy import websocket_endpoint
from tests.schema.world import ADA, World

PING = '{"type":"ping"}'
INIT = '{"type":"connection_init","payload":{"Authorization":"Bearer ada"}}'
QUERY = '{"id":"q","type":"subscribe","payload":{"query":"{ viewer }"}}'


@pytest.mark.parametrize(
    "payload",
    [
        {"Authorization": "Bearer ada"},
        {"authorization": "Bearer ada"},
        {"AUTHORIZATION": "Bearer ada", "more": {"x": [1]}},
    ],
)
async def test_an_introduction_is_acknowledged(
    connected: Connect, payload: dict[str, object]
) -> None:
    async with connected() as client:
        await client.say(type="connection_init", payload=payload)

        assert await client.hear() == {"type": "connection_ack"}


async def test_nothing_comes_before_the_acknowledgement(connected: Connect) -> None:
    async with connected() as client:
        for frame in (INIT, PING, QUERY):
            await client.socket.send(frame)

        assert await client.hear() == {"type": "connection_ack"}
        assert await client.hear() == {"type": "pong"}
        assert await client.hear() == next_message("q", viewer=str(ADA))


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"payload": None},
        {"payload": {}},
        {"payload": {"Authorization": None}},
        {"payload": {"Authorization": 5}},
        {"payload": {"Authorization": "Bearer nobody"}},
        {"payload": {"token": "Bearer ada"}},
    ],
    ids=str,
)
async def test_no_or_bad_credentials_close_with_4403(
    connected: Connect, message: dict[str, object]
) -> None:
    async with connected() as client:
        await client.say(type="connection_init", **message)

        assert await client.closed() == (4403, "Forbidden")


async def test_a_fault_while_authenticating_closes_with_1013(
    connected: Connect, world: World
) -> None:
    world.tokens["broken"] = OSError("a secret of the database")
    async with connected() as client:
        await client.say(type="connection_init", payload={"Authorization": "Bearer broken"})

        assert await client.closed() == (1013, "Try again later")
    ((error, _),) = world.unexpected
    assert "secret" in str(error)


async def test_a_second_introduction_closes_with_4429(client: Client) -> None:
    await client.say(type="connection_init", payload={"Authorization": "Bearer ada"})

    assert await client.closed() == (4429, "Too many initialisation requests")


async def test_two_introductions_at_once_close_with_4429(connected: Connect) -> None:
    async with connected() as client:
        await client.socket.send(INIT)
        await client.socket.send(INIT)

        assert await client.closed() == (4429, "Too many initialisation requests")


async def test_an_operation_before_the_introduction_closes_with_4401(connected: Connect) -> None:
    async with connected() as client:
        await client.subscribe("1", "{ viewer }")

        assert await client.closed() == (4401, "Unauthorized")


async def test_an_operation_sent_before_the_acknowledgement_waits_for_it(
    connected: Connect, world: World
) -> None:
    world.hesitates = True
    async with connected() as client:
        await client.socket.send(INIT)
        await world.started.wait()
        await client.subscribe("m", "mutation { increment }")
        assert world.count == 0
        world.go_on.set()

        assert await client.hear() == {"type": "connection_ack"}
        assert await client.hear() == next_message("m", increment=1)


async def test_an_operation_of_who_is_not_let_in_does_not_run(
    connected: Connect, world: World
) -> None:
    async with connected() as client:
        await client.say(type="connection_init", payload={"Authorization": "Bearer nobody"})
        await client.subscribe("m", "mutation { increment }")

        assert await client.closed() == (4403, "Forbidden")
    assert world.count == 0


class TestWithLittleTime:
    @pytest.fixture
    def endpoint(self, world: World) -> GraphQLWebSocketEndpoint:
        return websocket_endpoint(world, SocketLimits(initialisation_seconds=0.1))

    async def test_silence_closes_with_4408(self, connected: Connect) -> None:
        async with connected() as client:
            assert await client.closed() == (4408, "Connection initialisation timeout")

    async def test_pings_and_pongs_are_no_introduction(self, connected: Connect) -> None:
        async with connected() as client:
            await client.say(type="ping")
            await client.say(type="pong")

            assert await client.hear() == {"type": "pong"}
            assert await client.closed() == (4408, "Connection initialisation timeout")

    async def test_authenticating_takes_of_the_same_time(
        self, connected: Connect, world: World
    ) -> None:
        world.hesitates = True
        async with connected() as client:
            await client.socket.send(INIT)

            assert await client.closed() == (4408, "Connection initialisation timeout")

    async def test_who_is_acknowledged_has_all_time(self, connected: Connect) -> None:
        async with connected("ada") as client, connected() as late:
            assert (await late.closed())[0] == 4408
            await client.say(type="ping")

            assert await client.hear() == {"type": "pong"}

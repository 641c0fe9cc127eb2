"""graphql-transport-ws: opening, introducing, staying, and being shown out."""

import asyncio
from uuid import uuid4

import pytest
from websockets.asyncio.client import ClientConnection

from schema.protocol import CloseCode
from schema.websocket import GraphQLWebSocketEndpoint
from schema.websocket_session import Ending, SocketLimits
from tests.protocol.client import Client, connect
from tests.protocol.conftest import Connect
from tests.schema.toy import ADA, BOB, World, websocket_endpoint

FORBIDDEN = (4403, "Forbidden")


class TestSubprotocol:
    async def test_it_is_chosen_among_others(self, address: str) -> None:
        async with connect(address, subprotocols=["mqtt", "graphql-transport-ws"]) as client:
            assert client.socket.subprotocol == "graphql-transport-ws"

    @pytest.mark.parametrize("subprotocols", [[], ["mqtt"], ["graphql-ws"]])
    async def test_without_it_the_socket_closes_with_4406(
        self, address: str, subprotocols: list[str]
    ) -> None:
        async with connect(address, subprotocols=subprotocols) as client:
            assert await client.closed() == (4406, "Subprotocol not acceptable")


class TestInitialisation:
    @pytest.mark.parametrize(
        "payload",
        [
            {"Authorization": "Bearer ada"},
            {"authorization": "Bearer ada"},
            {"AUTHORIZATION": "Bearer ada", "more": {"x": [1]}},
        ],
    )
    async def test_credentials_are_acknowledged(
        self, connected: Connect, payload: dict[str, object]
    ) -> None:
        async with connected() as client:
            await client.say(type="connection_init", payload=payload)

            assert await client.hear() == {"type": "connection_ack"}

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
    )
    async def test_no_or_wrong_credentials_close_with_4403(
        self, connected: Connect, message: dict[str, object]
    ) -> None:
        async with connected() as client:
            await client.say(type="connection_init", **message)

            assert await client.closed() == FORBIDDEN

    async def test_a_fault_while_authenticating_closes_with_1013(
        self, connected: Connect, world: World
    ) -> None:
        world.tokens["broken"] = OSError("a secret of the database")
        async with connected() as client:
            await client.say(type="connection_init", payload={"Authorization": "Bearer broken"})

            assert await client.closed() == (1013, "Try again later")
        ((error, _),) = world.unexpected
        assert "secret" in str(error)

    async def test_a_second_initialisation_closes_with_4429(self, client: Client) -> None:
        await client.say(type="connection_init", payload={"Authorization": "Bearer ada"})

        assert await client.closed() == (4429, "Too many initialisation requests")

    async def test_subscribing_before_it_closes_with_4401(self, connected: Connect) -> None:
        async with connected() as client:
            await client.subscribe("1", "{ viewer }")

            assert await client.closed() == (4401, "Unauthorized")

    class TestTimeout:
        @pytest.fixture
        def endpoint(self, world: World) -> GraphQLWebSocketEndpoint:
            return websocket_endpoint(world, SocketLimits(initialisation_seconds=0.1))

        async def test_silence_closes_with_4408(self, connected: Connect) -> None:
            async with connected() as client:
                assert await client.closed() == (4408, "Connection initialisation timeout")

        async def test_pings_are_no_introduction(self, connected: Connect) -> None:
            async with connected() as client:
                await client.say(type="ping")

                assert await client.closed() == (4408, "Connection initialisation timeout")

        async def test_authenticating_counts(self, connected: Connect, world: World) -> None:
            world.hesitates = True
            async with connected() as client:
                await client.say(type="connection_init", payload={"Authorization": "Bearer ada"})

                assert (await client.closed())[0] == 4408

        async def test_it_does_not_concern_who_is_acknowledged(self, connected: Connect) -> None:
            async with connected() as late, connected("ada") as client:
                await late.closed()
                await client.say(type="ping")

                assert await client.hear() == {"type": "pong"}


class TestPing:
    async def test_a_ping_is_answered(self, client: Client) -> None:
        await client.say(type="ping")

        assert await client.hear() == {"type": "pong"}

    async def test_a_pong_has_the_payload_of_its_ping(self, client: Client) -> None:
        await client.socket.send('{"type":"ping","payload": {"a": [1.50, "ä\\u00e4"], "b": null}}')

        assert (
            await client.socket.recv()
            == '{"type":"pong","payload":{"a": [1.50, "ä\\u00e4"], "b": null}}'
        )

    async def test_a_ping_may_come_before_initialisation(self, connected: Connect) -> None:
        async with connected() as client:
            await client.say(type="ping", payload=None)

            assert await client.hear() == {"type": "pong"}

    async def test_a_pong_is_ignored(self, client: Client) -> None:
        await client.say(type="pong", payload={"late": True})
        await client.say(type="ping")

        assert await client.hear() == {"type": "pong"}


class TestShowingOut:
    async def test_when_the_token_expires_the_socket_closes_with_4403(
        self, connected: Connect, world: World
    ) -> None:
        world.sign_in("short", seconds=0.3)
        async with connected("short") as client:
            await client.subscribe("1", "subscription { silent }")

            assert await client.closed() == FORBIDDEN
        await world.stopped.wait()

    async def test_a_token_that_has_expired_already_is_shown_out_at_once(
        self, connected: Connect, world: World
    ) -> None:
        world.sign_in("past", seconds=-1)
        async with connected("past") as client:
            assert await client.closed() == FORBIDDEN

    async def test_only_the_viewers_concerned_are_closed(
        self, connected: Connect, world: World, endpoint: GraphQLWebSocketEndpoint
    ) -> None:
        ada, bob = world.sign_in("ada"), world.sign_in("bob", BOB)
        async with connected("ada") as first, connected("bob") as second, connected() as third:
            await first.subscribe("1", "subscription { silent }")
            await world.started.wait()

            endpoint.forbid(lambda viewer: viewer.session_id == ada.session_id)

            assert await first.closed() == FORBIDDEN
            await world.stopped.wait()
            await second.say(type="ping")
            assert await second.hear() == {"type": "pong"}
            await third.say(type="ping")
            assert await third.hear() == {"type": "pong"}
        assert bob.user_id == BOB

    async def test_who_is_forbidden_while_being_authenticated_does_not_come_in(
        self, connected: Connect, world: World, endpoint: GraphQLWebSocketEndpoint
    ) -> None:
        world.hesitates = True
        async with connected() as client:
            await client.say(type="connection_init", payload={"Authorization": "Bearer ada"})
            await world.started.wait()
            endpoint.forbid(lambda viewer: viewer.user_id == ADA)
            world.go_on.set()

            assert await client.closed() == FORBIDDEN


class TestClosingAll:
    async def test_all_sockets_close_with_1012(
        self, connected: Connect, endpoint: GraphQLWebSocketEndpoint
    ) -> None:
        async with connected("ada") as first, connected() as second:
            await endpoint.close_all()

            assert await first.closed() == (1012, "Service restart")
            assert await second.closed() == (1012, "Service restart")
        assert endpoint.open_sockets == 0

    async def test_those_still_to_come_as_well(
        self, connected: Connect, endpoint: GraphQLWebSocketEndpoint
    ) -> None:
        await endpoint.close_all(Ending(CloseCode.GOING_AWAY, "Bye"))

        async with connected() as client:
            assert await client.closed() == (1001, "Bye")

    async def test_mutations_are_answered_before(
        self, client: Client, world: World, endpoint: GraphQLWebSocketEndpoint
    ) -> None:
        await client.subscribe("m", "mutation { slowly }")
        await client.subscribe("s", "subscription { silent }")
        await world.started.wait()

        closing = asyncio.create_task(endpoint.close_all())
        await asyncio.sleep(0)
        world.go_on.set()

        assert [message["type"] for message in await client.hear_all_of("m")] == [
            "next",
            "complete",
        ]
        assert (await client.closed())[0] == 1012
        await closing

    async def test_without_sockets_it_is_done(self, endpoint: GraphQLWebSocketEndpoint) -> None:
        await endpoint.close_all()


async def test_a_client_that_just_disappears_leaves_nothing(
    address: str, world: World, endpoint: GraphQLWebSocketEndpoint
) -> None:
    async with connect(address, "ada") as client:
        await client.subscribe(str(uuid4()), "subscription { silent }")
        await world.started.wait()
        socket: ClientConnection = client.socket
        socket.transport.abort()
        await world.stopped.wait()

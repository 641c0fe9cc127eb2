"""graphql-transport-ws: how much one client may ask for."""

import asyncio
import json
from typing import Any

import pytest

from schema.connections import Connections
from schema.protocol import ProtocolLimits
from schema.websocket import GraphQLWebSocketEndpoint
from schema.websocket_session import SocketLimits
from tests.protocol.client import Client, complete_message, next_message
from tests.protocol.conftest import Connect
from tests.protocol.raw import Opcode, RawSocket, frame
from tests.schema.toy import websocket_endpoint
from tests.schema.world import ADA, BOB, World

MOMENT = 5.0
COMPLETE = {"id": "s", "type": "complete"}


async def refusal(client: Client, key: str) -> str:
    """Return the message of an operation's only error, which must be RATE_LIMITED."""
    (message,) = await client.hear_all_of(key)
    (error,) = message["payload"]
    assert (message["type"], error["extensions"]) == ("error", {"code": "RATE_LIMITED"})
    said: str = error["message"]
    return said


async def until(world: World, operations: int) -> None:
    """Wait until so many operations run."""
    async with asyncio.timeout(MOMENT):
        while len(world.connections.operations) != operations:  # noqa: ASYNC110
            await asyncio.sleep(0)


class TestOfOperations:
    async def test_the_101st_at_once_is_refused_and_the_others_go_on(
        self, client: Client, world: World
    ) -> None:
        for number in range(100):
            await client.subscribe(str(number), "subscription { silent }")

        await client.subscribe("one too many", "{ viewer }")

        assert "100 operations run already" in await refusal(client, "one too many")
        world.go_on.set()
        for _ in range(200):
            assert (await client.hear())["id"] != "one too many"

    @pytest.mark.parametrize("kind", ["query { viewer }", "mutation { increment }"])
    async def test_another_may_come_once_one_has_ended(
        self, client: Client, world: World, kind: str
    ) -> None:
        for number in range(100):
            await client.subscribe(str(number), "subscription { silent }")
        await client.subscribe("x", kind)
        await refusal(client, "x")

        await client.say(id="7", type="complete")
        await client.subscribe("x", kind)

        assert [message["type"] for message in await client.hear_all_of("x")] == [
            "next",
            "complete",
        ]

    async def test_mutations_that_nobody_listens_to_any_more_count(
        self, client: Client, world: World
    ) -> None:
        for _ in range(100):
            await client.subscribe("m", "mutation { slowly }")
            await world.started.wait()
            world.started.clear()
            await client.say(id="m", type="complete")

        await client.subscribe("one too many", "mutation { increment }")

        assert "100 mutations run already" in await refusal(client, "one too many")
        await client.subscribe("q", "{ viewer }")
        assert await client.hear() == next_message("q", viewer=str(ADA))
        world.go_on.set()


class TestOfOperationsOfAUser:
    @pytest.fixture
    def endpoint(self, world: World) -> GraphQLWebSocketEndpoint:
        world.connections = Connections(operations=3)
        world.sign_in("bob", BOB)
        return websocket_endpoint(world)

    async def test_one_too_many_on_all_sockets_is_refused_and_the_others_go_on(
        self, connected: Connect, world: World
    ) -> None:
        async with connected("ada") as first, connected("ada") as second:
            for key in "abc":
                await first.subscribe(key, "subscription { silent }")
            await until(world, 3)

            for query in ("{ viewer }", "mutation { increment }", "subscription { silent }"):
                await second.subscribe("one too many", query)
                assert "3 operations run already" in await refusal(second, "one too many")

            assert world.count == 0
            world.go_on.set()
            heard = [await first.hear() for _ in range(6)]
            kinds = sorted(message["type"] for message in heard)
            assert kinds == ["complete"] * 3 + ["next"] * 3
            await second.subscribe("q", "{ viewer }")
            assert await second.hear() == next_message("q", viewer=str(ADA))

    async def test_each_user_is_counted_alone(self, connected: Connect, world: World) -> None:
        async with connected("ada") as ada, connected("bob") as bob:
            for key in "abc":
                await ada.subscribe(key, "subscription { silent }")
            await until(world, 3)

            await bob.subscribe("q", "{ viewer }")

            assert await bob.hear() == next_message("q", viewer=str(BOB))

    @pytest.mark.parametrize(
        "query",
        [
            "{ viewer }",
            "{ maybe { number } }",
            "{ no such document",
            "{ nonexistent }",
            "mutation { increment }",
            "mutation { conflict }",
            "subscription { count(to: 3) { number } }",
            "subscription { breaking { number } }",
            "subscription { revoked { number } }",
            "subscription { unencodable }",
        ],
    )
    async def test_what_has_ended_counts_no_more_however_it_ended(
        self, client: Client, world: World, query: str
    ) -> None:
        for number in range(7):
            await client.subscribe(str(number), query)
            messages = await client.hear_all_of(str(number))
            assert "RATE_LIMITED" not in json.dumps(messages)
            await until(world, 0)

    async def test_what_the_client_completes_counts_no_more(
        self, client: Client, world: World
    ) -> None:
        for _ in range(3):
            for query in ("subscription { silent }", "{ waiting }", "mutation { slowly }"):
                await client.subscribe(query, query)
            await until(world, 3)
            for query in ("subscription { silent }", "{ waiting }", "mutation { slowly }"):
                await client.say(id=query, type="complete")
            await until(world, 0)
        world.go_on.set()

    async def test_what_is_completed_before_it_began_does_not_count(
        self, raw: RawSocket, world: World
    ) -> None:
        said = {"id": "s", "type": "subscribe", "payload": {"query": "subscription { silent }"}}
        both = [frame(Opcode.TEXT, json.dumps(each).encode()) for each in (said, COMPLETE)]
        await raw.send(b"".join(both * 20))
        await raw.say(json.dumps({"type": "ping"}))

        assert await raw.hear() == (Opcode.TEXT, b'{"type":"pong"}')
        await until(world, 0)

    @pytest.mark.parametrize("end", ["close", "abort", "mistake", "forbid", "shutdown"])
    async def test_what_ends_with_its_socket_counts_no_more(
        self, connected: Connect, endpoint: GraphQLWebSocketEndpoint, world: World, end: str
    ) -> None:
        async with connected("ada") as client:
            for query in ("subscription { silent }", "{ waiting }", "subscription { endless }"):
                await client.subscribe(query, query)
            await until(world, 3)

            match end:
                case "close":
                    await client.socket.close()
                case "abort":
                    client.socket.transport.abort()
                case "mistake":
                    await client.socket.send("x")
                case "forbid":
                    endpoint.forbid(lambda _: True)
                case "shutdown":
                    await endpoint.close_all()
            await until(world, 0)


class TestOfConnections:
    @pytest.fixture
    def endpoint(self, world: World) -> GraphQLWebSocketEndpoint:
        world.connections = Connections(2)
        world.sign_in("bob", BOB)
        return websocket_endpoint(world)

    async def test_one_too_many_closes_with_1013_before_it_is_acknowledged(
        self, connected: Connect, world: World
    ) -> None:
        async with connected("ada") as first, connected("ada") as second, connected() as third:
            await third.say(type="connection_init", payload={"Authorization": "Bearer ada"})
            await third.subscribe("m", "mutation { increment }")

            assert await third.closed() == (1013, "Too many connections")
            assert world.count == 0
            assert await first.hears_nothing_more()
            assert await second.hears_nothing_more()

    @pytest.mark.parametrize("code", [1000, 4400, 1006])
    async def test_another_may_come_once_one_has_ended(
        self, connected: Connect, endpoint: GraphQLWebSocketEndpoint, code: int
    ) -> None:
        async with connected("ada"):
            for _ in range(3):
                async with connected("ada") as client:
                    if code == 1006:
                        client.socket.transport.abort()
                    elif code == 4400:
                        await client.socket.send("x")
                        await client.closed()
                while endpoint.open_sockets > 1:  # noqa: ASYNC110
                    await asyncio.sleep(0)

    async def test_each_user_is_counted_alone(self, connected: Connect) -> None:
        async with connected("ada"), connected("ada"), connected("bob") as client:
            assert await client.hears_nothing_more()

    async def test_those_that_are_not_let_in_do_not_count(self, connected: Connect) -> None:
        async with connected(), connected(), connected() as refused:
            await refused.say(type="connection_init", payload={"Authorization": "Bearer nobody"})
            assert (await refused.closed())[0] == 4403
            async with connected("ada"), connected("ada") as client:
                assert await client.hears_nothing_more()

    async def test_streams_of_events_count_as_well(self, connected: Connect, world: World) -> None:
        async with connected("ada"), connected() as client:
            with world.connections.of(ADA):
                await client.say(type="connection_init", payload={"Authorization": "Bearer ada"})

                assert await client.closed() == (1013, "Too many connections")


def of_length(length: int, key: str, query: str) -> str:
    """Return a message of this many characters."""
    message: dict[str, Any] = {"id": key, "type": "subscribe", "payload": {"query": query}}
    return json.dumps(message).ljust(length)


class TestOfLengths:
    @pytest.fixture
    def endpoint(self, world: World) -> GraphQLWebSocketEndpoint:
        limits = ProtocolLimits(message_length=1_000, first_length=200, held_length=2_500)
        return websocket_endpoint(world, SocketLimits(protocol=limits))

    async def test_a_message_may_have_so_many_characters(self, client: Client) -> None:
        await client.socket.send(of_length(1_000, "🧫", "{ viewer }"))

        assert await client.hear() == next_message("🧫", viewer=str(ADA))

    @pytest.mark.parametrize("letter", ["x", "🧫"])
    async def test_one_that_has_more_closes_with_1009(self, client: Client, letter: str) -> None:
        await client.socket.send(letter * 1_001)

        assert await client.closed() == (1009, "Message too large")

    async def test_nobody_known_may_say_as_much(self, connected: Connect) -> None:
        async with connected() as client:
            await client.socket.send(" " * 201)

            assert await client.closed() == (1009, "Message too large")

    async def test_operations_that_run_may_have_so_many_together(
        self, client: Client, world: World
    ) -> None:
        for key in "ab":
            await client.socket.send(of_length(1_000, key, "subscription { silent }"))

        await client.socket.send(of_length(501, "c", "{ viewer }"))
        assert "2500 characters at most" in await refusal(client, "c")

        await client.socket.send(of_length(500, "d", "{ viewer }"))
        assert await client.hear() == next_message("d", viewer=str(ADA))
        assert await client.hear() == complete_message("d")

    async def test_what_has_ended_counts_no_more(self, client: Client, world: World) -> None:
        for key in "ab":
            await client.socket.send(of_length(1_000, key, "subscription { silent }"))
        await client.say(id="a", type="complete")

        for _ in range(5):
            await client.socket.send(of_length(1_000, "c", "{ viewer }"))
            assert await client.hear() == next_message("c", viewer=str(ADA))
            assert await client.hear() == complete_message("c")

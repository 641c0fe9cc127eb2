"""graphql-transport-ws: the server closes a socket, or all of them, and says why."""

import asyncio

import pytest
import websockets

from schema.protocol import CloseCode
from schema.websocket import GraphQLWebSocketEndpoint
from schema.websocket_session import Ending
from tests.protocol.client import Client, complete_message, next_message
from tests.protocol.conftest import Connect
from tests.schema.world import ADA, BOB, World

FORBIDDEN = (4403, "Forbidden")


class TestForbidding:
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
        ada = world.sign_in("ada")
        world.sign_in("bob", BOB)
        async with connected("ada") as first, connected("bob") as second, connected() as third:
            await first.subscribe("1", "subscription { silent }")
            await world.started.wait()

            endpoint.forbid(lambda viewer: viewer.session_id == ada.session_id)

            assert await first.closed() == FORBIDDEN
            await world.stopped.wait()
            assert await second.hears_nothing_more()
            assert await third.hears_nothing_more()

    async def test_nothing_that_happens_from_then_on_is_told(
        self, connected: Connect, world: World, endpoint: GraphQLWebSocketEndpoint
    ) -> None:
        async with connected("ada") as client:
            await client.subscribe("1", "subscription { silent }")
            await world.started.wait()
            outlet = world.contexts[0].subscriber
            assert outlet is not None

            endpoint.forbid(lambda viewer: viewer.user_id == ADA)
            world.go_on.set()
            # What is shared with others is told at once, in the same turn of the loop.
            assert outlet.deliver([(b'{"data":{"silent":2}}', 2)])

            with pytest.raises(websockets.ConnectionClosed):
                await client.hear()
            assert await client.closed() == FORBIDDEN

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

    async def test_it_is_known_who_is_behind_the_sockets(
        self, connected: Connect, world: World, endpoint: GraphQLWebSocketEndpoint
    ) -> None:
        world.sign_in("bob", BOB)
        async with connected("ada"), connected("bob"), connected("bob"), connected():
            assert sorted(viewer.user_id for viewer in endpoint.viewers) == [ADA, BOB, BOB]
            assert endpoint.open_sockets == 4


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
        await world.started.wait()
        world.started.clear()
        await client.subscribe("s", "subscription { silent }")
        await world.started.wait()

        closing = asyncio.create_task(endpoint.close_all())
        await world.stopped.wait()
        world.go_on.set()

        assert await client.hear_all_of("m") == [
            next_message("m", slowly=1),
            complete_message("m"),
        ]
        assert (await client.closed())[0] == 1012
        await closing

    async def test_without_sockets_it_is_done(self, endpoint: GraphQLWebSocketEndpoint) -> None:
        await endpoint.close_all()

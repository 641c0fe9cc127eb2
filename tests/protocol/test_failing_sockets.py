"""The endpoint driven as a server drives it, by one whose sockets fail."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from starlette.types import Message

from schema.frames import EXTENSION
from schema.websocket import GraphQLWebSocketEndpoint
from tests.schema.toy import websocket_endpoint
from tests.schema.world import World


class Unwritable:
    """The frames of a client that reads so slowly that each of them has to be waited for."""

    writable = False

    def __init__(self) -> None:
        self.on_writable = self.on_shutdown = lambda: None

    def send(self, text: bytes) -> None:
        raise AssertionError(text)

    def abort(self) -> None:
        raise AssertionError


SCOPE = {
    "type": "websocket",
    "subprotocols": ["graphql-transport-ws"],
    "headers": [],
    "extensions": {EXTENSION: Unwritable()},
}
INIT = '{"type":"connection_init","payload":{"Authorization":"Bearer ada"}}'
SUBSCRIBE = '{"id":"1","type":"subscribe","payload":{"query":"subscription { endless }"}}'
SLOWLY = '{"id":"1","type":"subscribe","payload":{"query":"mutation { slowly }"}}'


class Server:
    """Says what it is given, then nothing until it is closed; ``on_send`` may fail or wait."""

    def __init__(self, *frames: str) -> None:
        self._frames = [{"type": "websocket.receive", "text": frame} for frame in frames]
        self._incoming: list[dict[str, Any]] = [{"type": "websocket.connect"}, *self._frames]
        self.sent: list[Message] = []
        self.gone = asyncio.Event()
        self.on_send: Callable[[Message], None] = lambda _: None
        self.stalled = asyncio.Event()

    async def receive(self) -> Message:
        if self._incoming:
            return self._incoming.pop(0)
        await self.gone.wait()
        return {"type": "websocket.disconnect", "code": 1006}

    async def send(self, message: Message) -> None:
        self.on_send(message)
        self.sent.append(message)
        if self.stalled.is_set() and message["type"] == "websocket.send":
            await asyncio.Event().wait()

    def types(self) -> list[str]:
        return [message["type"] for message in self.sent]


@pytest.fixture
def endpoint(world: World) -> GraphQLWebSocketEndpoint:
    return websocket_endpoint(world)


async def test_a_socket_that_fails_while_an_operation_sends_ends_the_operation(
    endpoint: GraphQLWebSocketEndpoint, world: World
) -> None:
    server = Server(INIT, SUBSCRIBE)

    def fail(message: Message) -> None:
        if '"next"' in message.get("text", ""):
            raise OSError("gone")

    server.on_send = fail
    serving = asyncio.create_task(endpoint(SCOPE, server.receive, server.send))

    await world.stopped.wait()
    server.gone.set()
    await serving
    assert world.unexpected == []
    assert "websocket.close" not in server.types()


@pytest.mark.parametrize("error", [OSError("gone"), TimeoutError()])
async def test_a_socket_that_fails_while_the_reader_sends_ends_the_session(
    endpoint: GraphQLWebSocketEndpoint, world: World, error: OSError
) -> None:
    server = Server(INIT, '{"type":"ping"}')

    def fail(message: Message) -> None:
        if "pong" in message.get("text", ""):
            raise error

    server.on_send = fail

    await endpoint(SCOPE, server.receive, server.send)

    assert endpoint.open_sockets == 0
    assert world.unexpected == []


async def test_a_fault_of_ours_closes_with_1011(
    endpoint: GraphQLWebSocketEndpoint, world: World
) -> None:
    server = Server(INIT, '{"type":"ping"}')

    def fail(message: Message) -> None:
        if "pong" in message.get("text", ""):
            raise RuntimeError("a bug")

    server.on_send = fail

    await endpoint(SCOPE, server.receive, server.send)

    assert server.sent[-1] == {
        "type": "websocket.close",
        "code": 1011,
        "reason": "Internal server error",
    }
    assert len(world.unexpected) == 1


async def test_a_stalled_operation_holds_one_result(
    endpoint: GraphQLWebSocketEndpoint, world: World
) -> None:
    server = Server(INIT, SUBSCRIBE)

    def stall(message: Message) -> None:
        if '"next"' in message.get("text", ""):
            server.stalled.set()

    server.on_send = stall
    serving = asyncio.create_task(endpoint(SCOPE, server.receive, server.send))
    await server.stalled.wait()
    for _ in range(100):
        await asyncio.sleep(0)

    assert world.made == 1
    server.gone.set()
    await serving
    assert world.stopped.is_set()


async def test_a_stalled_socket_is_closed_all_the_same(
    endpoint: GraphQLWebSocketEndpoint, world: World
) -> None:
    server = Server(INIT, SUBSCRIBE)

    def stall(message: Message) -> None:
        if '"next"' in message.get("text", ""):
            server.stalled.set()

    server.on_send = stall
    serving = asyncio.create_task(endpoint(SCOPE, server.receive, server.send))
    await server.stalled.wait()

    endpoint.forbid(lambda _: True)
    await endpoint.close_all()

    await serving
    assert world.stopped.is_set()


async def test_a_server_without_ready_frames_is_refused_with_what_to_do(
    endpoint: GraphQLWebSocketEndpoint,
) -> None:
    server = Server()

    with pytest.raises(RuntimeError, match="cellhub serve"):
        await endpoint({**SCOPE, "extensions": {}}, server.receive, server.send)

    assert endpoint.open_sockets == 0


async def test_a_server_that_gives_up_leaves_nothing_running(
    endpoint: GraphQLWebSocketEndpoint, world: World
) -> None:
    server = Server(INIT, SLOWLY)
    serving = asyncio.create_task(endpoint(SCOPE, server.receive, server.send))
    await world.started.wait()
    world.go_on.set()

    serving.cancel()
    await asyncio.wait([serving])

    assert serving.cancelled()
    assert world.count == 1
    assert endpoint.open_sockets == 0

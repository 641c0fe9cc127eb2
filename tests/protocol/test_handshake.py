"""How a WebSocket comes about, or does not."""

import asyncio

import pytest

from schema.websocket import GraphQLWebSocketEndpoint
from schema.websocket_session import SocketLimits
from tests.protocol.client import connect
from tests.protocol.raw import ACK, INIT, Opcode, dial, frame, handshake, raw_connection
from tests.schema.toy import http_endpoint, websocket_endpoint
from tests.schema.world import World
from tests.serving import Stage


async def answer_to(address: str, request: bytes) -> str:
    """Send a request; return the answer's first line, once the server has closed."""
    async with dial(address) as socket:
        await socket.send(request)
        head = await socket.head()
        await socket.rest()
    return head.partition(b"\r\n")[0].decode()


class TestSubprotocol:
    @pytest.mark.parametrize(
        "subprotocols", [["graphql-transport-ws"], ["mqtt", "graphql-transport-ws", "graphql-ws"]]
    )
    async def test_it_is_chosen_where_it_is_offered(
        self, address: str, subprotocols: list[str]
    ) -> None:
        async with connect(address, subprotocols=subprotocols) as client:
            assert client.socket.subprotocol == "graphql-transport-ws"

    @pytest.mark.parametrize(
        "subprotocols", [[], ["mqtt"], ["graphql-ws"], ["GraphQL-Transport-WS"]]
    )
    async def test_without_it_the_socket_closes_with_4406(
        self, address: str, subprotocols: list[str]
    ) -> None:
        async with connect(address, subprotocols=subprotocols) as client:
            assert client.socket.subprotocol is None
            assert await client.closed() == (4406, "Subprotocol not acceptable")

    async def test_without_it_nothing_is_taken(self, address: str, world: World) -> None:
        async with dial(address) as socket:
            await socket.send(handshake(address, sec_websocket_protocol="graphql-ws"))
            await socket.head()
            await socket.send(frame(Opcode.TEXT, INIT))

            assert await socket.closed() == (4406, "Subprotocol not acceptable")


async def test_extensions_are_not_taken_up(address: str) -> None:
    request = handshake(
        address, sec_websocket_extensions="permessage-deflate; server_max_window_bits"
    )
    async with dial(address) as socket:
        await socket.send(request)

        assert b"extensions" not in (await socket.head()).lower()


MALFORMED: dict[str, tuple[dict[str, str | None], str]] = {
    "no key": ({"sec_websocket_key": None}, "400 Bad Request"),
    "short key": ({"sec_websocket_key": "eA=="}, "400 Bad Request"),
    "key that is not base64": ({"sec_websocket_key": "x"}, "400 Bad Request"),
    "no version": ({"sec_websocket_version": None}, "400 Bad Request"),
    "old version": ({"sec_websocket_version": "8"}, "400 Bad Request"),
    "subprotocol that is no token": ({"sec_websocket_protocol": "a b;;"}, "400 Bad Request"),
    "subprotocol that is not ASCII": ({"sec_websocket_protocol": "grüße"}, "400 Bad Request"),
    "connection that is no list": ({"connection": "Upgrade, ;;"}, "400 Bad Request"),
    "body": ({"content_length": "1"}, "400 Bad Request"),
    "chunks": ({"transfer_encoding": "chunked"}, "400 Bad Request"),
    "long header": (
        {"cookie": "x" * 10_000},
        "431 Request Header Fields Too Large",
    ),
    "many headers": (
        {f"x{number}": "y" for number in range(200)},
        "431 Request Header Fields Too Large",
    ),
}


@pytest.mark.parametrize(("changed", "status"), MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_malformed_handshake_is_refused_and_its_connection_closed(
    address: str, world: World, changed: dict[str, str | None], status: str
) -> None:
    body = {"content_length": b"x", "transfer_encoding": b"1\r\nx\r\n0\r\n\r\n"}
    request = handshake(address, **changed) + b"".join(body.get(name, b"") for name in changed)

    assert await answer_to(address, request) == f"HTTP/1.1 {status}"


async def test_a_long_address_is_refused_and_its_connection_closed(
    address: str, world: World
) -> None:
    request = handshake(f"{address}?{'x' * 10_000}")

    assert await answer_to(address, request) == "HTTP/1.1 414 Request-URI Too Long"


async def test_other_methods_are_refused(address: str, world: World) -> None:
    request = handshake(address).replace(b"GET", b"POST", 1)

    assert await answer_to(address, request) == "HTTP/1.1 405 Method Not Allowed"


@pytest.mark.parametrize(
    "changed",
    [
        {"connection": "close", "upgrade": None},
        {"connection": "close"},
        {"connection": "close, Upgrade", "upgrade": "h2c"},
    ],
    ids=str,
)
async def test_a_request_that_does_not_ask_for_a_websocket_is_one_for_http(
    stage_and_address: tuple[Stage, str],
    address: str,
    world: World,
    changed: dict[str, str | None],
) -> None:
    stage, _ = stage_and_address
    stage.http = http_endpoint(world)
    request = handshake(address, **changed)

    assert await answer_to(address, request) == "HTTP/1.1 400 Bad Request"


@pytest.mark.parametrize("said", [0, 1, 60])
async def test_who_disappears_within_the_handshake_leaves_nothing(
    address: str, endpoint: GraphQLWebSocketEndpoint, said: int
) -> None:
    async with dial(address) as socket:
        await socket.send(handshake(address)[:said])

    async with raw_connection(address) as other:
        await other.say('{"type":"ping"}')
        assert await other.hear() == (Opcode.TEXT, b'{"type":"pong"}')
        assert endpoint.open_sockets == 1


async def test_who_disappears_right_after_the_handshake_leaves_nothing(
    address: str, endpoint: GraphQLWebSocketEndpoint
) -> None:
    async with dial(address) as socket:
        await socket.send(handshake(address))
        socket.abort()

    await endpoint.close_all()
    assert endpoint.open_sockets == 0


async def test_a_handshake_may_come_in_many_packets(address: str) -> None:
    async with dial(address) as socket:
        for byte in handshake(address):
            await socket.send(bytes([byte]))
            await asyncio.sleep(0)
        assert (await socket.head()).startswith(b"HTTP/1.1 101 ")
        await socket.send(frame(Opcode.TEXT, INIT))

        assert await socket.hear() == (Opcode.TEXT, ACK)


class TestTooEarly:
    @pytest.fixture
    def endpoint(self, world: World) -> GraphQLWebSocketEndpoint:
        return websocket_endpoint(world, SocketLimits(initialisation_seconds=0.1))

    @pytest.mark.parametrize("data", [frame(Opcode.TEXT, INIT), frame(3), b"\0"], ids=repr)
    async def test_what_comes_in_one_packet_with_the_handshake_is_not_taken(
        self, address: str, data: bytes
    ) -> None:
        async with dial(address) as socket:
            await socket.send(handshake(address) + data)
            assert (await socket.head()).startswith(b"HTTP/1.1 101 ")

            assert await socket.closed() == (4408, "Connection initialisation timeout")

"""HTTP connections: what waits for who does not read, and what becomes of them in the end."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.guarded_http import GuardedHTTP
from hub.guarded_websocket import GuardedWebSocket
from schema import frames, shutdown
from tests.hub.sockets import dialled
from tests.protocol.raw import handshake

GET = b"GET / HTTP/1.1\r\nHost: hub\r\n\r\n"
MOMENT = 5.0


class Patient(GuardedHTTP):
    """Waits longer for requests than a test takes."""

    lingering_seconds = 20.0


class Hasty(GuardedHTTP):
    """Waits for nothing for long."""

    lingering_seconds = 0.1
    finishing_seconds = 0.3


class Served:
    """A server that may be told to shut down."""

    def __init__(self, server: uvicorn.Server, port: int) -> None:
        self._server = server
        self.address = f"ws://127.0.0.1:{port}"
        self.url = f"http://127.0.0.1:{port}"

    async def shut_down(self, connections: int = 1) -> None:
        """Have it shut down once it has so many connections; return when that has begun."""
        async with asyncio.timeout(MOMENT):
            while len(self._server.server_state.connections) < connections:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            (listener,) = self._server.servers
            self._server.should_exit = True
            while listener.is_serving():  # noqa: ASYNC110, it can't be awaited
                await asyncio.sleep(0.01)


@asynccontextmanager
async def serving(app: ASGIApp, protocol: type[GuardedHTTP]) -> AsyncIterator[Served]:
    """Serve an application; it has shut down by itself, within a moment, after the block."""
    config = uvicorn.Config(
        app, http=protocol, ws=GuardedWebSocket, lifespan="off", log_config=None
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = asyncio.create_task(server.serve(sockets=[listener]))
        yield Served(server, listener.getsockname()[1])
        server.should_exit = True
        async with asyncio.timeout(MOMENT):
            await task


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("hello")(scope, receive, send)


async def test_what_waits_for_a_client_that_does_not_read_is_little() -> None:
    sent = 0
    full = asyncio.Event()

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal sent
        await send({"type": "http.response.start", "status": 200, "headers": []})
        with suppress(TimeoutError):
            while True:
                async with asyncio.timeout(0.5):
                    await send(
                        {"type": "http.response.body", "body": b"x" * 1_000, "more_body": True}
                    )
                sent += 1_000
        full.set()

    async with serving(stream, Hasty) as server, dialled(server.address) as client:
        await client.send(GET)
        await full.wait()
    # What lies between the sockets, for want of a network, and little more.
    assert sent < 500_000


async def test_a_request_that_is_on_its_way_is_answered_and_the_connection_closed() -> None:
    async with (
        serving(hello, Patient) as server,
        dialled(server.address) as used,
        dialled(server.address) as fresh,
    ):
        await used.send(GET)
        assert b"connection: close" not in await used.head()
        assert await used.read(5) == b"hello"
        await server.shut_down(connections=2)
        for client in (used, fresh):
            await client.send(GET)
            assert b"connection: close" in await client.head()
            assert await client.rest() == b"hello"


async def test_a_connection_without_a_request_is_closed() -> None:
    async with (
        serving(hello, Hasty) as server,
        dialled(server.address) as silent,
        dialled(server.address) as half,
    ):
        await half.send(GET[:9])
        await server.shut_down(connections=2)
        assert await silent.rest() == await half.rest() == b""


async def test_one_that_is_accepted_while_it_shuts_down_is_told() -> None:
    made = []

    class Late(Patient):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            # The server tells the connections that it knows of.
            assert self in self.connections
            self.shutdown()
            super().connection_made(transport)
            made.append(self)

    async with serving(hello, Late) as server, dialled(server.address) as client:
        await client.send(GET)
        assert b"connection: close" in await client.head()
        assert await client.rest() == b"hello"
    assert len(made) == 1


@pytest.mark.parametrize("late", [False, True])
async def test_an_answer_without_an_end_is_told_to_end(late: bool) -> None:
    begun = asyncio.Event()

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        ending = asyncio.Event()
        scope["extensions"][shutdown.EXTENSION].on_shutdown = ending.set
        await send({"type": "http.response.start", "status": 200, "headers": []})
        begun.set()
        await ending.wait()
        await send({"type": "http.response.body", "body": b"the end"})

    async with serving(stream, Patient) as server, dialled(server.address) as client:
        if late:
            await server.shut_down()
            await client.send(GET)
        else:
            await client.send(GET)
            await begun.wait()
            await server.shut_down()
        assert b"the end" in await client.rest()


async def test_a_request_that_waits_behind_another_is_answered_too() -> None:
    go_on = asyncio.Event()
    begun = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        begun.set()
        await go_on.wait()
        await hello(scope, receive, send)

    async with serving(slow, Patient) as server, dialled(server.address) as client:
        await client.send(GET + GET)
        await begun.wait()
        await server.shut_down()
        go_on.set()
        assert (await client.rest()).count(b"hello") == 2


async def test_what_does_not_end_is_cut_off() -> None:
    gone = asyncio.Event()

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while (await receive())["type"] != "http.disconnect":
            pass
        gone.set()

    async with (
        serving(endless, Hasty) as server,
        dialled(server.address) as silent,
        dialled(server.address) as sending,
    ):
        await silent.send(GET)
        await sending.send(b"POST / HTTP/1.1\r\nHost: hub\r\nContent-Length: 10\r\n\r\n{")
        for client in (silent, sending):
            await client.head()
        await server.shut_down()
        await gone.wait()
        for client in (silent, sending):
            with pytest.raises(ConnectionError):
                await client.rest()


async def test_a_socket_that_opens_while_it_shuts_down_is_told() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        ending = asyncio.Event()
        scope["extensions"][frames.EXTENSION].on_shutdown = ending.set
        await send({"type": "websocket.accept"})
        await ending.wait()
        await send({"type": "websocket.close", "code": 1012})

    async with serving(app, Patient) as server, dialled(server.address) as client:
        await server.shut_down()
        await client.send(handshake(server.address))
        assert (await client.head()).startswith(b"HTTP/1.1 101 ")
        assert (await client.closed())[0] == 1012

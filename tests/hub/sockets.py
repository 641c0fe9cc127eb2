"""WebSocket servers in a thread, whose application is what a test says, and clients to match."""

import asyncio
import queue
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from hub.guarded_http import GuardedHTTP
from hub.guarded_websocket import GuardedWebSocket
from schema.frames import EXTENSION, Frames
from tests.protocol.raw import RawSocket, handshake
from tests.serving import serving_in_a_thread

Application = Callable[[Frames, Receive, Send], Awaitable[None]]


class Told:
    """What the thread of a server tells the test."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.tell = self._queue.put

    async def next(self, seconds: float = 5.0) -> Any:
        """Return what is told next."""
        return await asyncio.to_thread(self._queue.get, timeout=seconds)


class Watched(GuardedWebSocket):
    """The protocol of the hub; each of its connections is told, and when it is lost."""

    made: Told
    lost: Told

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.made.tell(self)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.lost.tell(self)


def watched(*, stalled: float = 30.0, closing: float = 30.0) -> type[Watched]:
    """Return the protocol with this patience, in seconds."""
    attributes = {"stalled_seconds": stalled, "closing_seconds": closing}
    return type("Watched", (Watched,), attributes | {"made": Told(), "lost": Told()})


@contextmanager
def socket_server(
    app: ASGIApp, loop: str, protocol: type[GuardedWebSocket] = GuardedWebSocket, **options: Any
) -> Iterator[str]:
    """Serve an application; yields the address of its sockets."""
    options = {"http": GuardedHTTP, "ws_per_message_deflate": False} | options
    with serving_in_a_thread(app, loop=loop, ws=protocol, **options) as (host, port):
        yield f"ws://{host}:{port}/"


def accepting(application: Application) -> ASGIApp:
    """Return an application that accepts each socket before it does what it does."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await application(scope["extensions"][EXTENSION], receive, send)

    return app


async def until_gone(receive: Receive) -> None:
    """Wait until the client is gone."""
    while (await receive())["type"] != "websocket.disconnect":
        pass


def fill(frames: Frames) -> None:
    """Send what does not fit into what lies between here and a client that does not read."""
    frames.send(b"x" * 10_000_000)
    assert not frames.writable


class Client(RawSocket):
    """A client that reads only what it is asked to."""

    async def read(self, size: int) -> bytes:
        """Return this many bytes, of whatever kind."""
        return await self._read(size)


@asynccontextmanager
async def dialled(address: str) -> AsyncIterator[Client]:
    """Open a connection, and say nothing yet."""
    host, _, port = address.removeprefix("ws://").strip("/").partition(":")
    with socket.socket() as connection:
        # Little fits into it, so that what is not read waits at the server soon.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**14)
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, (host, int(port)))
        yield Client(connection)


@asynccontextmanager
async def unread(address: str) -> AsyncIterator[Client]:
    """Open a socket whose client answers nothing."""
    async with dialled(address) as client:
        await client.send(handshake(address))
        assert (await client.head()).startswith(b"HTTP/1.1 101 ")
        yield client

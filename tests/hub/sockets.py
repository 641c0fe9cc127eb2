"""WebSocket servers in a thread, on either event loop, whose application is what a test says."""

import asyncio
import queue
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from hub.guarded_http import GuardedHTTP
from hub.guarded_websocket import GuardedWebSocket
from schema.frames import EXTENSION, Frames
from tests.serving import serving_in_a_thread

Application = Callable[[Frames, Receive, Send], Awaitable[None]]


class Hasty(GuardedWebSocket):
    """The protocol of the hub, with less patience."""

    stalled_seconds = 0.3
    closing_seconds = 0.3


@contextmanager
def socket_server(
    app: ASGIApp, loop: str, protocol: type[GuardedWebSocket] = Hasty, **options: Any
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


class Told:
    """What the thread of a server tells the test."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.tell = self._queue.put

    async def next(self, seconds: float = 5.0) -> Any:
        """Return what is told next."""
        return await asyncio.to_thread(self._queue.get, timeout=seconds)

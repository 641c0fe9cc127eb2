"""Real servers on the loopback interface, within the test's own event loop or in a thread."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send


@asynccontextmanager
async def serving(app: ASGIApp, **options: Any) -> AsyncIterator[str]:
    """Serve an application on a free port; yields host and port."""
    config = uvicorn.Config(
        app,
        ws="hub.guarded_websocket:GuardedWebSocket",
        ws_max_size=2**22,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        **options,
    )
    server = uvicorn.Server(config)
    # The socket listens before the server runs, so clients need not wait for it.
    listener = socket.create_server(("127.0.0.1", 0))
    # asyncio does so only for sockets that it made; without it every answer takes 40 ms more.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


@contextmanager
def serving_in_a_thread(app: ASGIApp, **configuration: Any) -> Iterator[tuple[str, int]]:
    """Serve an application on a free port, with an event loop of its own; yields host and port."""
    server = uvicorn.Server(
        uvicorn.Config(app, lifespan="off", log_config=None, access_log=False, **configuration)
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield listener.getsockname()
        finally:
            server.should_exit = True
            thread.join()


class Stage:
    """An application whose endpoints a test puts in place, so that one server serves many tests."""

    def __init__(self) -> None:
        self.http: ASGIApp | None = None
        self.websocket: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self.http if scope["type"] == "http" else self.websocket
        assert app is not None, "the test has put no endpoint in place"
        await app(scope, receive, send)

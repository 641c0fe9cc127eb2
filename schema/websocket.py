"""graphql-transport-ws over an ASGI server's WebSockets: the endpoint and its open sockets.

The server offers ready frames (``schema.frames``), and bounds what it takes in before it gets here.
For uvicorn: ``ws="hub.guarded_websocket:GuardedWebSocket"``, ``ws_max_size`` of at least four times
``ProtocolLimits.message_length`` (which counts characters) and ``ws_per_message_deflate=False``.
"""

import asyncio
from collections.abc import Callable, Collection

from starlette.types import Receive, Scope, Send

from resolvers.context import Viewer
from schema.caller import Authenticate, MakeContext
from schema.connections import Connections
from schema.errors import Masking, OnUnexpected
from schema.execution import Executor
from schema.websocket_session import RESTART, Ending, Session, SessionServices, SocketLimits


class GraphQLWebSocketEndpoint:
    """The ASGI application behind the WebSocket address."""

    def __init__(
        self,
        executor: Executor,
        *,
        authenticate: Authenticate,
        make_context: MakeContext,
        on_unexpected: OnUnexpected,
        connections: Connections,
        limits: SocketLimits,
    ) -> None:
        self._services = SessionServices(
            executor, authenticate, make_context, Masking(on_unexpected), connections, limits
        )
        self._sessions: set[Session] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._closed: Ending | None = None

    @property
    def open_sockets(self) -> int:
        """How many sockets are open."""
        return len(self._sessions)

    @property
    def viewers(self) -> Collection[Viewer]:
        """Who is behind the open sockets: one of each that introduced itself."""
        return [session.viewer for session in self._sessions if session.viewer is not None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket until it ends."""
        session = Session(self._services, scope, receive, send)
        if self._closed is not None:
            session.end(self._closed)
        self._sessions.add(session)
        self._empty.clear()
        try:
            await session.run()
        finally:
            self._sessions.discard(session)
            if not self._sessions:
                self._empty.set()

    def forbid(self, concerned: Callable[[Viewer], bool]) -> None:
        """Close the sockets of these viewers with 4403: what let them in holds no more.

        Those whose credentials are being checked right now are included.
        """
        for session in self._sessions:
            session.forbid(concerned)

    async def close_all(self, ending: Ending = RESTART) -> None:
        """End all sockets, and at once those that are still to come.

        Returns when no socket is open.
        """
        self._closed = ending
        for session in self._sessions:
            session.end(self._closed)
        await self._empty.wait()

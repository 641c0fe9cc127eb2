"""One socket: its frames go to the protocol one at a time, and what that says is done."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from typing import cast

from msgspec import Struct
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from resolvers.context import Viewer
from resolvers.errors import HubError, RateLimited
from schema.caller import Authenticate as AuthenticateViewer
from schema.caller import MakeContext, caller_of
from schema.connections import Connections
from schema.errors import Masking
from schema.execution import Executor
from schema.frames import EXTENSION, Frames
from schema.protocol import (
    SUBPROTOCOL,
    Action,
    Authenticate,
    Close,
    CloseCode,
    Connection,
    ProtocolLimits,
    Start,
    Stop,
    Transmit,
)
from schema.results import RequestContext
from schema.shutdown import FINISHING_SECONDS
from schema.socket_outlet import SocketOutlet
from schema.websocket_operations import Operations


class SocketLimits(Struct, frozen=True, kw_only=True):
    """How long a socket may take, in seconds.

    ``initialisation_seconds`` to introduce itself, ``finishing_seconds`` to take the results of its
    mutations when the hub goes down.
    """

    initialisation_seconds: float = 10.0
    finishing_seconds: float = FINISHING_SECONDS
    protocol: ProtocolLimits = ProtocolLimits()


class SessionServices(Struct, frozen=True):
    """What all sockets share."""

    executor: Executor
    authenticate: AuthenticateViewer
    make_context: MakeContext
    masking: Masking
    connections: Connections
    limits: SocketLimits


class Ending(Struct, frozen=True):
    """With what to close a socket, and whether mutations that run are answered before."""

    code: CloseCode
    reason: str
    finish: bool = False


RESTART = Ending(CloseCode.SERVICE_RESTART, "Service restart", finish=True)
"""Clients reconnect on it, as on 1001."""


class Session:
    """One socket, from the handshake to its close.

    Its reader is interrupted by a deadline: that of the introduction at first, then that of the
    viewer's credentials, and at once when the session is told to end.

    Raises RuntimeError where the server has no ``Frames``.
    """

    def __init__(
        self, services: SessionServices, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._services = services
        self._subprotocols: list[str] = scope["subprotocols"]
        self._receive = receive
        self._send = send
        self._frames = _frames_of(scope)
        self._frames.on_shutdown = lambda: self.end(RESTART)
        self._caller = caller_of(scope, Headers(scope=scope))
        self._connection = Connection(services.limits.protocol)
        self._waiting = asyncio.Lock()
        self._deadline = asyncio.timeout(services.limits.initialisation_seconds)
        self._reading = False
        self._ending: Ending | None = None
        self._viewer: Viewer | None = None
        self._forbidden: list[Callable[[Viewer], bool]] = []
        self._operations = Operations(
            services.executor,
            services.masking,
            self._connection,
            self._transmit,
            self._context,
            frames=self._frames,
            counted=self._counted,
        )

    @property
    def viewer(self) -> Viewer | None:
        """Who introduced themselves, if anybody did yet."""
        return self._viewer

    def end(self, ending: Ending) -> None:
        """End the session soon, unless it ends already."""
        if self._ending is None:
            self._ending = ending
            if self._reading and not self._deadline.expired():
                self._deadline.reschedule(0)

    def forbid(self, concerned: Callable[[Viewer], bool]) -> None:
        """End the session if its viewer is concerned, or turns out to be; tell nothing any more."""
        if self._viewer is None:
            self._forbidden.append(concerned)
        elif concerned(self._viewer):
            self.end(Ending(CloseCode.FORBIDDEN, "Forbidden"))
            self._operations.stop_all()

    async def run(self) -> None:
        """Serve the socket until either side ends it."""
        close: Close | None = None
        try:
            close = await self._serve()
        except OSError:
            self._connection.close(CloseCode.GOING_AWAY, "")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is masked and reported
            self._report(error)
            close = self._connection.close(CloseCode.INTERNAL_ERROR, "Internal server error")
        finally:
            try:
                await self._shut(close)
            finally:
                if self._viewer is not None:
                    self._services.connections.leave(self._viewer.user_id)

    async def _serve(self) -> Close | None:
        await self._receive()
        if SUBPROTOCOL not in self._subprotocols:
            # A close code takes an accepted socket; refusing it would be an HTTP error.
            await self._send({"type": "websocket.accept"})
            return self._connection.close(
                CloseCode.SUBPROTOCOL_NOT_ACCEPTABLE, "Subprotocol not acceptable"
            )
        await self._send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
        try:
            async with self._deadline:
                if self._ending is None:
                    self._reading = True
                    return await self._read()
        except TimeoutError:
            if not self._deadline.expired():
                raise
        finally:
            self._reading = False
        if self._ending is None:
            return self._connection.time_out()
        if self._ending.finish:
            await self._operations.finish_mutations(self._services.limits.finishing_seconds)
        return self._connection.close(self._ending.code, self._ending.reason)

    async def _read(self) -> Close | None:
        while (message := await self._receive())["type"] == "websocket.receive":
            text: str | None = message.get("text")
            if text is None:
                return self._connection.receive_binary()
            if close := await self._perform(self._connection.receive(text)):
                return close
        self._connection.close(CloseCode.GOING_AWAY, "")
        return None

    async def _perform(self, action: Action | None) -> Close | None:
        match action:
            case Close():
                return action
            case Transmit():
                await self._transmit(action)
            case Authenticate(authorization):
                return await self._perform(await self._introduce(authorization))
            case Start(operation):
                self._operations.start(operation)
            case Stop(operation):
                self._operations.stop(operation)
        return None

    async def _introduce(self, authorization: str | None) -> Action | None:
        try:
            viewer = await self._services.authenticate(authorization)
        except HubError:
            viewer = None
        except Exception as error:  # noqa: BLE001 - whatever it is, it is masked and reported
            self._report(error)
            return self._connection.close(CloseCode.TRY_AGAIN_LATER, "Try again later")
        if viewer is None or any(concerned(viewer) for concerned in self._forbidden):
            return self._connection.forbid()
        try:
            self._services.connections.enter(viewer.user_id)
        except RateLimited:
            # Clients that know the protocol try again on it, later each time. To acknowledge them
            # first would have them try at once.
            return self._connection.close(CloseCode.TRY_AGAIN_LATER, "Too many connections")
        self._viewer = viewer
        self._forbidden.clear()
        self._deadline.reschedule(_loop_time(viewer.expires_at))
        return self._connection.acknowledge()

    async def _transmit(self, transmit: Transmit) -> None:
        if self._frames.writable:
            self._frames.send(transmit.text)
            # An operation that always has a next result leaves the others their turn.
            await asyncio.sleep(0)
        else:
            # One at a time: each waits until the client has read what the one before it sent.
            async with self._waiting:
                await self._send({"type": "websocket.send", "text": transmit.text.decode()})

    async def _shut(self, close: Close | None) -> None:
        self._operations.stop_all()
        if close is not None:
            message = {"type": "websocket.close", "code": close.code.value, "reason": close.reason}
            # A socket that is gone can't be told.
            with suppress(OSError):
                await self._send(message)
        await self._operations.ended()

    def _context(self, request_id: str, subscriber: SocketOutlet | None = None) -> RequestContext:
        return self._services.make_context(
            viewer=self._viewer,
            request_id=request_id,
            subscriber=subscriber,
            client_address=self._caller.client_address,
            base_url=self._caller.base_url,
        )

    def _counted(self) -> AbstractContextManager[None]:
        # Nobody unknown has got as far as to an operation.
        viewer = cast("Viewer", self._viewer)
        return self._services.connections.operations.of(viewer.user_id)

    def _report(self, error: Exception) -> None:
        self._services.masking.unexpected(error, self._caller.request_id)


def _frames_of(scope: Scope) -> Frames:
    try:
        frames: Frames = scope["extensions"][EXTENSION]
    except KeyError:
        raise RuntimeError(
            "WebSockets need the server's ready frames: serve the hub with `cellhub serve`, or with"
            " `uvicorn --ws hub.guarded_websocket:GuardedWebSocket`."
        ) from None
    return frames


def _loop_time(instant: datetime | None) -> float | None:
    """Return the event loop's time at an instant."""
    if instant is None:
        return None
    seconds = (instant - datetime.now(UTC)).total_seconds()
    return asyncio.get_running_loop().time() + seconds

"""HTTP whose heads are short and come soon, whose answers are read, and which ends in order.

uvicorn leaves that to a proxy in front of it. Without one, a head that never ends would take all
memory, and more and more time with each of its pieces; clients that never send one would keep their
connections for ever, and those that never read an answer the memory that it takes.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hub.guarded_writing import GuardedWriting
from hub.shutdown_notice import ShutdownNotice
from schema.shutdown import EXTENSION, FINISHING_SECONDS


class GuardedHTTP(GuardedWriting, HttpToolsProtocol):
    """uvicorn's protocol, which ends connections of clients that misbehave.

    Their next head is too long or too late, or for a while they read nothing of what waits for
    them. Bytes count until they become a whole head or a part of a body: what trails behind a
    body, or stands between its chunks, is bounded, too; and so are the requests that wait behind
    the one that is answered.

    When the server shuts down, requests that run are answered, within ``finishing_seconds``; and
    so are those that are on their way: a connection is closed when none came for
    ``lingering_seconds``. The application finds ``schema.shutdown.Shutdown`` in its scope.
    """

    longest_head = 2**16
    most_waiting = 100
    head_seconds = 30.0
    lingering_seconds = 0.5
    finishing_seconds = FINISHING_SECONDS

    _unread = 0
    _in_head = True
    _shutting_down = False
    _answering: Any = None
    _deadline: asyncio.TimerHandle | None = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._notice = ShutdownNotice()
        # One that is accepted while the server shuts down is to be told, too.
        self.connections.add(self)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a head."""
        super().connection_made(transport)
        self._expect_head()
        if self._shutting_down:
            self._finish()

    def data_received(self, data: bytes) -> None:
        """Take bytes in, unless they are too many."""
        self._unread += len(data)
        super().data_received(data)
        if self._unread > self.longest_head and not self.transport.is_closing():
            self.send_400_response("The head of the request is too long.")
        elif self._unread and self._in_head and self._deadline is None:
            self._expect_head()

    def on_headers_complete(self) -> None:
        """Note that the head is whole."""
        self._unread = 0
        self._in_head = False
        self._forget_deadline()
        super().on_headers_complete()
        if len(self.pipeline) > self.most_waiting:
            self.cut_off()

    def on_body(self, body: bytes) -> None:
        """Note that a part of the body has come."""
        self._unread = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that the request is whole."""
        self._unread = 0
        self._in_head = True
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self._forget_deadline()
        super().connection_lost(exc)
        # uvicorn tells only the last of several requests that came one behind the other.
        if self._answering is not None and not self._answering.response_complete:
            self._answering.disconnected = True
            self._answering.message_event.set()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over."""
        self._forget_deadline()
        self._look_no_more()
        super().handle_websocket_upgrade()
        if self._shutting_down:
            upgraded: Any = self.transport.get_protocol()
            upgraded.shutdown()

    def shutdown(self) -> None:
        """Answer what is asked, then close."""
        self._shutting_down = True
        if self.transport is not None:
            self._finish()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._answering = cycle
        self._notice = ShutdownNotice(begun=self._shutting_down)
        cycle.scope["extensions"] = {EXTENSION: self._notice}
        if self._shutting_down:
            cycle.keep_alive = False
        super()._start_asgi_task(cycle, app)

    def _finish(self) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(self.finishing_seconds, self.cut_off)
        if self._is_idle():
            loop.call_later(self.lingering_seconds, self._close_if_idle)
        else:
            self.cycle.keep_alive = False
            self._notice.begin()

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _close_if_idle(self) -> None:
        if self._is_idle():
            self.transport.close()

    def _expect_head(self) -> None:
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(self.head_seconds, self.transport.close)

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

"""HTTP whose heads are short and come soon, and whose answers are read.

uvicorn leaves that to a proxy in front of it. Without one, a head that never ends would take all
memory, and more and more time with each of its pieces; clients that never send one would keep their
connections for ever, and those that never read an answer the memory that it takes.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class GuardedHTTP(HttpToolsProtocol):
    """uvicorn's protocol, which ends connections of clients that misbehave.

    Their next head is too long or too late, or for a while they read nothing of what waits for
    them. Bytes count until they become a whole head or a part of a body: what trails behind a
    body, or stands between its chunks, is bounded, too.
    """

    longest_head = 2**16
    head_seconds = 30.0
    stalled_seconds = 30.0

    _unread = 0
    _in_head = True
    _deadline: asyncio.TimerHandle | None = None
    _next_look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a head."""
        super().connection_made(transport)
        self._expect_head()

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

    def on_body(self, body: bytes) -> None:
        """Note that a part of the body has come."""
        self._unread = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that the request is whole."""
        self._unread = 0
        self._in_head = True
        super().on_message_complete()

    def pause_writing(self) -> None:
        """Begin to watch whether the client reads."""
        super().pause_writing()
        self._look_later()

    def resume_writing(self) -> None:
        """Note that the client has read."""
        self._look_no_more()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self._forget_deadline()
        self._look_no_more()
        super().connection_lost(exc)

    def _look_later(self) -> None:
        loop = asyncio.get_running_loop()
        waiting = self.transport.get_write_buffer_size()
        self._next_look = loop.call_later(self.stalled_seconds, self._look, waiting)

    def _look(self, waited: int) -> None:
        if self.transport.get_write_buffer_size() < waited:
            self._look_later()
        else:
            # To close it would wait until the client has read.
            self.transport.abort()

    def _look_no_more(self) -> None:
        if self._next_look is not None:
            self._next_look.cancel()
            self._next_look = None

    def _expect_head(self) -> None:
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(self.head_seconds, self.transport.close)

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

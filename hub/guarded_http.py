"""HTTP whose heads are short and come soon.

uvicorn leaves both to a proxy in front of it. Without one, a head that never ends would take all
memory, and more and more time with each of its pieces; clients that never send one would keep their
connections for ever.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class GuardedHTTP(HttpToolsProtocol):
    """uvicorn's protocol, which ends connections whose next head is too long or too late.

    Bytes count until they become a whole head or a part of a body: what trails behind a body, or
    stands between its chunks, is bounded, too.
    """

    longest_head = 2**16
    head_seconds = 30.0

    _unread = 0
    _in_head = True
    _deadline: asyncio.TimerHandle | None = None

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

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self._forget_deadline()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(self.head_seconds, self.transport.close)

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

"""WebSockets whose clients read, answer, and end; and whose text goes out in ready frames.

uvicorn closes connections of clients that don't, which waits until they have read; for ever, that
is. Here they are cut off.
"""

import asyncio
import logging
import math
from typing import Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame
from websockets.protocol import State

from hub.guarded_writing import GuardedWriting
from hub.logs import SOCKETS
from hub.ready_frames import ReadyFrames
from realtime.mailbox import Mailbox
from schema.frames import EXTENSION

_logger = logging.getLogger(SOCKETS)

_MOST_FRAGMENTS = 1_000
_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class _Inbox(Mailbox[Any]):
    """What waits for the application: as much of an asyncio.Queue as uvicorn uses, in less memory.

    It is bounded by uvicorn: while a message waits, no more are read.
    """

    def __init__(self) -> None:
        super().__init__(limit=math.inf)

    put_nowait = Mailbox.put
    get = Mailbox.__anext__

    def empty(self) -> bool:
        """Tell whether nothing waits."""
        return not self._items


class GuardedWebSocket(GuardedWriting, WebSocketsSansIOProtocol):  # type: ignore[misc]
    """uvicorn's protocol, which ends connections of clients that misbehave.

    A connection that begins to close, whoever began it, is gone ``closing_seconds`` later.

    The application finds ``schema.frames.Frames`` in its scope.
    """

    closing_seconds = 3.0

    _end: asyncio.TimerHandle | None = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.close_timeout = self.closing_seconds
        self.logger = self.conn.logger = _logger
        self.queue = _Inbox()  # type: ignore[assignment]
        self._ready = ReadyFrames(self.cut_off)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of those who wait to write."""
        super().connection_lost(exc)
        if self._end is not None:
            self._end.cancel()
        self._ready.close()
        self._ready.resume()

    def pause_writing(self) -> None:
        """Tell the application that the client does not read."""
        super().pause_writing()
        self._ready.pause()

    def resume_writing(self) -> None:
        """Tell the application that the client has read."""
        super().resume_writing()
        self._ready.resume()

    def data_received(self, data: bytes) -> None:
        """Take bytes in."""
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self._refuse_handshake()
        self._follow()

    def eof_received(self) -> None:
        """Close the connection: a client that says no more is not one that listens."""
        self.transport.close()
        self._follow()

    def shutdown(self) -> None:
        """Have the application end the connection."""
        self.stop_keepalive()
        self._ready.begin()

    async def run_asgi(self) -> None:
        """Run the application, with frames in its scope."""
        extensions: dict[Any, Any] = self.scope["extensions"]
        extensions[EXTENSION] = self._ready
        await super().run_asgi()
        self._follow()

    async def send(self, message: Any) -> None:
        """Send what the application says by ASGI. Raises OSError where the client is gone."""
        if self.close_sent:
            raise ClientDisconnected
        if message["type"] == "websocket.close":
            # A close frame is short, and those who read no more are not waited for.
            self.writable.set()
        await super().send(message)
        if message["type"] == "websocket.accept":
            # Once both have agreed, their headers would only take memory.
            self.request.headers.clear()
            del self.request, self.response
        self._follow()

    def handle_ping(self) -> None:
        """Answer, unless the answer would only wait."""
        if self._ready.writable or self.conn.state is not State.OPEN:
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def handle_cont(self, event: Frame) -> None:
        """Take in a fragment. They are bounded as a whole, but each of them takes memory."""
        super().handle_cont(event)
        if len(self.frames) > _MOST_FRAGMENTS:
            self.frames = [b"".join(self.frames)]

    def send_receive_event_to_app(self) -> None:
        """Hand a whole message over, or end the connection of who says what is no text.

        uvicorn does so, too, but takes it for an error of its own.
        """
        try:
            if self.curr_msg_data_type == "text":
                b"".join(self.frames).decode()
        except UnicodeDecodeError:
            self.conn.fail(CloseCode.INVALID_DATA, "text is not UTF-8")
            self.handle_parser_exception()
        else:
            super().send_receive_event_to_app()

    def send_keepalive_ping(self) -> None:
        """Ask whether the client is there, unless that is being watched."""
        if self._ready.writable:
            super().send_keepalive_ping()
        else:
            self.schedule_ping()

    def keepalive_timeout(self) -> None:
        """Cut the client off, unless its answer may wait for the application to take the rest."""
        self.pong_timer = None
        if self.read_paused:
            self.schedule_ping()
        else:
            self.cut_off()

    def _refuse_handshake(self) -> None:
        """Answer a request that uvicorn would leave open, for ever and without an answer."""
        self.handshake_initiated = self.handshake_complete = self.close_sent = True
        self.transport.write(b"".join(self.conn.data_to_send()) or _BAD_REQUEST)
        self.transport.close()

    def _follow(self) -> None:
        """Let frames out while the connection is open, and have it end soon once it closes."""
        if self.disconnected:
            return
        if self.conn.state > State.OPEN or self.transport.is_closing():
            self._ready.close()
            if self._end is None:
                self._end = self.loop.call_later(self.closing_seconds, self.cut_off)
        elif self.conn.state is State.OPEN:
            self._ready.open(self.transport)

"""Writing to clients that may not read."""

import asyncio
import socket
import struct

_LOOKS = 6
_RESET = struct.pack("ii", 1, 0)


class GuardedWriting(asyncio.Protocol):
    """Stands before a protocol of uvicorn's, and cuts off clients that do not read.

    The system is given ``unsent_bytes`` that are not on their way yet, and little more: so a slow
    client takes little memory, and what it is sent is as new as can be. The rest waits here, and is
    watched from its first byte on: who takes nothing of it for ``stalled_seconds``, or for a sixth
    less, is cut off.
    """

    stalled_seconds = 30.0
    unsent_bytes = 2**15
    transport: asyncio.Transport

    _lost = False
    _waited = 0
    _in_vain = 0
    _next_look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Have little wait, and be told as soon as anything does."""
        super().connection_made(transport)
        connection: socket.socket = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, self.unsent_bytes)
        transport.set_write_buffer_limits(high=0)
        if transport.get_write_buffer_size():
            # It is taken over from another protocol, which was told already.
            self.pause_writing()

    def pause_writing(self) -> None:
        """Begin to watch whether the client reads."""
        super().pause_writing()
        self._look_no_more()
        self._in_vain = 0
        self._look_later()

    def resume_writing(self) -> None:
        """Note that the client has read everything."""
        self._look_no_more()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self._lost = True
        self._look_no_more()
        super().connection_lost(exc)

    def cut_off(self) -> None:
        """End the connection at once: to close it would wait until the client has read."""
        if not self._lost:
            connection: socket.socket = self.transport.get_extra_info("socket")
            # Or the system would keep what it has not sent yet, for minutes.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.transport.abort()

    def _look_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._waited = self.transport.get_write_buffer_size()
        self._next_look = loop.call_later(self.stalled_seconds / _LOOKS, self._look)

    def _look(self) -> None:
        reads = self.transport.get_write_buffer_size() < self._waited
        self._in_vain = 0 if reads else self._in_vain + 1
        if self._in_vain < _LOOKS - 1:
            self._look_later()
        else:
            self.cut_off()

    def _look_no_more(self) -> None:
        if self._next_look is not None:
            self._next_look.cancel()
            self._next_look = None

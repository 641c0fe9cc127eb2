"""Text frames that are ready to send, below ASGI and without waiting."""

import asyncio
import struct
from collections.abc import Callable, Sequence

from hub.shutdown_notice import ShutdownNotice, nothing

_FINAL_TEXT = 0x81
_LONGEST_OF_7_BITS = 125
_LONGEST_OF_16_BITS = 2**16 - 1


def _head(length: int) -> bytes:
    if length <= _LONGEST_OF_7_BITS:
        return bytes((_FINAL_TEXT, length))
    if length <= _LONGEST_OF_16_BITS:
        return struct.pack("!BBH", _FINAL_TEXT, 126, length)
    return struct.pack("!BBQ", _FINAL_TEXT, 127, length)


# Most frames are short, and to look a head up takes a third of the time to make it.
_HEADS = tuple(map(_head, range(2**12)))
_KNOWN = len(_HEADS)


class ReadyFrames(ShutdownNotice):
    """The ``Frames`` of a connection (``schema.frames``). Its protocol opens and closes it."""

    __slots__ = ("_write", "abort", "on_writable", "writable")

    def __init__(self, abort: Callable[[], None]) -> None:
        super().__init__()
        self.abort = abort
        self.writable = True
        self.on_writable = nothing
        self._write: Callable[[bytes], None] = _forget

    def send(self, text: bytes) -> None:
        """Send a text frame of this UTF-8 at once, or keep it until the client reads.

        Does nothing before the handshake is complete and after the close has begun.
        """
        length = len(text)
        self._write((_HEADS[length] if length < _KNOWN else _head(length)) + text)

    def send_all(self, texts: Sequence[bytes]) -> None:
        """Send several text frames as one piece: what costs is each write."""
        self._write(b"".join([part for text in texts for part in (_head(len(text)), text)]))

    def open(self, transport: asyncio.WriteTransport) -> None:
        """Let frames out."""
        self._write = transport.write

    def close(self) -> None:
        """Forget what is sent from now on."""
        self._write = _forget

    def pause(self) -> None:
        """Note that something waits for the client."""
        self.writable = False

    def resume(self) -> None:
        """Note that nothing waits for the client any more."""
        if not self.writable:
            self.writable = True
            self.on_writable()


def _forget(_frame: bytes) -> None:
    """Forget a frame."""

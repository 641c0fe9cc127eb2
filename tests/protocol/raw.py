"""WebSocket frames made by hand, for what no library would send."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import IntEnum
from typing import NamedTuple

from tests.protocol.client import SUBPROTOCOL

MASK = b"\x37\xfa\x21\x3d"
ACK = b'{"type":"connection_ack"}'


def introduction(token: str) -> bytes:
    """Return the message with which somebody introduces themselves."""
    return b'{"type":"connection_init","payload":{"Authorization":"Bearer %b"}}' % token.encode()


INIT = introduction("ada")


class Opcode(IntEnum):
    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


class Frame(NamedTuple):
    """What the server sent: never masked, never in parts."""

    opcode: Opcode
    payload: bytes


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    masked: bool = True,
    length_bytes: int | None = None,
    announced: int | None = None,
) -> bytes:
    """Encode a client's frame.

    ``rsv`` holds the three reserved bits; ``length_bytes`` (0, 2 or 8) says where the length is
    written, however short it is, and ``announced`` what is written there.
    """
    length = len(payload) if announced is None else announced
    if length_bytes is None:
        length_bytes = 0 if length < 126 else 2 if length < 2**16 else 8
    short = {0: length, 2: 126, 8: 127}[length_bytes]
    extended = {0: b"", 2: struct.pack("!H", length & 0xFFFF), 8: struct.pack("!Q", length)}
    head = bytes([fin << 7 | rsv << 4 | opcode, masked << 7 | short]) + extended[length_bytes]
    if not masked:
        return head + payload
    return head + MASK + bytes(byte ^ MASK[i % 4] for i, byte in enumerate(payload))


def close_frame(code: int, reason: bytes = b"") -> bytes:
    """Encode a close frame that tells this."""
    return frame(Opcode.CLOSE, struct.pack("!H", code) + reason)


def handshake(address: str, **changed: str | None) -> bytes:
    """Encode the request of an upgrade; keywords replace headers (``_`` is ``-``), None drops."""
    host, _, path = address.removeprefix("ws://").partition("/")
    headers: dict[str, str | None] = {
        "host": host,
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        "sec-websocket-protocol": SUBPROTOCOL,
    }
    headers |= {name.replace("_", "-"): value for name, value in changed.items()}
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return "\r\n".join([f"GET /{path} HTTP/1.1", *lines, "", ""]).encode("latin-1")


class RawSocket:
    """A TCP connection that speaks WebSocket as badly as it is told to.

    What has come can be read even where the server has cut the connection off since.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._came = bytearray()

    async def send(self, data: bytes) -> None:
        await self._loop.sock_sendall(self._connection, data)

    async def say(self, text: str) -> None:
        """Send a text frame as it should be."""
        await self.send(frame(Opcode.TEXT, text.encode()))

    def send_eof(self) -> None:
        """Send nothing more."""
        self._connection.shutdown(socket.SHUT_WR)

    def abort(self) -> None:
        """Be gone, as one whose process was killed."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._connection.close()

    async def head(self) -> bytes:
        """Return the head of the answer to the handshake."""
        while (end := self._came.find(b"\r\n\r\n")) < 0:
            await self._receive()
        return self._take(end + 4)

    async def rest(self) -> bytes:
        """Return what else comes before the server closes."""
        with suppress(EOFError):
            while True:
                await self._receive()
        return self._take(len(self._came))

    async def hear(self) -> Frame:
        """Return the next frame; raises EOFError where the server has closed."""
        first, length = await self._read(2)
        assert first & 0xF0 == 0x80, "whole frames without extensions"
        if length == 126:
            (length,) = struct.unpack("!H", await self._read(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", await self._read(8))
        assert length < 2**32, "servers do not mask"
        return Frame(Opcode(first & 0x0F), await self._read(length))

    async def closed(self) -> tuple[int | None, str]:
        """Answer the close frame and wait for the end.

        Returns what the frame told: 1005 where that was nothing, None where there was no frame.
        """
        told: tuple[int | None, str] = None, ""
        with suppress(EOFError, ConnectionError):
            while (frame := await self.hear()).opcode is not Opcode.CLOSE:
                pass
            told = _told(frame.payload)
            await self.send(close_frame(1000))
            assert await self.rest() == b"", "nothing follows a close frame"
        return told

    async def _read(self, size: int) -> bytes:
        while len(self._came) < size:
            await self._receive()
        return self._take(size)

    async def _receive(self) -> None:
        data = await self._loop.sock_recv(self._connection, 2**16)
        if not data:
            raise EOFError
        self._came += data

    def _take(self, size: int) -> bytes:
        data = bytes(self._came[:size])
        del self._came[:size]
        return data


def _told(payload: bytes) -> tuple[int, str]:
    if not payload:
        return 1005, ""
    (code,) = struct.unpack("!H", payload[:2])
    return code, payload[2:].decode()


@asynccontextmanager
async def dial(address: str) -> AsyncIterator[RawSocket]:
    """Open a TCP connection to the server of this WebSocket address, and say nothing yet."""
    host, port = address.removeprefix("ws://").partition("/")[0].split(":")
    connection = socket.socket()
    connection.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(connection, (host, int(port)))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield RawSocket(connection)
    finally:
        connection.close()


@asynccontextmanager
async def raw_connection(address: str, token: str | None = "ada") -> AsyncIterator[RawSocket]:
    """Open a socket; with a token, its connection is acknowledged already."""
    async with dial(address) as socket:
        await socket.send(handshake(address))
        assert (await socket.head()).startswith(b"HTTP/1.1 101 ")
        if token is not None:
            await socket.send(frame(Opcode.TEXT, introduction(token)))
            assert await socket.hear() == (Opcode.TEXT, ACK)
        yield socket

"""As much of the WebSocket protocol (RFC 6455) as counting clients and the bare server speak."""

import base64
import hashlib
from collections.abc import Iterator

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
SUBPROTOCOL = "graphql-transport-ws"
_FINAL, _MASKED = 0x80, 0x80
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def request(host: str, key: str) -> bytes:
    """Return the handshake of a client; compression is not asked for."""
    lines = (
        "GET /graphql HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Protocol: {SUBPROTOCOL}",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def acceptance(key: bytes) -> bytes:
    """Return a server's answer to the handshake with this key."""
    digest = base64.b64encode(hashlib.sha1(key + _MAGIC).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + digest + b"\r\n"
        b"Sec-WebSocket-Protocol: " + SUBPROTOCOL.encode() + b"\r\n\r\n"
    )


def frame(payload: bytes, opcode: int = TEXT, *, masked: bool = False) -> bytes:
    """Return a message of less than 64 KiB in one frame, as a server or (masked) a client sends it.

    The mask is zero, which is one like any other and leaves the payload as it is.
    """
    size, mask = len(payload), _MASKED if masked else 0
    if size < 126:
        head = bytes((_FINAL | opcode, mask | size))
    else:
        head = bytes((_FINAL | opcode, mask | 126)) + size.to_bytes(2, "big")
    return head + (bytes(4) if masked else b"") + payload


def frames(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield opcode, begin and end of the payload of each frame that is there as a whole."""
    position, length = 0, len(data)
    while position + 2 <= length:
        begin, size = position + 2, data[position + 1] & ~_MASKED
        if size >= 126:
            width = 2 if size == 126 else 8
            size = int.from_bytes(data[begin : begin + width], "big")
            begin += width
        if data[position + 1] & _MASKED:
            begin += 4
        # A length that is cut off makes begin exceed what is there, too.
        if begin > length or begin + size > length:
            return
        yield data[position] & 0x0F, begin, begin + size
        position = begin + size

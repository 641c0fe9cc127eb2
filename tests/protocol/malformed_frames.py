"""Bytes that are no frames of a WebSocket (RFC 6455), and odd ones that are."""

from typing import NamedTuple

from tests.protocol.raw import Opcode, close_frame, frame

PING = b'{"type":"ping"}'
MOST_BYTES = 2**22
"""The longest message that the server takes in."""


class Bad(NamedTuple):
    """What a client sends, and the code of the close frame that answers it."""

    data: bytes
    code: int


def _text(payload: bytes = PING, **shape: int | bool) -> bytes:
    return frame(Opcode.TEXT, payload, **shape)  # type: ignore[arg-type]


def _rest(payload: bytes = b"", **shape: int | bool) -> bytes:
    return frame(Opcode.CONTINUATION, payload, **shape)  # type: ignore[arg-type]


BAD_FRAMES: dict[str, Bad] = {
    "unmasked": Bad(_text(masked=False), 1002),
    "unmasked and empty": Bad(_text(b"", masked=False), 1002),
    "unmasked close": Bad(frame(Opcode.CLOSE, masked=False), 1002),
    **{f"reserved bits {bits:03b}": Bad(_text(rsv=bits), 1002) for bits in range(1, 8)},
    "reserved bits of a ping": Bad(frame(Opcode.PING, rsv=4), 1002),
    **{f"opcode {code}": Bad(frame(code, PING), 1002) for code in (*range(3, 8), *range(11, 16))},
    "ping of 126 bytes": Bad(frame(Opcode.PING, b"x" * 126), 1002),
    "pong of 126 bytes": Bad(frame(Opcode.PONG, b"x" * 126), 1002),
    "ping that announces 2^63 bytes": Bad(frame(Opcode.PING, announced=2**63), 1009),
    "ping in parts": Bad(frame(Opcode.PING, b"x", fin=False), 1002),
    "close in parts": Bad(frame(Opcode.CLOSE, b"", fin=False), 1002),
    "close of 126 bytes": Bad(close_frame(1000, b"x" * 124), 1002),
    "close of half a code": Bad(frame(Opcode.CLOSE, b"\x03"), 1002),
    **{
        f"close with {code}": Bad(close_frame(code), 1002)
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535)
    },
    "close whose reason is no UTF-8": Bad(close_frame(1000, b"\xff"), 1007),
    "close within a message": Bad(_text(b"{", fin=False) + close_frame(1000), 1002),
    "rest of nothing": Bad(_rest(PING), 1002),
    "rest of a whole message": Bad(_text() + _rest(PING), 1002),
    "message within a message": Bad(_text(b"{", fin=False) + _text(), 1002),
    "binary within a message": Bad(_text(b"{", fin=False) + frame(Opcode.BINARY, b"}"), 1002),
    "good one before, in one packet": Bad(_text() + frame(3), 1002),
    "HTTP": Bad(b"GET /graphql HTTP/1.1\r\nhost: hub\r\n\r\n", 1002),
    "TLS": Bad(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 1002),
    "zeros": Bad(bytes(64), 1002),
    "text that is no UTF-8": Bad(_text(b"\xff\xfe"), 1007),
    "half a character": Bad(_text(b'"\xe2\x82'), 1007),
    "half a character, then nothing": Bad(_text(b'"\xe2', fin=False) + _rest(b"\x82"), 1007),
    "slash written too long": Bad(_text(b'"\xc0\xaf"'), 1007),
    "half of a pair": Bad(_text(b'"\xed\xa0\xbd"'), 1007),
    "character behind the last": Bad(_text(b'"\xf4\x90\x80\x80"'), 1007),
    "no UTF-8, then a close": Bad(_text(b"\xff") + close_frame(1000), 1000),
    "no UTF-8 twice": Bad(_text(b"\xff") * 2, 1007),
    "one byte too many": Bad(_text(announced=MOST_BYTES + 1), 1009),
    "2^62 bytes": Bad(_text(announced=2**62), 1009),
    "2^64 - 1 bytes": Bad(_text(announced=2**64 - 1), 1009),
    "one byte too many, in parts": Bad(
        _text(b" " * (MOST_BYTES // 2), fin=False)
        + _rest(b" " * (MOST_BYTES // 2), fin=False)
        + _rest(b" "),
        1009,
    ),
    "binary of one byte too many": Bad(frame(Opcode.BINARY, announced=MOST_BYTES + 1), 1009),
    "more characters than a message may have": Bad(_text(b" " * (2**20 + 1)), 1009),
}
"""Frames, each of which ends the connection."""

GOOD_PINGS: dict[str, bytes] = {
    "in one frame": _text(),
    "in two": _text(PING[:4], fin=False) + _rest(PING[4:]),
    "in one for each byte": _text(b"", fin=False)
    + b"".join(_rest(bytes([byte]), fin=False) for byte in PING)
    + _rest(),
    "with empty ones between": _text(PING[:4], fin=False)
    + _rest(fin=False) * 2_500
    + _rest(PING[4:]),
    "with control frames between": _text(PING[:4], fin=False)
    + frame(Opcode.PONG, b"?")
    + _rest(PING[4:8], fin=False)
    + frame(Opcode.PONG)
    + _rest(PING[8:]),
    "with a length written too long": _text(length_bytes=8),
    "after pongs nobody asked for": frame(Opcode.PONG) + frame(Opcode.PONG, b"x" * 125) + _text(),
    "as long as may be": _text(PING + b" " * (2**20 - len(PING))),
}
"""Frames that carry one ping of graphql-transport-ws."""

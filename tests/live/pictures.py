"""Small real pictures."""

import struct
import zlib
from random import Random


def png(shade: int = 0, *, side: int = 1) -> bytes:
    """Return a grey PNG of one shade."""
    return _png((b"\0" + bytes([shade % 256]) * side) * side, side)


def png_of_noise(seed: int, *, side: int) -> bytes:
    """Return a grey PNG that can't be compressed: a byte for each pixel."""
    noise = Random(seed)
    return _png(b"".join(b"\0" + noise.randbytes(side) for _ in range(side)), side)


def _png(rows: bytes, side: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )

"""A ZIP file that is sent while it is made. The standard library's, written to where it flows off.

It begins to write directories in the 64-bit form by itself where they need it.
"""

import os
import zipfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from resolvers.exports.threads import in_thread

_PIECE_BYTES = 2**18
_MODE = 0o100644 << 16
_FIRST_YEAR, _LAST_YEAR = 1980, 2107


class _Outflow:
    """Something to write to that can't be sought in: bytes wait here until they are taken."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._waiting.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        pass

    def take(self) -> bytes:
        taken, self._waiting = b"".join(self._waiting), []
        return taken


Send = Callable[[bytes], Awaitable[None]]
"""Takes bytes on; returns when it has room for more."""


class ZipStream:
    """Entries one behind the other, handed to ``send`` as they are made."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._outflow = _Outflow()
        self._zip = zipfile.ZipFile(self._outflow, "w", zipfile.ZIP_DEFLATED)  # type: ignore[call-overload]

    @contextmanager
    def entry(self, name: str, modified: datetime, size: int | None = None) -> Iterator[IO[bytes]]:
        """Add an entry, by writing to what is yielded; its size may be unknown."""
        at = modified.astimezone(UTC)
        year = min(max(at.year, _FIRST_YEAR), _LAST_YEAR)
        info = zipfile.ZipInfo(name, (year, at.month, at.day, at.hour, at.minute, at.second))
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = _MODE
        info.file_size = size or 0
        with self._zip.open(info, "w", force_zip64=size is None) as file:
            yield file

    async def add(self, name: str, modified: datetime, path: Path) -> None:
        """Add a file."""
        with path.open("rb") as source:
            size = os.fstat(source.fileno()).st_size
            with self.entry(name, modified, size) as entry:
                await self.copy(source, entry)

    async def copy(self, source: IO[bytes], target: IO[bytes]) -> None:
        """Write the rest of a file to an entry, or to another file, piece by piece."""

        def step() -> bool:
            piece = source.read(_PIECE_BYTES)
            target.write(piece)
            return bool(piece)

        while await in_thread(step):
            await self._flow()

    async def end(self) -> None:
        """Write the directory."""
        await in_thread(self._zip.close)
        await self._flow()

    async def _flow(self) -> None:
        if taken := self._outflow.take():
            await self._send(taken)

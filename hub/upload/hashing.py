"""Checksums of many files, read ahead in threads."""

import asyncio
import hashlib
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable
from pathlib import Path

from msgspec import Struct

from hub.upload.files import LocalFile

_BLOCK = 1 << 20
_AHEAD = 4


class HashedFile(Struct, frozen=True):
    """A file and the SHA-256 of its content, in hex."""

    file: LocalFile
    checksum: str


class _Interrupted(Exception):
    """Nobody wants to know any more."""


async def hashed(
    files: Iterable[LocalFile], on_unreadable: Callable[[LocalFile, OSError], None]
) -> AsyncGenerator[HashedFile, None]:
    """Yield the files with their checksums, in their order, but for those that can't be read."""
    interrupted = threading.Event()
    left = iter(files)
    ahead: deque[tuple[LocalFile, asyncio.Task[str]]] = deque()

    def look_ahead() -> None:
        for file in left:
            hashing = asyncio.to_thread(_checksum, file.path, interrupted)
            ahead.append((file, asyncio.create_task(hashing)))
            if len(ahead) >= _AHEAD:
                return

    try:
        look_ahead()
        while ahead:
            file, task = ahead.popleft()
            try:
                found = HashedFile(file, await task)
            except OSError as error:
                on_unreadable(file, error)
            else:
                yield found
            look_ahead()
    finally:
        interrupted.set()
        for _, task in ahead:
            task.cancel()
        await asyncio.gather(*(task for _, task in ahead), return_exceptions=True)


def _checksum(path: Path, interrupted: threading.Event) -> str:
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            if interrupted.is_set():
                raise _Interrupted
            digest.update(block)
    return digest.hexdigest()

"""What goes to the hub in one call, and what its answer says of each file."""

import hashlib
from collections import deque
from collections.abc import Sequence
from enum import Enum

from msgspec import Struct

from client.images import Uploaded, sent_name
from hub.upload.files import LocalFile
from hub.upload.hashing import HashedFile


class BatchLimits(Struct, frozen=True, kw_only=True):
    """How much goes in one call; a file that is larger goes alone. ``size`` is in bytes."""

    files: int = 16
    size: int = 64 * 2**20


class Fate(Enum):
    """What became of a file."""

    STORED = "stored"
    PRESENT = "already there"
    REJECTED = "rejected"
    UNSENT = "not sent"


class Outcome(Struct, frozen=True):
    """What became of a file, and why, where it was not stored."""

    fate: Fate
    code: str = ""
    message: str = ""


class Batch:
    """Files that are collected for one call."""

    def __init__(self, limits: BatchLimits) -> None:
        self._limits = limits
        self._size = 0
        self.files: list[HashedFile] = []

    def has_room(self, file: LocalFile) -> bool:
        """Tell whether the file may go with the others."""
        return not self.files or (
            len(self.files) < self._limits.files and self._size + file.size <= self._limits.size
        )

    def add(self, file: HashedFile) -> None:
        """Take the file along."""
        self.files.append(file)
        self._size += file.file.size


def upload_id(project_id: str, files: Sequence[HashedFile]) -> str:
    """Return an id that the same files get again, so that the hub knows a call that is repeated."""
    digest = hashlib.sha256(project_id.encode())
    for file in files:
        digest.update(f"\n{file.checksum} {sent_name(file.file.path)}".encode())
    return digest.hexdigest()


def outcomes(files: Sequence[HashedFile], uploaded: Uploaded) -> list[Outcome | None]:
    """Tell the files' outcomes from an answer; None for one that was stored, and deleted since."""
    images, rejected = deque(uploaded.images), deque(uploaded.rejected)
    # A file that changed while it was being sent has an image with another checksum.
    changed = len(images) + len(rejected) == len(files)
    found: list[Outcome | None] = []
    for file in files:
        if images and images[0].checksum == file.checksum:
            images.popleft()
            found.append(Outcome(Fate.STORED))
        elif rejected and rejected[0].name == sent_name(file.file.path):
            rejection = rejected.popleft()
            found.append(Outcome(Fate.REJECTED, rejection.code, rejection.message))
        elif images and changed:
            images.popleft()
            found.append(Outcome(Fate.STORED))
        else:
            found.append(None)
    return found

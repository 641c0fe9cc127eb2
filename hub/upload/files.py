"""Files of this machine: which ones are meant."""

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct


class LocalFile(Struct, frozen=True):
    """A file that can be sent. ``size`` is in bytes."""

    path: Path
    size: int


class Unreadable(Struct, frozen=True):
    """A file or folder that can't be read, and why."""

    path: Path
    reason: str


def find(paths: Iterable[Path]) -> Iterator[LocalFile | Unreadable]:
    """Yield the files named, and those of the folders named, in order of their names.

    In folders, hidden files and folders are passed over, and so is what is neither; links are
    followed, but into no folder twice, so that loops end. Raises OSError for a path that is not
    there.
    """
    visited: set[tuple[int, int]] = set()
    for path in paths:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            visited.add(_identity(found))
            yield from _walk(path, visited)
        else:
            yield LocalFile(path, found.st_size)


def _walk(top: Path, visited: set[tuple[int, int]]) -> Iterator[LocalFile | Unreadable]:
    problems: list[OSError] = []
    for folder, folders, names in os.walk(top, onerror=problems.append, followlinks=True):
        yield from (_unreadable(Path(problem.filename), problem) for problem in problems)
        problems.clear()
        base = Path(folder)
        # What is left in the list is where os.walk goes next.
        folders[:] = [name for name in _shown(folders) if _is_new(base / name, visited)]
        for name in _shown(names):
            yield from _file(base / name)
    yield from (_unreadable(Path(problem.filename), problem) for problem in problems)


def _file(path: Path) -> Iterator[LocalFile | Unreadable]:
    try:
        found = path.stat()
    except OSError as error:
        if error.errno != errno.ELOOP:
            yield _unreadable(path, error)
        return
    if stat.S_ISREG(found.st_mode):
        yield LocalFile(path, found.st_size)


def _shown(names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if not name.startswith("."))


def _is_new(folder: Path, visited: set[tuple[int, int]]) -> bool:
    try:
        identity = _identity(folder.stat())
    except OSError:
        return True  # os.walk will say what is wrong with it
    if identity in visited:
        return False
    visited.add(identity)
    return True


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def _unreadable(path: Path, error: OSError) -> Unreadable:
    return Unreadable(path, error.strerror or str(error))

"""A PostgreSQL server as seen from outside: its process, its pid file, the folder of its socket."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

_SOCKET = ".s.PGSQL.5432"
_SOCKET_PATH_LIMIT = 100
_SHORT_PREFIX = "cellhub-"


class Postmaster(NamedTuple):
    """What postmaster.pid in a data directory tells of its server, or of one that crashed."""

    pid: int
    socket_folder: Path
    ready: bool

    @classmethod
    def read(cls, data: Path) -> "Postmaster | None":
        """Return what the file says; None if there is no file, as after a clean end."""
        try:
            lines = (data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return None
        try:
            return cls(int(lines[0]), Path(lines[4]), lines[7].strip() == "ready")
        except (IndexError, ValueError):
            # The server writes the file bit by bit.
            pid = int(lines[0]) if lines and lines[0].isdigit() else 0
            return cls(pid, data, ready=False)

    def serves(self, data: Path) -> bool:
        """Tell whether the process is there, and is the server of this very directory."""
        # Its command line tells, which anybody may read; its working directory would need more.
        try:
            return self.pid > 0 and str(data) in psutil.Process(self.pid).cmdline()
        except psutil.Error:
            return False


def runs(pid: int) -> bool:
    """Tell whether there is such a process, other than one that has ended but isn't reaped."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def make_socket_folder(data: Path) -> Path:
    """Return the data directory itself, or a new temporary folder if its path is too long."""
    if len(os.fsencode(data / _SOCKET)) <= _SOCKET_PATH_LIMIT:
        return data
    usual = tempfile.gettempdir()
    room = len(f"/{_SHORT_PREFIX}12345678/{_SOCKET}")
    short = usual if len(os.fsencode(usual)) + room <= _SOCKET_PATH_LIMIT else "/tmp"  # noqa: S108
    return Path(tempfile.mkdtemp(prefix=_SHORT_PREFIX, dir=short))


def remove_socket_folder(folder: Path, data: Path) -> None:
    """Remove what ``make_socket_folder`` made, after the server's end."""
    if folder == data or not folder.name.startswith(_SHORT_PREFIX):
        return
    with suppress(OSError):
        for name in (_SOCKET, f"{_SOCKET}.lock"):
            (folder / name).unlink(missing_ok=True)
        folder.rmdir()

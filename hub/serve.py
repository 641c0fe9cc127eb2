"""Serving: a socket, a prepared and migrated hub, and uvicorn with one process or several."""

import asyncio
import gc
import multiprocessing
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack
from multiprocessing.connection import wait
from types import FrameType

from starlette.types import ASGIApp
from uvicorn import Config, Server
from uvicorn.config import STARTUP_FAILURE
from uvicorn.importer import import_from_string

from hub import allocator, logs, metrics, worker_key
from hub.guarded_http import GuardedHTTP
from hub.guarded_websocket import GuardedWebSocket
from hub.local_worker import LocalWorker
from hub.preparation import prepared
from hub.settings import Settings
from hub.supervisor import Supervisor
from persistence.migrate import MigrationError, upgrade
from schema.protocol import ProtocolLimits
from schema.shutdown import FINISHING_SECONDS

# When the hub is told to end, what runs is finished, then sockets close. What still runs is given
# up by the database, then by the server, and the services close; in the end a process is killed.
_SHUTDOWN_SECONDS = round(FINISHING_SECONDS + GuardedWebSocket.closing_seconds) + 5
_ENDING_SECONDS = _SHUTDOWN_SECONDS + 10
_WORKER_SECONDS = 10
_NOT_STARTED = "The application did not start; the log tells why."


class ServeError(Exception):
    """The hub can't serve; the message says why, in one line."""


def serve(
    settings: Settings, *, host: str, port: int, workers: int, local_worker: bool = False
) -> None:
    """Serve until SIGINT or SIGTERM. Port 0 takes a free one; the line printed tells which.

    With ``local_worker`` a segmentation worker runs beside the hub.

    Raises ``ServeError``, ``SettingsError`` and ``EmbeddedPostgresError``.
    """
    with ExitStack() as stack:
        listening = stack.enter_context(_listen(host, port))
        ready = stack.enter_context(prepared(settings, workers=workers))
        _migrate(ready)
        # The processes that serve are told by their environment.
        os.environ.update(ready.environment())
        if workers > 1:
            shared = tempfile.TemporaryDirectory(prefix="cellhub-metrics-")
            os.environ[metrics.SHARED_FOLDER] = stack.enter_context(shared)
        port = listening.getsockname()[1]
        worker = stack.enter_context(_local_worker(ready, host, port))
        run = _runner(_configuration(ready, workers), listening, worker.end)
        address = ready.public_url or f"http://{_written(host)}:{port}"
        print(f"Cell Segmentation Hub: {address}, data in {ready.data_dir}", flush=True)  # noqa: T201
        if local_worker:
            worker.start()
        run()


def application() -> ASGIApp:
    """Build the application from the environment, as each process that serves does."""
    allocator.give_back()
    _end_with_the_parent()
    create_app = import_from_string("hub.app:create_app")
    app: ASGIApp = create_app(Settings.load(), on_started=_freeze)
    return app


def _freeze() -> None:
    """Have the garbage collector look at what is there no more: it stays until the end.

    Each full collection would hold up everybody for as long as that takes.
    """
    gc.collect()
    gc.freeze()


def _migrate(settings: Settings) -> None:
    try:
        asyncio.run(upgrade(settings.database_url))
    except MigrationError as error:
        raise ServeError(str(error)) from error


def _local_worker(settings: Settings, host: str, port: int) -> LocalWorker:
    name = f"local worker of {socket.gethostname()}, port {port}"

    async def fresh_key() -> str:
        await worker_key.withdraw(settings, name)
        return await worker_key.create(settings, name)

    reached = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return LocalWorker(f"http://{_written(reached)}:{port}", lambda: asyncio.run(fresh_key()))


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (")[0]
        raise ServeError(f"Can't listen on {host}, port {port}: {reason}.") from error


def _written(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _configuration(settings: Settings, workers: int) -> Config:
    return Config(
        "hub.serve:application",
        factory=True,
        workers=workers,
        loop="uvloop",
        http=GuardedHTTP,
        ws=GuardedWebSocket,
        # Deflating costs 36 KiB a connection, and 40 % more CPU a message.
        ws_per_message_deflate=False,
        # Together as long as a client may read nothing.
        ws_ping_interval=20.0,
        ws_ping_timeout=10.0,
        # Bytes, of which a character takes up to four.
        ws_max_size=4 * ProtocolLimits().message_length,
        lifespan="on",
        log_config=logs.configuration(settings.log_level, settings.log_format),
        access_log=settings.log_level == "DEBUG",
        server_header=False,
        forwarded_allow_ips=settings.forwarded_allow_ips,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        # A worker that is loading on a busy machine is not one that hangs.
        timeout_worker_healthcheck=_WORKER_SECONDS,
    )


class _Server(Server):
    """uvicorn's, which has something done between the first signal and its end.

    A second signal has it end at once.
    """

    def __init__(self, config: Config, before_end: Callable[[], None]) -> None:
        super().__init__(config)
        self._before_end = before_end
        self._farewell: threading.Thread | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End, soon."""
        if self._farewell is not None:
            super().handle_exit(sig, frame)
            return

        def end() -> None:
            # Served meanwhile: this thread is not the loop's.
            self._before_end()
            super(_Server, self).handle_exit(sig, frame)

        self._farewell = threading.Thread(target=end, daemon=True)
        self._farewell.start()


def _runner(
    config: Config, listening: socket.socket, before_end: Callable[[], None]
) -> Callable[[], None]:
    """Return what serves until a signal comes, and then ends after ``before_end``.

    Signals are noted from here on. Raised as exceptions they may be lost, in an import or a
    finalizer, and from now on somebody may know that the hub is there.
    """
    if config.workers > 1:
        supervisor = Supervisor(
            config, [listening], ending_seconds=_ENDING_SECONDS, before_end=before_end
        )
        return lambda: _supervise(supervisor)
    server = _Server(config, before_end)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # What nohup has ignored stays so.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, server.handle_exit)
    return lambda: _serve(server, listening)


def _serve(server: Server, listening: socket.socket) -> None:
    try:
        server.run(sockets=[listening])
    except SystemExit as error:
        raise ServeError(_NOT_STARTED) from error


def _supervise(supervisor: Supervisor) -> None:
    supervisor.run()
    if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes):
        raise ServeError(_NOT_STARTED)


def _end_with_the_parent() -> None:
    """Have this process end when the one that supervises it is killed, not when a terminal is."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    # Ctrl-C is for the parent, which ends this process once its time has come.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch(sentinel: int) -> None:
        wait([sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, args=(parent.sentinel,), daemon=True).start()

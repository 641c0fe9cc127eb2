"""A worker beside the hub, on the same machine: kept running, and ended before the hub is."""

import logging
import os
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from hub.settings import PREFIX

_FIRST_WAIT_SECONDS = 1.0
_LONGEST_WAIT_SECONDS = 60.0
# For jobs to end; one that takes longer is handed back, which takes a few seconds at most.
_GRACE_SECONDS = 2
_ENDING_SECONDS = 12.0
_NICENESS = 10
# The exit code of a worker whose key is refused, as one that was withdrawn is.
_REFUSED = 1
# Of the hub's variables those that a worker needs; among the others are secrets.
_KNOWN = (f"{PREFIX}LOG_LEVEL", f"{PREFIX}LOG_FORMAT")

logger = logging.getLogger(__name__)


class LocalWorker:
    """``cellhub worker`` in a process that is started again, later each time, whenever it dies.

    It runs from ``start`` to ``end``, or to the end of the ``with`` block. ``make_key`` returns the
    key with which it signs in; it may take a while, and fail for now.
    """

    first_wait_seconds = _FIRST_WAIT_SECONDS

    def __init__(self, url: str, make_key: Callable[[], str]) -> None:
        self._url = url
        self._make_key = make_key
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, name="local worker", daemon=True)

    def start(self) -> None:
        """Have the worker run from now on."""
        self._thread.start()

    def end(self) -> None:
        """Have the worker end, after it has handed back what it was at; kill it if it does not."""
        with self._lock:
            self._ending.set()
            if self._process is not None:
                self._process.terminate()
        if self._thread.is_alive():
            self._thread.join(_ENDING_SECONDS)
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    def _keep(self) -> None:
        key = ""
        wait = self.first_wait_seconds
        while not self._ending.is_set():
            begun = time.monotonic()
            try:
                key = key or self._make_key()
                code = self._run(key)
                how = f"ended with exit code {code}"
                if code == _REFUSED:
                    key = ""
            except Exception as error:  # noqa: BLE001, the database may be back the next time
                how = f"could not be started: {error!r}"
            if time.monotonic() - begun > _LONGEST_WAIT_SECONDS:
                wait = self.first_wait_seconds
            if not self._ending.is_set():
                logger.warning("The local worker %s. Trying again in %g s.", how, wait)
                self._ending.wait(wait)
            wait = min(2 * wait, _LONGEST_WAIT_SECONDS)

    def _run(self, key: str) -> int:
        with self._lock:
            if self._ending.is_set():
                return 0
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                [
                    *(Path(sysconfig.get_path("scripts")) / "cellhub", "worker"),
                    *("--url", self._url),
                    *("--grace", str(_GRACE_SECONDS)),
                    *("--nice", str(_NICENESS)),
                    "--until-stdin-ends",
                ],
                env=_environment(os.environ, key),
                # Nothing comes: it is how the worker learns that the hub was killed.
                stdin=subprocess.PIPE,
                stdout=sys.stderr,
                # Ctrl-C is for the hub, which ends its worker first.
                start_new_session=True,
            )
        with self._process as process:
            return process.wait()


def _environment(variables: Mapping[str, str], key: str) -> dict[str, str]:
    known = {
        name: value
        for name, value in variables.items()
        if name in _KNOWN or not name.startswith(PREFIX)
    }
    return known | {f"{PREFIX}API_KEY": key}

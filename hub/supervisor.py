"""The process that keeps several serving, and replaces them one after the other."""

import logging
import signal
import socket
import time
from collections.abc import Callable

from uvicorn import Config
from uvicorn.supervisors.multiprocess import Multiprocess, Process

logger = logging.getLogger(__name__)

_END = (signal.SIGINT, signal.SIGTERM)
_MOMENT = 0.2


class Supervisor(Multiprocess):
    """uvicorn's, which ends in time: also while it replaces processes, and if one does not end.

    On SIGHUP it replaces each process: the new one serves, at most ``starting_seconds`` later,
    before the old one is told to end, and the next is replaced when that has ended. A process that
    takes more than ``ending_seconds`` to end is killed. Told to end, it does ``before_end`` first.
    """

    starting_seconds = 60.0

    def __init__(
        self,
        config: Config,
        sockets: list[socket.socket],
        *,
        ending_seconds: float,
        before_end: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(config, sockets)
        self._before_end = before_end
        self._ending_seconds = ending_seconds
        self._leaving: Process | None = None

    def restart_all(self) -> None:
        """Replace each process by a new one."""
        for place, old in enumerate(self.processes):
            new = Process(self.config, self.sockets)
            new.start()
            if not self._serves(new):
                # It has served nobody yet.
                new.kill()
                new.join()
                return
            self.processes[place] = new
            old.terminate()
            self._leaving = old
            if not self._has_ended(old):
                return
            self._leaving = None

    def handle_int(self) -> None:
        """End, as Ctrl-C has it."""
        self._before_end()
        super().handle_int()

    def handle_term(self) -> None:
        """End, as SIGTERM has it."""
        self._before_end()
        super().handle_term()

    def keep_subprocess_alive(self) -> None:
        """Replace the processes that have died, or do not answer."""
        for process in self.processes:
            # Their own ends of the pipes. Open here, too, they would hide that a process has died
            # from whoever waits for its answer.
            process.child_conn.close()
        super().keep_subprocess_alive()

    def join_all(self) -> None:
        """Wait until all processes have ended, and kill those that don't."""
        deadline = time.monotonic() + self._ending_seconds
        for process in filter(None, (self._leaving, *self.processes)):
            process.process.join(max(0.0, deadline - time.monotonic()))
            if process.process.is_alive():
                process.kill()
            process.join()

    def _serves(self, new: Process) -> bool:
        deadline = time.monotonic() + self.starting_seconds
        while new.process.is_alive() and time.monotonic() < deadline:
            if self._told_to_end():
                return False
            if new.wait_until_ready(_MOMENT):
                return True
        logger.error("Process [%s] does not serve; those before it go on.", new.pid)
        return False

    def _has_ended(self, old: Process) -> bool:
        deadline = time.monotonic() + self._ending_seconds
        while old.process.is_alive():
            if self._told_to_end():
                return False
            if time.monotonic() > deadline:
                old.kill()
            old.process.join(_MOMENT)
        return True

    def _told_to_end(self) -> bool:
        return any(number in _END for number in self.signal_queue)

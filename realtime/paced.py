"""Calling something often enough, and no oftener."""

import asyncio
from collections.abc import Callable


class Paced:
    """Calls ``work`` at once, then at most every ``seconds`` as long as it is asked to.

    Changed ``seconds`` hold from the next call on. Once cancelled it never calls again.
    """

    def __init__(self, work: Callable[[], None], *, seconds: float) -> None:
        self.seconds = seconds
        self._work = work
        self._timer: asyncio.TimerHandle | None = None
        self._again = False
        self._cancelled = False

    def __call__(self) -> None:
        """Ask for a call, now or soon."""
        if self._cancelled:
            return
        if self._timer is not None:
            self._again = True
            return
        self._timer = asyncio.get_running_loop().call_later(self.seconds, self._elapsed)
        self._work()

    def cancel(self) -> None:
        """Call no more, not even what was asked for."""
        self._cancelled = True
        if self._timer is not None:
            self._timer.cancel()

    def _elapsed(self) -> None:
        self._timer = None
        if self._again:
            self._again = False
            self()

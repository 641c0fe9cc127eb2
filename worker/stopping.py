"""How a worker is told to stop."""

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Stop:
    """Asked once, a worker finishes what it is at; asked again, it hands that back at once."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.at_once = asyncio.Event()

    def hear(self, *, stdin: bool) -> None:
        """Take signals for asking, and, if so wanted, the end of standard input."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # What nohup has ignored stays so.
            if signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, self.ask)
        if stdin:
            loop.add_reader(sys.stdin.fileno(), self._read)

    def _read(self) -> None:
        if not os.read(sys.stdin.fileno(), 1024):
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            self.ask()

    def ask(self) -> None:
        """Ask the worker to stop."""
        if self.asked.is_set():
            self.at_once.set()
        self.asked.set()


async def awaited_unless(asked: asyncio.Event, work: Coroutine[object, object, T]) -> T | None:
    """Return what the work comes to; None where it was asked to stop before, and cancelled."""
    working = asyncio.create_task(work)
    asking = asyncio.create_task(asked.wait())
    try:
        await asyncio.wait((working, asking), return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end(working, asking)
    return None if working.cancelled() else working.result()


async def end(*tasks: "asyncio.Task[Any]") -> None:
    """Cancel tasks, and wait until they have ended, however that is."""
    left = set(tasks)
    while left:
        for task in left:
            # More than once: before Python 3.12, asyncio.wait_for may lose a cancellation.
            task.cancel()
        _, left = await asyncio.wait(left, timeout=1)

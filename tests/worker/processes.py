"""Workers in processes of their own."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import psutil

from tests.faults.servers import Pausable

CELLHUB = str(Path(sys.executable).with_name("cellhub"))
PLUGINS = Path(__file__).with_name("plugins")
END_SECONDS = 30.0
_POLL_SECONDS = 0.01

T = TypeVar("T")


class WorkerProcess(Pausable):
    """``cellhub worker`` whose output goes into a file."""

    def __init__(self, log: Path, arguments: list[str], variables: dict[str, str]) -> None:
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [CELLHUB, "worker", *arguments],
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def children(self) -> list[psutil.Process]:
        """Return its segmenting processes."""
        return psutil.Process(self.pid).children(recursive=True)

    def told(self) -> str:
        """Return all that it has said and logged."""
        return self.log.read_text(errors="replace")

    async def tells(self, pattern: str, times: int = 1) -> list[str]:
        """Wait until a pattern is in its output, so often; return what matched."""

        def find() -> list[str] | None:
            found = re.findall(pattern, self.told(), re.MULTILINE)
            return found if len(found) >= times else None

        return await self._until(find, f"{pattern!r} {times} times")

    async def segmenting(self, count: int = 1) -> list[psutil.Process]:
        """Wait until it has so many segmenting processes; return them."""
        return await self._until(
            lambda: found if len(found := self.children()) == count else None, f"{count} processes"
        )

    async def _until(self, find: Callable[[], T | None], what: str) -> T:
        try:
            async with asyncio.timeout(END_SECONDS):
                while (found := find()) is None:
                    if self._process.poll() is not None and (found := find()) is None:
                        raise AssertionError(f"the worker has ended:\n{self.told()}")
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise AssertionError(f"no {what} in:\n{self.told()}") from None
        return found

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process alone, unless it has ended."""
        self._process.send_signal(number)

    def resume(self) -> None:
        """Have the process and its children go on, unless it has ended."""
        if self._process.poll() is None:
            super().resume()

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to stop; return its exit code."""
        self.send(number)
        return await self.ended()

    async def kill(self) -> None:
        """Kill it, as a machine that loses its power does, with all its children."""
        with suppress(psutil.NoSuchProcess):
            for child in self.children():
                child.kill()
            self._process.kill()
        await self.ended()

    async def ended(self) -> int:
        """Wait until it has ended; return its exit code."""
        return await asyncio.to_thread(self._process.wait, END_SECONDS)


class Workers:
    """Starts workers, which find the segmenters in ``plugins``; 'gated' waits for ``gate``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[WorkerProcess] = []
        self.gate = folder / "gate"

    def start(
        self, url: str, key: str, *arguments: object, plugins: Path = PLUGINS, **variables: str
    ) -> WorkerProcess:
        """Start a worker; whoever wants it to be ready waits for what it tells."""
        inherited = {name: value for name, value in os.environ.items() if "CELLHUB_" not in name}
        paths = [str(plugins), *filter(None, [inherited.get("PYTHONPATH")])]
        worker = WorkerProcess(
            self._folder / f"worker-{len(self._started)}.log",
            ["--url", url, "--name", f"worker {len(self._started)}", *map(str, arguments)],
            inherited
            | {
                "CELLHUB_API_KEY": key,
                "PYTHONPATH": os.pathsep.join(paths),
                "TRYING_GATE": str(self.gate),
            }
            | variables,
        )
        self._started.append(worker)
        return worker

    async def clean_up(self) -> None:
        """End those that still run, in order if they can."""
        for worker in self._started:
            worker.resume()
            # The second time it gives jobs under way no time to end.
            for _ in range(2):
                worker.send(signal.SIGTERM)
        for worker in self._started:
            try:
                await worker.ended()
            finally:
                await worker.kill()

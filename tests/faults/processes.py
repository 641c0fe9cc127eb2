"""Hubs in processes of their own."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil

from tests.faults.servers import Pausable, free_port

CELLHUB = (str(Path(sys.executable).with_name("cellhub")),)
READY_SECONDS = 30.0
END_SECONDS = 30.0
_POLL_SECONDS = 0.02
_STARTED = "Application startup complete."


class HubProcess(Pausable):
    """``cellhub serve`` on a port that it keeps across restarts; its log goes into a file.

    ``faults`` are arguments of ``tests.faults.launch``, which is then run in its place.
    """

    def __init__(
        self,
        log: Path,
        settings: Mapping[str, str],
        *,
        workers: int = 1,
        faults: Sequence[str] = (),
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        self.faults = faults
        self._settings = settings
        self._workers = workers
        self._logged = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "the hub is not running"
        return self._process.pid

    def launch(self) -> None:
        """Start the process, and don't wait until it serves."""
        assert self._process is None, "the hub is running already"
        launcher = (sys.executable, "-m", "tests.faults.launch", *self.faults)
        command = [*(launcher if self.faults else CELLHUB), "serve", "--port", str(self.port)]
        with self.log.open("ab") as log:
            self._logged = log.tell()
            self._process = subprocess.Popen(
                [*command, "--workers", str(self._workers)],
                env=_environment(self._settings),
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    async def start(self) -> None:
        """Start the process; return when it is ready."""
        self.launch()
        await self.ready()

    async def revive(self) -> None:
        """Start the process unless it runs, if only paused; return when it is ready."""
        if self._process is None:
            self.launch()
        else:
            self.resume()
        await self.ready()

    async def ready(self, *, want: bool = True) -> None:
        """Wait until ``/readyz`` says that all is well, or, where so wanted, that it is not."""
        async with httpx.AsyncClient(timeout=5) as http:

            async def is_ready() -> bool:
                with suppress(httpx.TransportError):
                    return (await http.get(f"{self.url}/readyz")).is_success
                return False

            await self._until(is_ready, want=want)

    async def accepting(self, *, want: bool = True) -> None:
        """Wait until the process accepts connections, or, where so wanted, none any more."""

        async def accepts() -> bool:
            with suppress(ConnectionError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return True
            return False

        await self._until(accepts, want=want)

    async def started(self, count: int = 1) -> None:
        """Wait until this many processes have begun to serve since the launch."""

        async def have_started() -> bool:
            return self.log.read_bytes()[self._logged :].count(_STARTED.encode()) >= count

        await self._until(have_started)

    def serving_since(self) -> float:
        """Return when the process began to serve, by ``time.monotonic``."""
        [*_, line] = [line for line in self.log.read_text().splitlines() if _STARTED in line]
        began = datetime.fromisoformat(line.split()[0]).timestamp()
        return time.monotonic() - (time.time() - began)

    async def metric(self, name: str) -> float:
        """Return one of the numbers of ``/metrics``."""
        async with httpx.AsyncClient(timeout=5) as http:
            text = (await http.get(f"{self.url}/metrics")).text
        [value] = [line.split()[1] for line in text.splitlines() if line.startswith(f"{name} ")]
        return float(value)

    def workers(self) -> list[psutil.Process]:
        """Return the processes that serve, where there are several."""
        children = psutil.Process(self.pid).children()
        return [child for child in children if "spawn_main" in " ".join(child.cmdline())]

    async def kill(self) -> None:
        """Kill the process and all its children at once."""
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            for each in (*process.children(recursive=True), process):
                each.kill()
        await self.ended()

    def terminate(self) -> None:
        """Tell the process to end, by SIGTERM."""
        os.kill(self.pid, signal.SIGTERM)

    async def stop(self) -> int:
        """End the process with SIGTERM; return its exit code."""
        self.terminate()
        return await self.ended()

    async def ended(self) -> int:
        """Wait until the process has ended; return its exit code, negative for a signal."""
        assert self._process is not None
        code = await asyncio.to_thread(self._process.wait, END_SECONDS)
        self._process = None
        return code

    async def clean_up(self) -> None:
        """Kill the process if it still runs."""
        if self._process is not None:
            await self.kill()

    def told(self) -> str:
        """Return the end of the log."""
        return self.log.read_text(errors="replace")[-3_000:]

    async def _until(self, condition: Callable[[], Awaitable[bool]], *, want: bool = True) -> None:
        try:
            async with asyncio.timeout(READY_SECONDS):
                while await condition() is not want:
                    if self._process is None or self._process.poll() is not None:
                        raise AssertionError(f"the hub has ended; its log:\n{self.told()}")
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise AssertionError(
                f"the hub is not as it should be; its log:\n{self.told()}"
            ) from None


@asynccontextmanager
async def hubs(
    folder: Path,
    database_url: str,
    broadcast_url: str,
    *,
    count: int = 1,
    workers: int = 1,
    faults: Sequence[Sequence[str]] = (),
    **settings: Any,
) -> AsyncIterator[list[HubProcess]]:
    """Run hubs on one database within the block, ready when it begins.

    ``faults`` are those of the first, the second … hub. In the end all processes are killed.
    """
    values = {
        "data_dir": str(folder),
        "database_url": database_url,
        "broadcast_url": broadcast_url,
        "secret_key": "a secret of tests, long enough for it",
        "access_token_seconds": "3600",
    } | {name: str(value) for name, value in settings.items()}
    built_in = [*faults, *[()] * (count - len(faults))]
    async with AsyncExitStack() as stack:
        running = []
        for fault in built_in:
            log = folder / f"hub-{uuid4().hex}.log"
            running.append(HubProcess(log, values, workers=workers, faults=fault))
            stack.push_async_callback(running[-1].clean_up)
            running[-1].launch()
        for hub in running:
            await hub.started(workers)
            await hub.ready()
        yield running


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a hub that has these settings and no others."""
    inherited = {name: value for name, value in os.environ.items() if "CELLHUB_" not in name}
    return inherited | {f"CELLHUB_{name.upper()}": value for name, value in settings.items()}

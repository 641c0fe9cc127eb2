"""A worker: it claims jobs as long as it has processes that are idle, and waits for more."""

import asyncio
import contextlib
import logging
import math
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from client.connection import HubClient
from client.credentials import ApiKey
from client.errors import ClientError
from client.files import Downloads
from client.retrying import Patience
from worker.bell import Bell
from worker.folder import own_folder
from worker.job import JobRun
from worker.models import runnable
from worker.process import SegmentingProcess, environment
from worker.queue import Claimed, JobQueue
from worker.stopping import Stop, awaited_unless, end

_PATIENCE = Patience(attempts=None, first_seconds=0.5, longest_seconds=10.0)
_SECONDS_WITHOUT_A_RING = 15.0
# After a claim in vain, before the next: jobs may wait that are for others.
_REST_SECONDS = 0.2
_SECONDS_BETWEEN_COMPLAINTS = 30.0
# When it stops: for a claim that is under way, and to leave off with jobs and hand them back.
_LAST_CLAIM_SECONDS = 3.0
_LEAVING_OFF_SECONDS = 4.0
_HANDING_BACK_SECONDS = 5.0

logger = logging.getLogger(__name__)


class Options(Struct, frozen=True, kw_only=True):
    """What a worker is to do.

    ``models`` are those that it is to run; empty for all that can. ``lease_seconds`` is for how
    long it takes a job without saying a word of it, ``timeout_seconds`` what a segmentation may
    take, ``grace_seconds`` what jobs under way have to finish when it is told to stop.
    """

    url: str
    api_key: str
    name: str
    models: Sequence[str] = ()
    processes: int = 1
    lease_seconds: int = 120
    timeout_seconds: float = 600.0
    grace_seconds: float = 30.0


class Worker:
    """The loop of a worker, with its jobs and processes."""

    def __init__(
        self, options: Options, hub: HubClient, downloads: Downloads, models: Sequence[str]
    ) -> None:
        self._options = options
        self._queue = JobQueue(
            hub, worker=options.name, models=models, lease_seconds=options.lease_seconds
        )
        self._downloads = downloads
        self._bell = Bell(hub, models, self._complain)
        self._processes = [
            SegmentingProcess(environment(options.processes), seconds=options.timeout_seconds)
            for _ in range(options.processes)
        ]
        self._idle = list(self._processes)
        self._freed = asyncio.Event()
        self._jobs: dict[asyncio.Task[None], Claimed] = {}
        self._complained_at = -math.inf

    async def run(self, stop: Stop) -> None:
        """Work until told to stop. Raises ClientError where the hub will have none of it."""
        listening = asyncio.create_task(self._bell.listen())
        try:
            with own_folder() as folder:
                try:
                    await asyncio.gather(*(process.start() for process in self._processes))
                    await self._work(folder, stop)
                    await self._finish(stop)
                finally:
                    await self._hand_back()
        finally:
            await asyncio.gather(*(process.close() for process in self._processes))
            await end(listening)

    async def _work(self, folder: Path, stop: Stop) -> None:
        while not stop.asked.is_set():
            if not self._idle:
                self._freed.clear()
                await awaited_unless(stop.asked, self._freed.wait())
                continue
            self._bell.still()
            claimed = await self._claim(len(self._idle), stop)
            for each in claimed:
                self._begin(each, folder)
            if not claimed:
                await awaited_unless(stop.asked, self._rest())

    async def _rest(self) -> None:
        """Wait until there may be jobs."""
        await asyncio.sleep(_REST_SECONDS * (0.5 + random.random()))  # noqa: S311
        await self._bell.rung(_SECONDS_WITHOUT_A_RING)

    async def _claim(self, limit: int, stop: Stop) -> list[Claimed]:
        async def claim() -> list[Claimed]:
            claimed = await _PATIENCE.call(lambda: self._queue.claim(limit), self._complain)
            self._praise()
            return claimed

        claiming = asyncio.create_task(claim())
        await awaited_unless(stop.asked, _ended(claiming))
        # Jobs that are just being handed out would have to wait for their lease to end.
        await asyncio.wait([claiming], timeout=_LAST_CLAIM_SECONDS)
        await end(claiming)
        return [] if claiming.cancelled() else claiming.result()

    def _begin(self, claimed: Claimed, folder: Path) -> None:
        process = self._idle.pop()
        run = JobRun(
            self._queue,
            claimed,
            process,
            self._downloads,
            folder=folder,
            on_wait=self._complain,
        )
        task = asyncio.create_task(run.run())
        self._jobs[task] = claimed
        task.add_done_callback(lambda task: self._end(task, process))

    def _end(self, task: "asyncio.Task[None]", process: SegmentingProcess) -> None:
        if not task.cancelled():
            del self._jobs[task]
            if error := task.exception():
                # If it is for good, then the next claim fails likewise.
                logger.error("A job was left: %s", error, exc_info=_unexpected(error))
        self._idle.append(process)
        self._freed.set()

    async def _finish(self, stop: Stop) -> None:
        """Let jobs under way end, as long as there is time."""
        if self._jobs:
            seconds = self._options.grace_seconds
            logger.info("Stopping: what is under way has %g s to end.", seconds)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await awaited_unless(stop.at_once, _ended(*self._jobs))

    async def _hand_back(self) -> None:
        """Leave off with what is still worked on, and give it to others."""
        if not self._jobs:
            return
        for task in self._jobs:
            task.cancel()
        _, late = await asyncio.wait(list(self._jobs), timeout=_LEAVING_OFF_SECONDS)
        await end(*late)
        left = list(self._jobs.values())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_HANDING_BACK_SECONDS):
                await asyncio.gather(*(self._hand_back_one(claimed) for claimed in left))

    async def _hand_back_one(self, claimed: Claimed) -> None:
        try:
            await _PATIENCE.call(lambda: self._queue.release(claimed), self._complain)
        except ClientError as error:
            logger.warning("%s: not handed back. %s", claimed.job.image.name, error)
        else:
            logger.info("%s: handed back", claimed.job.image.name, extra={"job": claimed.job.id})

    def _complain(self, error: ClientError, _seconds: float) -> None:
        """Log that the hub is away, or refuses for now, but not each time."""
        now = time.monotonic()
        if now - self._complained_at >= _SECONDS_BETWEEN_COMPLAINTS:
            self._complained_at = now
            logger.warning("%s Trying again.", error)

    def _praise(self) -> None:
        """Log that the hub answers again."""
        if self._complained_at > -math.inf:
            self._complained_at = -math.inf
            logger.info("The hub answers.")


async def work(options: Options, say: Callable[[str], None], *, until_stdin_ends: bool) -> None:
    """Work until told to stop by a signal, or by the end of standard input.

    Raises ClientError where there is no such hub, or it refuses the credentials, and NoModels.
    """
    stop = Stop()
    stop.hear(stdin=until_stdin_ends)
    hub = HubClient(options.url, ApiKey(options.api_key))
    finding = runnable(options.models, environment(options.processes), say)
    if models := await awaited_unless(stop.asked, finding):
        processes = "1 process" if options.processes == 1 else f"{options.processes} processes"
        say(f"Worker {options.name}, {processes}, for {hub.url}.")
        async with hub, Downloads() as downloads:
            await Worker(options, hub, downloads, models).run(stop)


async def _ended(*tasks: "asyncio.Task[Any]") -> None:
    await asyncio.wait(tasks)


def _unexpected(error: BaseException) -> BaseException | None:
    return None if isinstance(error, ClientError) else error

"""Keeping a job while it is worked on."""

import asyncio
import math

from client.errors import CONFLICT, FORBIDDEN, NOT_FOUND, Refused
from client.retrying import OnWait, Patience
from worker.failures import Dropped
from worker.queue import Claimed, JobQueue

_GONE = (CONFLICT, NOT_FOUND, FORBIDDEN)

# At the beginning of an outage often, since a restart takes moments; then every few seconds, since
# the lease may end soon after it.
PATIENCE = Patience(attempts=None, first_seconds=0.2, longest_seconds=3.0)
_SECONDS_BETWEEN_REPORTS = 2.0
_EXTENSIONS_IN_A_LEASE = 3


class LeaseKeeper:
    """Extends a job's lease at each third of its length, and tells the hub how far the job is.

    The first progress is told at once, what follows every two seconds at most.
    """

    def __init__(self, queue: JobQueue, claimed: Claimed, on_wait: OnWait) -> None:
        self._queue = queue
        self._claimed = claimed
        self._on_wait = on_wait
        self._progress: float | None = None
        self._news = asyncio.Event()
        self._is_finishing = False

    def report(self, progress: float) -> None:
        """Take note of how far the job is, 0 to 1."""
        if progress != self._progress:
            self._progress = progress
            self._news.set()

    def finish(self) -> None:
        """From now on leave it to the call that ends the job to learn whether it is still ours.

        That call may have ended it already, of which a call of the keeper's might hear first.
        """
        self._is_finishing = True

    async def keep(self) -> None:
        """Keep the job until cancelled. Raises Dropped once it is no longer this worker's."""
        loop = asyncio.get_running_loop()
        told_at = -math.inf
        while True:
            if await self._has_news():
                await asyncio.sleep(told_at + _SECONDS_BETWEEN_REPORTS - loop.time())
                told_at = loop.time()
            try:
                is_ours = await PATIENCE.call(self.extend, self._on_wait)
            except Refused as error:
                if self._is_finishing:
                    return
                raise gone(error) from None
            if not is_ours:
                if self._is_finishing:
                    return
                raise Dropped("it was cancelled")

    async def extend(self) -> bool:
        """Extend the lease now; False where the job was cancelled. Raises ClientError."""
        self._news.clear()
        return await self._queue.extend(self._claimed, self._progress)

    async def _has_news(self) -> bool:
        try:
            async with asyncio.timeout(self._queue.lease_seconds / _EXTENSIONS_IN_A_LEASE):
                await self._news.wait()
        except TimeoutError:
            return False
        return True


def gone(error: Refused) -> Dropped | Refused:
    """Return Dropped where a refusal says that the job is ours no more, else the refusal."""
    if error.code in _GONE:
        return Dropped(f"it is no longer this worker's: {error.message}")
    return error

"""One job, from its image's download to the hub's knowing what came of it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from client.errors import UNAUTHENTICATED, ClientError, Refused
from client.files import Downloads
from client.retrying import OnWait, Patience
from worker import failures
from worker.downloads import fetch
from worker.failures import Dropped, Failed, Failure, HandedBack
from worker.lease import PATIENCE, LeaseKeeper, gone
from worker.messages import Found, Order
from worker.process import SegmentingProcess
from worker.queue import Claimed, JobQueue

# While the hub answers other calls; as long as it does not, the result waits for it.
_HANDING_IN = Patience(attempts=6, first_seconds=0.5, longest_seconds=10.0)

logger = logging.getLogger(__name__)


class JobRun:
    """One job in the hands of one process. ``folder`` is where its files may be."""

    def __init__(
        self,
        queue: JobQueue,
        claimed: Claimed,
        process: SegmentingProcess,
        downloads: Downloads,
        *,
        folder: Path,
        on_wait: OnWait,
    ) -> None:
        self._queue = queue
        self._claimed = claimed
        self._process = process
        self._downloads = downloads
        self._folder = folder
        self._on_wait = on_wait
        self._keeper = LeaseKeeper(queue, claimed, on_wait)

    async def run(self) -> None:
        """Do the job and tell the hub, and the log, what came of it.

        Raises ClientError where the worker's credentials hold no more. Cancelled, it leaves the
        job as it is, for the worker to hand back.
        """
        image = self._claimed.job.image
        try:
            async with asyncio.TaskGroup() as group:
                keeping = group.create_task(self._keeper.keep())
                outcome = await self._outcome()
                keeping.cancel()
                self._log(logging.INFO, f"{image.name}: {outcome}")
        except* Dropped as dropped:
            self._log(logging.WARNING, f"{image.name}: dropped, since {dropped.exceptions[0]}")
        except* Refused as refused:
            [error, *_] = refused.exceptions
            if isinstance(error, Refused) and error.code == UNAUTHENTICATED:
                raise error from None
            self._log(logging.ERROR, f"{image.name}: dropped, since the hub refuses: {error}")

    async def _outcome(self) -> str:
        job = self._claimed.job
        try:
            with TemporaryDirectory(dir=self._folder) as folder:
                found, polygons = await self._find(Path(folder))
            self._keeper.finish()
            certainty = await self._complete(found, polygons)
        except Failed as failed:
            return await self._fail(failed.failure)
        except HandedBack as reason:
            await self._end(self._queue.release)
            return f"handed back, since {reason}"
        except (Dropped, ClientError):
            raise
        except Exception as error:
            logger.exception("The worker has failed.")
            message = f"The worker has failed ({type(error).__name__}); its log has more."
            return await self._fail(_error(message))
        cells = "1 cell" if found.cells == 1 else f"{found.cells} cells"
        return f"{cells} by {job.model} in {found.seconds:.2f} s{certainty}"

    async def _find(self, folder: Path) -> tuple[Found, Any]:
        job = self._claimed.job
        picture, outlines = folder / "picture", folder / "outlines.json"
        await fetch(self._downloads, job.image, picture, self._on_wait)
        order = Order(
            model=job.model,
            threshold=job.threshold,
            picture=str(picture),
            outlines=str(outlines),
        )
        found = await self._process.segment(order, self._keeper.report)
        return found, await asyncio.to_thread(lambda: msgspec.json.decode(outlines.read_bytes()))

    async def _complete(self, found: Found, polygons: Any) -> str:
        """Hand the result in; tell how sure that is."""
        is_unsure = False

        async def attempt() -> None:
            nonlocal is_unsure
            if is_unsure:
                # An answer was lost. If it was that the result is taken, the lease is over.
                await PATIENCE.call(self._keeper.extend, self._on_wait)
            try:
                await self._queue.complete(self._claimed, found, polygons)
            except ClientError as error:
                is_unsure = is_unsure or error.passes
                raise

        try:
            await _HANDING_IN.call(attempt, self._on_wait)
        except Refused as error:
            reason = gone(error)
            if isinstance(reason, Dropped):
                if is_unsure:
                    return ", most likely: the hub's answer was lost"
                raise reason from None
            if error.code == UNAUTHENTICATED:
                raise
            raise Failed(_refused(error)) from None
        except ClientError as error:
            raise Failed(_error(f"The result could not be handed in. {error}")) from None
        return ""

    async def _fail(self, failure: Failure) -> str:
        await self._end(lambda claimed: self._queue.fail(claimed, failure))
        return f"failed with {failure.code}: {failure.message}"

    async def _end(self, call: Callable[[Claimed], Awaitable[None]]) -> None:
        """Have the hub know that this worker is done with the job."""
        self._keeper.finish()
        try:
            await PATIENCE.call(lambda: call(self._claimed), self._on_wait)
        except Refused as error:
            raise gone(error) from None

    def _log(self, level: int, line: str) -> None:
        logger.log(level, "%s", line, extra={"job": self._claimed.job.id})


def _error(message: str) -> Failure:
    return Failure(code=failures.WORKER_ERROR, message=message, retryable=True)


def _refused(error: Refused) -> Failure:
    message = f"The hub does not take the result. {error.message}"
    return Failure(code=failures.RESULT_REFUSED, message=message, retryable=False)

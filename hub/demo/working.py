"""A worker of Ben's: ``cellhub worker`` as a child process, started as anybody would."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from hub.demo.failure import DemoFailed
from hub.demo.process import Command

# A machine that is busy takes its time to load what segments.
_START_SECONDS = 60.0
# Where the demo ends early: for the job that it is at.
_GRACE_SECONDS = 3
NAME = "Ben's"
"""What the worker is called."""

_MODEL = re.compile(r"Model (.+), version (.+)\.$")


class RunningWorker:
    """A worker that was started."""

    def __init__(self, command: Command) -> None:
        self._command = command

    async def models(self) -> dict[str, str]:
        """Wait until it is ready; return the versions of the models that it runs, by name.

        To be called once. Raises DemoFailed where it does not become ready.
        """
        found = {}
        try:
            async with asyncio.timeout(_START_SECONDS):
                while line := await self._command.line():
                    if model := _MODEL.match(line):
                        found[model[1]] = model[2]
                    if line.startswith("Worker "):
                        return found
        except TimeoutError:
            pass
        raise DemoFailed("Ben's worker did not become ready.")


@asynccontextmanager
async def running_worker(url: str, key: str, folder: Path) -> AsyncIterator[RunningWorker]:
    """Run a worker with an API key, and end it. Raises DemoFailed where it ends with an error."""
    command = Command(
        *("worker", "--url", url, "--name", NAME, "--grace", str(_GRACE_SECONDS)),
        variables={"CELLHUB_API_KEY": key},
        log=folder / "worker.log",
    )
    try:
        yield RunningWorker(command)
    except DemoFailed as error:
        raise DemoFailed(f"{error}\nBen's worker logged last:\n{command.logged()}") from None
    finally:
        code = await asyncio.shield(asyncio.to_thread(command.end))
    if code:
        raise DemoFailed(f"Ben's worker ended with {code}:\n{command.logged()}")

"""Health: whether the process is alive, and whether what it needs is there."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse

_log = logging.getLogger(__name__)

Check = Callable[[], Awaitable[object]]
"""Returns if all is well, and raises otherwise."""


async def alive(_request: Request) -> JSONResponse:
    """Answer that the process answers: ``/healthz``."""
    return JSONResponse({"status": "ok"})


class Readiness:
    """``/readyz``: 200 if every check passes within ``seconds``, else 503; the body names them all.

    A check that neither returns nor raises is given up, never waited for. Who asks while others
    wait gets the answer that they get, so that asking often costs no more than asking once.
    """

    def __init__(self, checks: Mapping[str, Check], *, seconds: float = 2.0) -> None:
        self._checks = checks
        self._seconds = seconds
        self._look: asyncio.Task[dict[str, str]] | None = None

    async def endpoint(self, _request: Request) -> JSONResponse:
        """Run the checks side by side and answer."""
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(self._find())
        found = await asyncio.shield(self._look)
        ready = all(outcome == "ok" for outcome in found.values())
        return JSONResponse(
            {"status": "ok" if ready else "error", "checks": found},
            status_code=200 if ready else 503,
            headers={"cache-control": "no-store"},
        )

    async def _find(self) -> dict[str, str]:
        tasks = {name: asyncio.ensure_future(run()) for name, run in self._checks.items()}
        await asyncio.wait(tasks.values(), timeout=self._seconds)
        return {name: self._outcome(name, task) for name, task in tasks.items()}

    def _outcome(self, name: str, task: asyncio.Future[object]) -> str:
        # What went wrong is for the log: its text may tell of hosts and users.
        if not task.done():
            task.cancel()
            _log.warning("The check of %s gave no answer within %s s.", name, self._seconds)
            return "no answer"
        if task.cancelled() or task.exception():
            error = None if task.cancelled() else task.exception()
            _log.warning("The check of %s failed: %r", name, error)
            return "error"
        return "ok"

"""Learning that there may be jobs, without asking all the time."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import NoReturn

from client.connection import HubClient
from client.errors import ClientError
from client.retrying import OnWait, Patience

_JOBS = """
subscription Jobs($models: [String!]) { segmentationJobsAvailable(models: $models) { waiting } }
"""
_PATIENCE = Patience(attempts=None, first_seconds=0.2, longest_seconds=10.0)


class Bell:
    """Rings whenever there may be jobs for these models to claim; it may ring in vain."""

    def __init__(self, hub: HubClient, models: Sequence[str], on_wait: OnWait) -> None:
        self._hub = hub
        self._variables = {"models": models}
        self._on_wait = on_wait
        self._rung = asyncio.Event()

    async def rung(self, seconds: float) -> None:
        """Return when it has rung since it was last still, or after so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError:
            return

    def still(self) -> None:
        """Forget that it has rung."""
        self._rung.clear()

    async def listen(self) -> NoReturn:
        """Listen to the hub until cancelled; where the connection breaks, connect again."""
        while True:
            try:
                await _PATIENCE.call(self._listen, self._on_wait)
            except ClientError as error:
                # Whether it is for good is for a claim to learn, which fails likewise.
                self._rung.set()
                self._on_wait(error, _PATIENCE.longest_seconds)
                await asyncio.sleep(_PATIENCE.longest_seconds)
            else:
                await asyncio.sleep(_PATIENCE.first_seconds)

    async def _listen(self) -> None:
        """Return when a connection ends that was good; raise ClientError where none was."""
        was_good = False
        try:
            async with (
                self._hub.live() as live,
                aclosing(live.subscribe(_JOBS, dict, self._variables)) as rings,
            ):
                async for _ in rings:
                    was_good = True
                    self._rung.set()
        except ClientError as error:
            if not was_good:
                raise
            self._on_wait(error, _PATIENCE.first_seconds)

"""What is to be published: bounded, because a broker that is away must slow nobody down."""

import asyncio
import logging
from collections import deque

from realtime.reports import Report


class Outbox:
    """Messages on their way to the broker, oldest first.

    When it is full the oldest goes: whoever receives the newest sees the gap and reads the rest.
    """

    def __init__(self, limit: int) -> None:
        self.dropped = 0
        self._messages: deque[tuple[str, str]] = deque()
        self._limit = limit
        self._arrived = asyncio.Event()
        self._flushed = asyncio.Event()
        self._report = Report(logging.getLogger(__name__))

    def put(self, channel: str, message: str) -> None:
        """Queue a message, at once and whatever happens."""
        if len(self._messages) >= self._limit:
            self._messages.popleft()
            self.drop("The outbox is full")
        self._messages.append((channel, message))
        self._arrived.set()
        self._flushed.clear()

    def drop(self, why: str, error: Exception | None = None) -> None:
        """Count a message as lost."""
        self.dropped += 1
        self._report(f"{why}; a message is dropped", error)

    async def take(self) -> tuple[str, str]:
        """Wait for the next channel and message. Asking for more says that the last one is sent."""
        while not self._messages:
            self._flushed.set()
            self._arrived.clear()
            await self._arrived.wait()
        return self._messages.popleft()

    async def flush(self) -> None:
        """Wait until everything is sent."""
        await self._flushed.wait()

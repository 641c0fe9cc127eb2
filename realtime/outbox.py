"""What is to be published: bounded, because a broker that is away must slow nobody down."""

import asyncio
import logging
from collections import deque

from realtime.backends.base import Message
from realtime.reports import Report


class Outbox:
    """Messages on their way to the broker, oldest first.

    When it is full the oldest goes: whoever receives the newest sees the gap and reads the rest.
    """

    def __init__(self, limit: int) -> None:
        self.dropped = 0
        self._messages: deque[Message] = deque()
        self._limit = limit
        self._arrived = asyncio.Event()
        self._newest = 0
        self._sent = 0
        self._progress = asyncio.Event()
        self._report = Report(logging.getLogger(__name__))

    def put(self, channel: str, message: str) -> None:
        """Queue a message, at once and whatever happens."""
        if len(self._messages) >= self._limit:
            self._messages.popleft()
            self.drop("The outbox is full")
        self._newest += 1
        self._messages.append((channel, message))
        self._arrived.set()

    def drop(self, why: str, error: Exception | None = None, *, count: int = 1) -> None:
        """Count messages as lost."""
        self.dropped += count
        for _ in range(count):
            self._report(f"{why}; a message is dropped", error)

    async def take(self, at_most: int) -> list[Message]:
        """Wait for the next messages. Asking for more says that the last ones are sent."""
        self._sent = self._newest - len(self._messages)
        self._progress.set()
        while not self._messages:
            self._arrived.clear()
            await self._arrived.wait()
        return [self._messages.popleft() for _ in range(min(at_most, len(self._messages)))]

    async def flush(self) -> None:
        """Wait until everything that was put so far is sent, or dropped."""
        newest = self._newest
        while self._sent < newest:
            self._progress.clear()
            await self._progress.wait()

"""The broker within the process."""

import asyncio

from broadcaster import BroadcastBackend, Event


class MemoryBackend(BroadcastBackend):
    """Broadcaster's memory backend, bounded: whoever publishes waits while too much is unread."""

    def __init__(self, _url: str, *, limit: int = 1_000) -> None:
        self._subscribed: set[str] = set()
        self._published: asyncio.Queue[Event] = asyncio.Queue(limit)

    async def connect(self) -> None:
        """Do nothing: there is nothing to connect to."""

    async def disconnect(self) -> None:
        """Do nothing."""

    async def subscribe(self, channel: str) -> None:
        """Receive what is published on the channel from now on."""
        self._subscribed.add(channel)

    async def unsubscribe(self, channel: str) -> None:
        """Receive the channel no longer."""
        self._subscribed.discard(channel)

    async def publish(self, channel: str, message: str) -> None:
        """Send a message, if anybody receives its channel."""
        if channel in self._subscribed:
            await self._published.put(Event(channel, message))

    async def next_published(self) -> Event:
        """Wait for the next message."""
        return await self._published.get()

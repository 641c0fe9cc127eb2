"""The broker within the process."""

import asyncio
from collections.abc import Sequence
from typing import NoReturn

from realtime.backends.base import Backend, Deliver, Message


class MemoryBackend(Backend):
    """Hands messages on where they are published: nothing is queued, so nothing can pile up."""

    _deliver: Deliver

    def __init__(self, _url: str) -> None:
        self._subscribed: set[str] = set()

    async def connect(self, deliver: Deliver) -> None:
        """Do nothing more: there is nothing to connect to."""
        self._deliver = deliver

    async def disconnect(self) -> None:
        """Do nothing."""

    async def listen(self) -> NoReturn:
        """Wait: nothing breaks here."""
        never: asyncio.Future[NoReturn] = asyncio.get_running_loop().create_future()
        await never

    async def subscribe(self, channels: Sequence[str]) -> None:
        """Receive what is published on the channels from now on."""
        self._subscribed.update(channels)

    async def unsubscribe(self, channels: Sequence[str]) -> None:
        """Receive the channels no longer."""
        self._subscribed.difference_update(channels)

    async def publish(self, messages: Sequence[Message]) -> list[Exception]:
        """Hand on the messages of subscribed channels."""
        for channel, message in messages:
            if channel in self._subscribed:
                self._deliver(channel, message)
        await asyncio.sleep(0)  # Whoever answers messages with messages must let others run.
        return []

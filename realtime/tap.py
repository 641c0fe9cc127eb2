"""What stands between broadcaster and a backend, so that nothing is lost silently."""

import asyncio
from collections.abc import Callable
from typing import NoReturn

from broadcaster import BroadcastBackend, Event


class Tap(BroadcastBackend):
    """A backend that hands each event on where Broadcast's listener task reads it.

    Broadcast's own way on is an unbounded queue and a task for each channel, and an error in its
    listener task goes unseen. Here nothing is queued, and the error is what ``failure`` raises.
    """

    def __init__(self, backend: BroadcastBackend, receive: Callable[[str, str], None]) -> None:
        self._backend = backend
        self._receive = receive
        self._failed = asyncio.Event()
        self._error: Exception = ConnectionError("The connection was closed.")
        self._listening: asyncio.Task[object] | None = None

    async def failure(self) -> NoReturn:
        """Wait until the backend can't be listened to any more, and raise what broke it."""
        await self._failed.wait()
        raise self._error

    async def connect(self) -> None:
        """Connect the backend; after an error nothing of it is left open."""
        try:
            await self._backend.connect()
        except BaseException:
            await self._backend.disconnect()
            raise

    async def disconnect(self) -> None:
        """Disconnect the backend, and see Broadcast's listener off: it is cancelled by now."""
        self._failed.set()
        await self._backend.disconnect()
        await asyncio.sleep(0)
        if self._listening is not None:
            await asyncio.wait([self._listening])

    async def subscribe(self, channel: str) -> None:
        """Have the broker send a channel."""
        await self._backend.subscribe(channel)

    async def unsubscribe(self, channel: str) -> None:
        """Have the broker send a channel no longer; one that is gone does so by itself."""
        if not self._failed.is_set():
            await self._backend.unsubscribe(channel)

    async def publish(self, channel: str, message: str) -> None:
        """Send a message."""
        await self._backend.publish(channel, message)

    async def next_published(self) -> Event:
        """Hand on events; silent, but not over, once the backend has failed."""
        self._listening = asyncio.current_task()
        while not self._failed.is_set():
            try:
                event = await self._backend.next_published()
                self._receive(event.channel, event.message)
            except Exception as error:  # noqa: BLE001
                self._error = error
                self._failed.set()
        silence: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        return await silence

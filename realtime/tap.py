"""What stands between broadcaster and a backend."""

import asyncio
from typing import NoReturn

from broadcaster import BroadcastBackend, Event

from realtime.backends.base import Backend, Deliver, Message


class Tap(BroadcastBackend):
    """A backend for Broadcast that takes its orders, and carries them out when it is told to.

    Broadcast takes one channel and one message at a time, each for a round trip, and two first
    subscribers of a channel meet while it waits. Here it never waits, and what it has ordered goes
    to the broker in one go: with ``settle`` channels, with ``send`` messages.

    Broadcast's own way on is an unbounded queue and a task for each channel, and an error in its
    listener task goes unseen. Here messages go straight from the backend to ``deliver``, and the
    error is what ``failure`` raises.
    """

    def __init__(self, backend: Backend, deliver: Deliver) -> None:
        self._backend = backend
        self._deliver = deliver
        self._joined: list[str] = []
        self._left: list[str] = []
        self._messages: list[Message] = []
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
            await self._backend.connect(self._deliver)
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

    async def subscribe(self, group: str) -> None:
        """Note a channel that the broker is to send."""
        self._joined.append(group)

    async def unsubscribe(self, group: str) -> None:
        """Note a channel that the broker is to send no longer."""
        self._left.append(group)

    async def publish(self, channel: str, message: str) -> None:
        """Note a message that is to be sent."""
        self._messages.append((channel, message))

    async def settle(self) -> None:
        """Return when the broker sends the noted channels, and only they; raise what it raises."""
        joined, self._joined = self._joined, []
        left, self._left = self._left, []
        if joined:
            await self._backend.subscribe(joined)
        if left:
            await self._backend.unsubscribe(left)

    async def send(self) -> list[Exception]:
        """Send the noted messages; return the errors of those that the broker refuses."""
        messages, self._messages = self._messages, []
        return await self._backend.publish(messages)

    async def next_published(self) -> Event:
        """Listen. Broadcast gets no event, and this is silent, but not over, after a failure."""
        self._listening = asyncio.current_task()
        if not self._failed.is_set():
            try:
                await self._backend.listen()
            except Exception as error:  # noqa: BLE001
                self._error = error
                self._failed.set()
        silence: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        return await silence

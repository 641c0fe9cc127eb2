"""One life of a Broadcast: from connecting until anything about it fails."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import NoReturn
from uuid import uuid4

from broadcaster import Broadcast, BroadcastBackend

from realtime.tap import Tap


class Link:
    """A Broadcast that is connected.

    Channels are to be subscribed and unsubscribed one at a time: Broadcast loses all but one of
    several concurrent first subscribers.
    """

    def __init__(self, backend: BroadcastBackend, receive: Callable[[str, str], None]) -> None:
        self._tap = Tap(backend, self._received)
        self._broadcast = Broadcast(backend=self._tap)
        self._receive = receive
        self._subscriptions: dict[str, AbstractAsyncContextManager[object]] = {}
        self._publishing = asyncio.Lock()
        self._echo = f"echo:{uuid4().hex}"
        self._echoed = asyncio.Event()

    @asynccontextmanager
    async def connected(self, *, within_seconds: float) -> AsyncIterator["Link"]:
        """Connect until the link hears itself, and disconnect in the end.

        Raises what the backend raises; TimeoutError where a step takes too long.
        """
        async with asyncio.timeout(within_seconds):
            await self._broadcast.connect()
        try:
            async with asyncio.timeout(within_seconds):
                await self.subscribe(self._echo)
                await self._check()
            yield self
        finally:
            await self._broadcast.disconnect()
            for subscription in self._subscriptions.values():
                await subscription.__aexit__(None, None, None)

    async def subscribe(self, channel: str) -> None:
        """Receive a channel; subscribing twice is harmless."""
        if channel not in self._subscriptions:
            subscription = self._broadcast.subscribe(channel)
            try:
                await subscription.__aenter__()
            except KeyError as error:
                # Broadcast stumbles here over whatever its backend raised, a cancellation too.
                raise error.__context__ or error from None
            self._subscriptions[channel] = subscription

    async def unsubscribe(self, channel: str) -> None:
        """Receive a channel no longer; harmless where it is not subscribed."""
        if subscription := self._subscriptions.pop(channel, None):
            await subscription.__aexit__(None, None, None)

    async def publish(self, channel: str, message: str) -> None:
        """Send a message; raise what the backend raises."""
        async with self._publishing:
            await self._broadcast.publish(channel, message)

    async def failure(self) -> NoReturn:
        """Wait until the backend can't be listened to any more, and raise what broke it."""
        await self._tap.failure()

    async def keep_checking(self, *, every_seconds: float, patience_seconds: float) -> NoReturn:
        """Send messages to this very link; raise TimeoutError when one does not arrive in time.

        This finds what no backend tells of: a broker that hangs, a connection that is half open.
        """
        while True:
            await asyncio.sleep(every_seconds)
            async with asyncio.timeout(patience_seconds):
                await self._check()

    async def _check(self) -> None:
        self._echoed.clear()
        await self.publish(self._echo, "")
        await self._echoed.wait()

    def _received(self, channel: str, message: str) -> None:
        if channel == self._echo:
            self._echoed.set()
        else:
            self._receive(channel, message)

"""One life of a Broadcast: from connecting until anything about it fails."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import NoReturn
from uuid import uuid4

from broadcaster import Broadcast

from realtime.backends.base import Backend, Deliver, Message
from realtime.tap import Tap


class Link:
    """A Broadcast that is connected. Channels are to be changed by one task only."""

    def __init__(self, backend: Backend, deliver: Deliver) -> None:
        self._tap = Tap(backend, self._received)
        self._broadcast = Broadcast(backend=self._tap)
        self._deliver = deliver
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
                await self.subscribe([self._echo])
                await self._check()
            yield self
        finally:
            await self._broadcast.disconnect()
            for subscription in self._subscriptions.values():
                await subscription.__aexit__(None, None, None)

    async def subscribe(self, channels: Iterable[str]) -> None:
        """Receive channels; harmless for those that are subscribed."""
        for channel in channels:
            if channel not in self._subscriptions:
                subscription = self._subscriptions[channel] = self._broadcast.subscribe(channel)
                await subscription.__aenter__()
        await self._tap.settle()

    async def unsubscribe(self, channels: Iterable[str]) -> None:
        """Receive channels no longer; harmless for those that are not subscribed."""
        for channel in channels:
            if subscription := self._subscriptions.pop(channel, None):
                await subscription.__aexit__(None, None, None)
        await self._tap.settle()

    async def publish(self, messages: Iterable[Message]) -> list[Exception]:
        """Send messages; return the errors of those that the broker refuses.

        Raises what the backend raises; then any of them may be lost.
        """
        async with self._publishing:
            for channel, message in messages:
                await self._broadcast.publish(channel, message)
            return await self._tap.send()

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
        for error in await self.publish([(self._echo, "")]):
            raise error
        await self._echoed.wait()

    def _received(self, channel: str, message: str) -> None:
        if channel == self._echo:
            self._echoed.set()
        else:
            self._deliver(channel, message)

"""What a subscription sends to a reader of one stream: its own results and those it shares."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

from realtime.outlet import Group, Rendered
from schema.rendering import Payload, Subscription
from schema.results import Result

_MOST_BYTES = 2**16


class StreamOutlet:
    """Where the events of one subscription go, to be read as one stream."""

    group: Group

    def __init__(self) -> None:
        self._items: deque[Payload] = deque()
        self._kept = self._read = 0
        self._bytes = 0
        self._arrived = asyncio.Event()
        self._taken = asyncio.Event()
        self._callbacks: list[Callable[[], None]] = []

    def deliver(self, results: Sequence[Rendered]) -> bool:
        """Keep results for the reader; return False where enough waits already."""
        if self._bytes >= _MOST_BYTES:
            return False
        for payload, revision in results:
            self._put(payload, revision)
        return True

    def once_writable(self, callback: Callable[[], None]) -> None:
        """Call back once, when the reader has taken something."""
        self._callbacks.append(callback)

    async def read(self, subscription: Subscription) -> AsyncGenerator[Payload, None]:
        """Yield the subscription's results in their order, until it ends."""
        self.group = subscription.group
        pulling = asyncio.create_task(self._pull(subscription))
        pulling.add_done_callback(lambda _: self._arrived.set())
        try:
            while True:
                while self._items:
                    yield self._take()
                if pulling.done():
                    pulling.result()
                    return
                self._arrived.clear()
                await self._arrived.wait()
        finally:
            pulling.cancel()
            await asyncio.wait({pulling})

    async def _pull(self, subscription: Subscription) -> None:
        async with aclosing(subscription.payloads()) as payloads:
            async for payload, revision in payloads:
                self._put(payload, revision)
                number = self._kept
                # Its next result is asked for when this one is taken, whatever has come since.
                while self._read < number:
                    self._taken.clear()
                    await self._taken.wait()

    def _put(self, payload: bytes | Result, revision: int | None) -> None:
        self._items.append((payload, revision))
        self._kept += 1
        self._bytes += _size(payload)
        self._arrived.set()

    def _take(self) -> Payload:
        item = self._items.popleft()
        self._read += 1
        self._bytes -= _size(item[0])
        self._taken.set()
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()
        return item


def _size(payload: bytes | Result) -> int:
    return len(payload) if isinstance(payload, bytes) else 0

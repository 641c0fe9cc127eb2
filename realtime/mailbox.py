"""A bounded queue between code that must not wait and one reader that may be slow."""

import asyncio
from collections.abc import Callable
from typing import Generic, Self, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """What one reader has not read yet, oldest first: at most ``limit`` items.

    ``async for`` yields the items and ends when the mailbox is closed and empty. A mailbox of one
    item always holds the latest. ``on_arrival`` is called when there may be something to take.
    """

    __slots__ = ("_closed", "_items", "_limit", "_reader", "on_arrival")

    def __init__(self, *, limit: float, on_arrival: Callable[[], None] | None = None) -> None:
        self.on_arrival = on_arrival
        # Most are empty most of the time, and a deque takes ten times as much memory for that.
        self._items: list[T] = []
        self._limit = limit
        self._closed = False
        self._reader: asyncio.Future[None] | None = None

    def put(self, item: T) -> bool:
        """Add an item. Return False where the mailbox was full and forgot its content for it."""
        fits = len(self._items) < self._limit
        if not fits:
            self._items.clear()
        self._items.append(item)
        self._wake()
        return fits

    def take(self) -> T | None:
        """Return the next item, at once; None where there is none."""
        return self._items.pop(0) if self._items else None

    @property
    def closed(self) -> bool:
        """Whether nothing more comes in."""
        return self._closed

    def close(self) -> None:
        """End the iteration, once what is in the mailbox has been read."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        if self._reader is not None:
            if not self._reader.done():
                self._reader.set_result(None)
        elif self.on_arrival is not None:
            self.on_arrival()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while (item := self.take()) is None:
            if self._closed:
                raise StopAsyncIteration
            await self._arrival()
        return item

    async def _arrival(self) -> None:
        if self._reader is not None:
            raise RuntimeError("A mailbox has one reader at a time.")
        self._reader = asyncio.get_running_loop().create_future()
        try:
            await self._reader
        finally:
            self._reader = None

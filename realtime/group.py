"""Several watches, read as one."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from types import TracebackType
from typing import Any, Generic, Self, TypeVar
from uuid import UUID

from realtime.feeds import Feeds
from realtime.watch import Watch

K = TypeVar("K")


class WatchGroup(Generic[K]):
    """Watches under keys, within ``async with``; without a task for each.

    ``async for`` yields pairs of key and what the watch of that key yields, the watches taking
    turns. It ends when all watches of the group have ended, or when there is none.
    """

    def __init__(self) -> None:
        self._watches: dict[K, Watch[Any]] = {}
        self._contexts: dict[K, AbstractAsyncContextManager[Watch[Any]]] = {}
        self._ready: OrderedDict[K, None] = OrderedDict()
        self._arrived = asyncio.Event()

    async def add(
        self,
        key: K,
        feeds: Feeds[Any],
        topic: UUID,
        *,
        conflate: bool = True,
        details: bool = False,
    ) -> None:
        """Watch a topic, as ``Feeds.watch`` does, until it is discarded. The key must be new."""
        if key in self._watches:
            raise ValueError(f"{key!r} is in this group already.")
        context = feeds.watch(topic, conflate=conflate, details=details)
        watch = await context.__aenter__()
        self._contexts[key] = context
        self._watches[key] = watch
        watch.on_arrival = partial(self._note, key)
        self._note(key)

    async def add_all(self, feeds: Feeds[Any], topics: Mapping[K, UUID]) -> None:
        """Add many at once: together they ask the source once or twice, not each."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for key, topic in topics.items():
                    tasks.create_task(self.add(key, feeds, topic))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    def advance(self, key: K, revision: int) -> None:
        """Tell that the reader has itself read all of the key's topic up to the revision."""
        self._watches[key].advance(revision)

    async def discard(self, key: K) -> None:
        """Watch the key's topic no longer, if it is watched."""
        if context := self._contexts.pop(key, None):
            self._watches.pop(key).on_arrival = None
            self._ready.pop(key, None)
            await context.__aexit__(None, None, None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for key in list(self._contexts):
            await self.discard(key)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> tuple[K, Any]:
        while True:
            while self._ready:
                key, _ = self._ready.popitem(last=False)
                item = self._watches[key].take()
                if item is not None:
                    self._ready[key] = None
                    return key, item
            if all(watch.closed for watch in self._watches.values()):
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()

    def _note(self, key: K) -> None:
        self._ready[key] = None
        self._arrived.set()

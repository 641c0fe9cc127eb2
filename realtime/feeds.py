"""The watched topics of one kind, and what keeps them true."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from types import TracebackType
from typing import Generic, NoReturn, Protocol, Self, TypeVar
from uuid import UUID

from realtime.bus import Bus
from realtime.feed import Feed, Rules, SourceAway
from realtime.reports import Report
from realtime.tasks import Tasks, heed_cancellation
from realtime.watch import Aside, Merge, Revised, Watch

C = TypeVar("C", bound=Revised)
C_co = TypeVar("C_co", bound=Revised, covariant=True)


class Source(Protocol[C_co]):
    """Where what the bus has lost can be read. What it raises is taken for a passing trouble."""

    async def read(self, topic: UUID, since: int) -> C_co | None:
        """Return all that happened to the topic after the revision, as one; None if it is gone."""

    async def revisions(self, topics: Collection[UUID]) -> Mapping[UUID, int]:
        """Return the revisions of the topics; those that are gone are missing."""


def _never(_change: object) -> bool:
    return False


class Feeds(Generic[C]):
    """One feed for each topic that is watched in this process.

    Messages travel on the bus channel ``{kind}:{topic}``; ``decode`` makes them changes, or asides,
    which are handed to whoever watches and then forgotten. A change that
    ``needs_read`` is read from the source instead, where a watch of the topic asked for details.
    After one that ``is_last`` the topic is gone.

    Whatever the bus loses is found by comparing the revisions of all watched topics with the
    source: every ``tick_seconds``, every ``down_tick_seconds`` while the bus or the source is in
    trouble, and at once when the bus is back. A question to the source is given up after
    ``source_seconds``, and at most ``reads_at_once`` repairs read at a time. To be used between
    ``async with``'s entry and exit.
    """

    def __init__(
        self,
        bus: Bus,
        *,
        kind: str,
        source: Source[C],
        decode: Callable[[str], C | Aside],
        needs_read: Callable[[C], bool] = _never,
        is_last: Callable[[C], bool] = _never,
        tick_seconds: float = 3.0,
        down_tick_seconds: float = 1.0,
        source_seconds: float = 10.0,
        reads_at_once: int = 8,
        mailbox_limit: int = 256,
    ) -> None:
        self._bus = bus
        self._kind = kind
        self._source = source
        self._tick_seconds = tick_seconds
        self._down_tick_seconds = down_tick_seconds
        self._source_seconds = source_seconds
        self._mailbox_limit = mailbox_limit
        self._few_reads = asyncio.Semaphore(reads_at_once)
        self._one_question = asyncio.Lock()
        self._beginning: dict[Feed[C], None] = {}
        self._feeds: dict[UUID, Feed[C]] = {}
        self._tasks = Tasks()
        self._wake = asyncio.Event()
        self._source_away = False
        self._report = Report(logging.getLogger(__name__))
        self._rules = Rules(
            decode=decode,
            needs_read=needs_read,
            is_last=is_last,
            read=self._read,
            start=self._tasks.start,
        )

    def __len__(self) -> int:
        """Return how many topics are watched."""
        return len(self._feeds)

    def publish(self, topic: UUID, message: str) -> None:
        """Tell every process of a change, encoded. Never blocks and never raises."""
        self._bus.publish(self._channel(topic), message)

    @asynccontextmanager
    async def watch(
        self, topic: UUID, *, merge: Merge[C] | None = None, details: bool = False
    ) -> AsyncIterator[Watch[C]]:
        """Watch a topic: what is committed after the block was entered is yielded in it.

        So a snapshot read within the block misses nothing. A reader that is slow gets what it has
        not read as one change with ``merge``; without it gets BEHIND where its mailbox overflowed.
        Raises SourceAway where the source can't tell where the topic stands.
        """
        watch = self.join(topic, merge=merge, details=details)
        try:
            await self.begun(watch)
            yield watch
        finally:
            self.leave(watch)

    def join(
        self, topic: UUID, *, merge: Merge[C] | None = None, details: bool = False
    ) -> Watch[C]:
        """Begin to watch a topic as ``watch`` does, until ``leave`` is called."""
        feed = self._feeds.get(topic)
        if feed is None or feed.ended:
            feed = self._open(topic)
        watch = Watch(feed, limit=self._mailbox_limit, merge=merge, details=details)
        feed.add(watch)
        return watch

    async def begun(self, watch: Watch[C]) -> None:
        """Wait until what is committed from now on reaches the watch; raises SourceAway."""
        feed = watch.feed
        await feed.listener.ready()
        await self._begin(feed)

    def leave(self, watch: Watch[C]) -> None:
        """Watch no longer; leaving twice is harmless."""
        feed = watch.feed
        if feed.watches.pop(watch, ...) is None:
            watch.close()
            if not feed.watches:
                self._close(feed)

    async def reconcile(self) -> None:
        """Compare all watched topics with the source once, and begin to repair those that lag."""
        feeds = [feed for feed in self._feeds.values() if feed.begun]
        if feeds:
            with suppress(SourceAway):
                async with self._asking(nullcontext()):
                    await self._compare(feeds)

    async def __aenter__(self) -> Self:
        self._bus.on_rebuild.append(self._wake.set)
        self._tasks.start(self._keep_reconciled())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bus.on_rebuild.remove(self._wake.set)
        for feed in list(self._feeds.values()):
            self._close(feed)
        await self._tasks.cancel()

    def _channel(self, topic: UUID) -> str:
        return f"{self._kind}:{topic}"

    def _open(self, topic: UUID) -> Feed[C]:
        feed = self._feeds[topic] = Feed(topic, self._rules)
        feed.listener = self._bus.join(self._channel(topic), feed.receive)
        return feed

    def _close(self, feed: Feed[C]) -> None:
        feed.close()
        self._beginning.pop(feed, None)
        if self._feeds.get(feed.topic) is feed:
            del self._feeds[feed.topic]

    async def _begin(self, feed: Feed[C]) -> None:
        """Have the source tell where the feed begins; one question asks for all that wait."""
        if feed.begun:
            return
        self._beginning[feed] = None
        async with self._asking(self._one_question):
            if not feed.begun:
                await self._compare(list(self._beginning))

    async def _compare(self, feeds: Sequence[Feed[C]]) -> None:
        revisions = await self._source.revisions([feed.topic for feed in feeds])
        for feed in feeds:
            self._beginning.pop(feed, None)
            feed.compare(revisions.get(feed.topic))

    async def _read(self, topic: UUID, since: int) -> C | None:
        async with self._asking(self._few_reads):
            return await self._source.read(topic, since)

    @asynccontextmanager
    async def _asking(self, turn: AbstractAsyncContextManager[object]) -> AsyncIterator[None]:
        """Bound a question to the source in time, and note whether it was answered."""
        try:
            async with asyncio.timeout(self._source_seconds), turn:
                yield
        except Exception as error:
            self._source_away = True
            self._report(f"The source of {self._kind} is away", error)
            raise SourceAway(self._kind) from error
        self._source_away = False

    async def _keep_reconciled(self) -> NoReturn:
        while True:
            await self._until_due()
            await self.reconcile()
            heed_cancellation()

    async def _until_due(self) -> None:
        now = asyncio.get_running_loop().time
        due = now() + self._tick_seconds
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(min(self._down_tick_seconds, self._tick_seconds)):
                    await self._wake.wait()
            in_trouble = self._source_away or not self._bus.healthy
            if self._wake.is_set() or in_trouble or now() >= due:
                self._wake.clear()
                return

"""A toy database of topics that change, and the feeds over it."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import msgspec

from realtime.bus import Bus
from realtime.feeds import Feeds


class Change(msgspec.Struct, frozen=True):
    """The items (each known by its revision) that a topic got; None where they are not carried."""

    since: int
    revision: int
    items: tuple[int, ...] | None
    last: bool = False


class Ledger:
    """A ``Source`` that can be out of order, slow or behind, and counts what it is asked."""

    def __init__(self) -> None:
        self.topics: dict[UUID, int] = {}
        self.reads: list[tuple[UUID, int]] = []
        self.questions: list[list[UUID]] = []
        self.away = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = asyncio.Event()

    def create(self) -> UUID:
        topic = uuid4()
        self.topics[topic] = 0
        return topic

    def commit(self, topic: UUID, count: int = 1) -> Change:
        since = self.topics[topic]
        self.topics[topic] = since + count
        return self.change(topic, since)

    def change(self, topic: UUID, since: int) -> Change:
        revision = self.topics[topic]
        return Change(since, revision, tuple(range(since + 1, revision + 1)))

    def remove(self, topic: UUID) -> Change:
        since = self.topics.pop(topic)
        return Change(since, since + 1, (), last=True)

    async def read(self, topic: UUID, since: int) -> Change | None:
        self.reads.append((topic, since))
        answer = self.change(topic, since) if topic in self.topics else None
        await self._answer()
        return answer

    async def revisions(self, topics: Collection[UUID]) -> Mapping[UUID, int]:
        self.questions.append(list(topics))
        answer = {topic: self.topics[topic] for topic in topics if topic in self.topics}
        await self._answer()
        return answer

    async def _answer(self) -> None:
        # What it answers was true when it was asked, as in a real database.
        self.asked.set()
        await self.gate.wait()
        if self.away:
            raise ConnectionRefusedError


def encode(change: Change) -> str:
    return msgspec.json.encode(change).decode()


def lacks_items(change: Change) -> bool:
    return change.items is None


def merged(earlier: Change, later: Change) -> Change:
    items = None if None in (earlier.items, later.items) else (*earlier.items, *later.items)
    return Change(earlier.since, later.revision, items, later.last)


def is_last(change: Change) -> bool:
    return change.last


class World:
    """A ledger, a bus, and feeds whose ticks come only when they are called."""

    def __init__(self, bus: Bus, ledger: Ledger, feeds: Feeds[Change]) -> None:
        self.bus = bus
        self.ledger = ledger
        self.feeds = feeds

    def commit(self, topic: UUID, count: int = 1) -> Change:
        """Change the topic and tell the world."""
        change = self.ledger.commit(topic, count)
        self.publish(topic, change)
        return change

    def publish(self, topic: UUID, change: Change) -> None:
        self.feeds.publish(topic, encode(change))


def make_feeds(
    bus: Bus, ledger: Ledger, *, tick_seconds: float = 3_600, mailbox_limit: int = 256
) -> Feeds[Change]:
    return Feeds(
        bus,
        kind="toy",
        source=ledger,
        decode=msgspec.json.Decoder(Change).decode,
        needs_read=lacks_items,
        is_last=is_last,
        tick_seconds=tick_seconds,
        down_tick_seconds=tick_seconds / 4,
        mailbox_limit=mailbox_limit,
    )


@asynccontextmanager
async def a_world(*, tick_seconds: float = 3_600, mailbox_limit: int = 256) -> AsyncIterator[World]:
    ledger = Ledger()
    async with Bus("memory://") as bus:
        feeds = make_feeds(bus, ledger, tick_seconds=tick_seconds, mailbox_limit=mailbox_limit)
        async with feeds:
            yield World(bus, ledger, feeds)

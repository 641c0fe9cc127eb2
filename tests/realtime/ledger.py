"""A toy database of topics that change, and the feeds over it."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import msgspec

from realtime.bus import Bus
from realtime.feeds import Feeds
from realtime.view import Audience, Page


class Change(msgspec.Struct, frozen=True):
    """The items (each known by its revision) that a topic got; None where they are not carried.

    ``members`` is the revision at which those who may follow it changed last.
    """

    since: int
    revision: int
    items: tuple[int, ...] | None
    last: bool = False
    members: int = 0


class Ledger:
    """A ``Source`` that can be out of order, slow or behind, and counts what it is asked."""

    def __init__(self) -> None:
        self.topics: dict[UUID, int] = {}
        self.audiences: dict[UUID, Audience] = {}
        self.reads: list[tuple[UUID, int]] = []
        self.questions: list[list[UUID]] = []
        self.audience_questions = 0
        self.pages: list[tuple[int, int]] = []
        self.page_size = 100
        self.most_repaired = 10_000
        self.away = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = asyncio.Event()
        self.relays_gate = asyncio.Event()
        self.relays_gate.set()
        self.relays_asked = asyncio.Event()

    def create(self) -> UUID:
        topic = uuid4()
        self.topics[topic] = 0
        return topic

    def commit(self, topic: UUID, count: int = 1) -> Change:
        since = self.topics[topic]
        self.topics[topic] = since + count
        return self.change(topic, since)

    def change(self, topic: UUID, since: int) -> Change:
        revision, members = self.topics[topic], self.members(topic)
        return Change(since, revision, self._items(topic, since, revision), members=members)

    def remove(self, topic: UUID) -> Change:
        since = self.topics.pop(topic)
        return Change(since, since + 1, (), last=True)

    def admit(self, topic: UUID, *users: UUID) -> Change:
        """Have these, and nobody else, follow the topic from now on."""
        revision = self.topics[topic] + 1
        self.audiences[topic] = Audience(revision=revision, users=users)
        return self.commit(topic)

    def members(self, topic: UUID) -> int:
        audience = self.audiences.get(topic)
        return 0 if audience is None else audience.revision

    async def audience(self, topic: UUID) -> Audience | None:
        """Return who may follow the topic: nobody has to ask before ``admit`` was called."""
        self.audience_questions += 1
        await self._turn_of_relays()
        return self.audiences.get(topic) if topic in self.topics else None

    async def page(self, topic: UUID, since: int, known: int) -> Page | None:
        """Return what came behind ``since``, ``page_size`` items at most."""
        self.pages.append((since, known))
        await self._turn_of_relays()
        return self._page(topic, since) if topic in self.topics else None

    def _page(self, topic: UUID, since: int) -> Page:
        items = self._items(topic, since, self.topics[topic])
        more = len(items) > self.page_size
        page = items[: self.page_size]
        return Page(
            events=[(item, item) for item in page],
            revision=page[-1] if more else self.topics[topic],
            more=more,
            audience=self.audiences.get(topic, Audience(revision=0, users=())),
        )

    def _items(self, topic: UUID, since: int, revision: int) -> tuple[int, ...]:
        return tuple(range(since + 1, revision + 1))

    async def read(self, topic: UUID, since: int) -> Change | None:
        self.reads.append((topic, since))
        answer = self.change(topic, since) if topic in self.topics else None
        if answer is not None and answer.revision - since > self.most_repaired:
            answer = msgspec.structs.replace(answer, items=None)
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

    async def _turn_of_relays(self) -> None:
        # Who waits for a connection gets an answer of the moment at which it has got one.
        self.relays_asked.set()
        await self.relays_gate.wait()
        if self.away:
            raise ConnectionRefusedError


def encode(change: Change) -> str:
    return msgspec.json.encode(change).decode()


def lacks_items(change: Change) -> bool:
    return change.items is None


def merged(earlier: Change, later: Change) -> Change:
    items = None
    if earlier.items is not None and later.items is not None:
        items = (*earlier.items, *later.items)
    return Change(earlier.since, later.revision, items, later.last, later.members)


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

    def admit(self, topic: UUID, *users: UUID) -> Change:
        """Change who may follow the topic, and tell the world."""
        change = self.ledger.admit(topic, *users)
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

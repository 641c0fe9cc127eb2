"""Relays over the toy ledger, and outlets that take only as much as a test lets them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from realtime.member import Member
from realtime.outlet import Rendered
from realtime.relays import Relays
from realtime.view import Audience, Events, Parting, Reason
from tests.realtime.hearing import everything_heard
from tests.realtime.ledger import Change, Ledger, World, a_world, merged

ADA, BEN, CLEO = (UUID(int=number) for number in (1, 2, 3))
MOMENT = 10
"""More seconds than anything takes that happens at all."""


class Rendering:
    """A group: it notes what it renders, may refuse to, and may have to wait for it."""

    wants_asides = False
    moves = False

    def __init__(self, name: str = "", *, slow: bool = False) -> None:
        self.name = name
        self.rendered: list[Any] = []
        self.calls: list[Sequence[Any]] = []
        self.padding = ""
        self.broken = False
        self.slow = slow
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = asyncio.Event()

    def render(self, events: Sequence[Any]) -> list[bytes] | Coroutine[Any, Any, list[bytes]]:
        self.rendered += events
        self.calls.append(events)
        self.asked.set()
        return self._later(events) if self.slow else list(map(self._now, events))

    def _now(self, event: Any) -> bytes:
        if self.broken:
            raise ValueError(event)
        return f"{self.name}{event}{self.padding}".encode()

    async def _later(self, events: Sequence[Any]) -> list[bytes]:
        await self.gate.wait()
        return list(map(self._now, events))


class Reader:
    """An outlet: it keeps what it is told, as long as there is room."""

    def __init__(self, group: Rendering, *, room: float = float("inf")) -> None:
        self.group = group
        self.told: list[tuple[int, str]] = []
        self.room = room
        self.on_deliver: Callable[[], None] = lambda: None
        self._waiting: list[Callable[[], None]] = []
        self._news = asyncio.Event()

    @property
    def revisions(self) -> list[int]:
        return [revision for revision, _ in self.told]

    def deliver(self, results: Sequence[Rendered]) -> bool:
        if self.room <= 0:
            return False
        self.room -= len(results)
        self.told += [(revision, payload.decode()) for payload, revision in results]
        self._news.set()
        self.on_deliver()
        return True

    def once_writable(self, callback: Callable[[], None]) -> None:
        self._waiting.append(callback)

    def drain(self, room: float = float("inf")) -> None:
        """Take this many again, and say so to whoever waits for that."""
        self.room = room
        waiting, self._waiting = self._waiting, []
        for callback in waiting:
            callback()

    async def until(self, revision: int) -> list[int]:
        """Wait until it was told of this revision; return all of them."""
        async with asyncio.timeout(MOMENT):
            while not self.told or self.told[-1][0] < revision:
                self._news.clear()
                await self._news.wait()
        return self.revisions


class Follower:
    """A reader that follows, and why it was parted."""

    def __init__(self, room: "Room", user: UUID, reader: Reader) -> None:
        self.room = room
        self.user = user
        self.reader = reader
        self.member: Member
        self.partings: asyncio.Queue[Parting] = asyncio.Queue()

    def follow(self, revision: int | None = None, told: Any = None) -> None:
        """Go on behind a revision: the ledger's own, if no other is given."""
        ledger, topic = self.room.ledger, self.room.topic
        newest = ledger.topics[topic]
        members = ledger.members(topic)
        self.member.follow(newest if revision is None else revision, members, told)

    async def parted(self) -> Parting:
        async with asyncio.timeout(MOMENT):
            return await self.partings.get()

    async def reason(self) -> Reason:
        return (await self.parted()).reason

    @property
    def undisturbed(self) -> bool:
        return self.partings.empty()

    @property
    def revisions(self) -> list[int]:
        return self.reader.revisions


class Items:
    """The items that a topic got, each an event of its own."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def events(self, key: UUID, change: Change, known: int) -> Events | None:
        if change.items is None:
            return None
        return [(item, item) for item in change.items if item > known]

    def is_last(self, change: Change) -> bool:
        return change.last

    def audience_revision(self, change: Change) -> int:
        return change.members

    async def audience(self, key: UUID) -> Audience | None:
        return await self._ledger.audience(key)


class Newest(Items):
    """What the newest revision of a topic says: by default, which one it is."""

    says: Callable[[int], Any] = staticmethod(lambda revision: revision)

    def events(self, key: UUID, change: Change, known: int) -> Sequence[tuple[int, Any]]:
        return [(change.revision, self.says(change.revision))]


class Room:
    """A topic of a world, and the relays over it."""

    def __init__(self, world: World, relays: Relays[Change]) -> None:
        self.world = world
        self.ledger = world.ledger
        self.relays = relays
        self.topic = world.ledger.create()
        self.group = Rendering()

    async def join(
        self,
        user: UUID = ADA,
        *,
        group: Rendering | None = None,
        reader: Reader | None = None,
    ) -> Follower:
        """Have somebody join who has not said yet from where on."""
        follower = Follower(self, user, reader or Reader(group or self.group))
        follower.member = await self.relays.join(
            self.topic, user, follower.reader, follower.partings.put_nowait
        )
        return follower

    async def follower(
        self,
        user: UUID = ADA,
        *,
        group: Rendering | None = None,
        reader: Reader | None = None,
        told: Any = None,
    ) -> Follower:
        """Have somebody follow from the ledger's newest revision on."""
        follower = await self.join(user, group=group, reader=reader)
        follower.follow(told=told)
        return follower

    async def followers(self, count: int) -> list[Follower]:
        return [await self.follower() for _ in range(count)]

    async def commit(self, count: int = 1, *, bare: bool = False) -> int:
        """Commit, and have it arrive; ``bare`` carries no items. Return the newest revision."""
        change = self.ledger.commit(self.topic, count)
        if bare:
            change = Change(change.since, change.revision, None, members=change.members)
        self.world.publish(self.topic, change)
        await self.heard()
        # A relay that was at work for long lets others have their turn before it goes on.
        for _ in range(10):
            await asyncio.sleep(0)
        return change.revision

    async def heard(self) -> None:
        """Wait until everything that was published has arrived."""
        await everything_heard(self.world.bus)

    async def done(self) -> None:
        """Wait until the relays have done with all that arrived."""
        await self.heard()
        async with asyncio.timeout(MOMENT):
            # There is no event for what nobody but a test asks.
            while at_work(self.relays):  # noqa: ASYNC110
                await asyncio.sleep(0)


def at_work(relays: Relays[Any]) -> bool:
    """Tell whether any of the relays is about to tell anything."""
    return any(
        relay._work
        or relay.watch._items  # type: ignore[attr-defined]
        or any(cohort.busy for cohort in relay._delivery._cohorts.values())
        for relay in relays._relays.values()
    )


@asynccontextmanager
async def a_room(*, mailbox_limit: int = 256) -> AsyncIterator[Room]:
    """Relays that hand on every item."""
    async with a_world(mailbox_limit=mailbox_limit) as world:
        relays = Relays(
            world.feeds,
            Items(world.ledger),
            topic=lambda key: key,
            read=world.ledger.page,
            retry_seconds=0.01,
        )
        async with relays:
            yield Room(world, relays)
        assert len(world.feeds) == len(relays)


@asynccontextmanager
async def a_paced_room(
    *, seconds_between: float = 0.0, view: type[Newest] = Newest
) -> AsyncIterator[Room]:
    """Relays that hand on what is newest."""
    async with a_world() as world:
        relays = Relays(
            world.feeds,
            view(world.ledger),
            topic=lambda key: key,
            merge=merged,
            seconds_between=seconds_between,
            retry_seconds=0.01,
        )
        async with relays:
            yield Room(world, relays)

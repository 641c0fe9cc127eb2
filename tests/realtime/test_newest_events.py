"""Relays that hand on the newest event: nobody is told twice, nobody left with an old one."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from realtime.member import Member
from realtime.outlet import Rendered
from realtime.relays import Relays
from realtime.view import Audience, Parting, Reason
from tests.realtime.hearing import everything_heard
from tests.realtime.ledger import Change, World, a_world, merged

ANYBODY = UUID(int=1)


class Parity:
    """Whether a topic's revision is odd: every other event says the same again."""

    def events(self, key: UUID, change: Change, known: int) -> Sequence[tuple[int, int]]:
        return [(change.revision, change.revision % 2)]

    def is_last(self, change: Change) -> bool:
        return change.last

    def audience_revision(self, change: Change) -> int:
        return 0

    async def audience(self, key: UUID) -> Audience | None:
        return Audience(revision=0, users=[ANYBODY])


class Plain:
    """Renders an event as what it is, or fails."""

    wants_asides = False
    moves = False

    fails = False

    def render(self, events: Sequence[int]) -> list[bytes]:
        if self.fails:
            raise ArithmeticError
        return [str(event).encode() for event in events]


class Reader:
    """A follower that keeps what it is told."""

    def __init__(self, group: Plain) -> None:
        self.group = group
        self.told: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue()
        self.partings: list[Parting] = []
        self.member: Member

    def begin(self, revision: int) -> None:
        """Follow behind a revision, whose event is known."""
        self.member.follow(revision, 0, revision % 2)

    def deliver(self, results: Sequence[Rendered]) -> bool:
        for payload, revision in results:
            self.told.put_nowait((revision, payload))
        return True

    def once_writable(self, callback: Callable[[], None]) -> None:
        raise AssertionError("it takes everything")

    async def next(self) -> tuple[int, bytes]:
        async with asyncio.timeout(10):
            return await self.told.get()


class Room:
    """A world with relays, whose topic's newest event can be followed."""

    def __init__(self, world: World, relays: Relays[Change]) -> None:
        self.world = world
        self.topic = world.ledger.create()
        self.group = Plain()
        self._relays = relays

    async def commit(self, count: int = 1) -> None:
        self.world.commit(self.topic, count)
        await everything_heard(self.world.bus)

    async def join(self) -> Reader:
        """Have somebody come who has not said yet what they know."""
        reader = Reader(self.group)
        part = reader.partings.append
        reader.member = await self._relays.join(self.topic, ANYBODY, reader, part)
        return reader

    async def follow(self) -> Reader:
        """Have somebody come who knows the event of this moment."""
        reader = await self.join()
        reader.begin(self.world.ledger.topics[self.topic])
        return reader


@asynccontextmanager
async def a_room(*, seconds_between: float) -> AsyncIterator[Room]:
    async with a_world() as world:
        relays = Relays(
            world.feeds,
            Parity(),
            topic=lambda key: key,
            merge=merged,
            seconds_between=seconds_between,
        )
        async with relays:
            yield Room(world, relays)


async def test_an_event_that_says_what_was_told_last_is_left_out() -> None:
    async with a_room(seconds_between=0) as room:
        reader = await room.follow()
        await room.commit()
        assert await reader.next() == (1, b"1")
        await room.commit(2)
        await room.commit()
        assert await reader.next() == (4, b"0")


async def test_whoever_began_with_news_that_is_already_over_is_told_so() -> None:
    async with a_room(seconds_between=0.1) as room:
        first = await room.follow()
        await room.commit()
        assert await first.next() == (1, b"1")
        await room.commit()
        second = await room.follow()
        await room.commit()
        assert await second.next() == (3, b"1")


async def test_an_event_that_could_not_be_rendered_has_to_be_read() -> None:
    async with a_room(seconds_between=0) as room:
        follower, newcomer = await room.follow(), await room.join()
        room.group.fails = True
        await room.commit()
        room.group.fails = False
        assert [parting.reason for parting in follower.partings] == [Reason.BEHIND]
        newcomer.begin(0)
        assert await newcomer.next() == (1, b"1")
        follower.begin(1)
        await room.commit()
        for reader in (follower, newcomer):
            assert await reader.next() == (2, b"0")

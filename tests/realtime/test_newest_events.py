"""Relays that hand on the newest event: nobody is told twice, and nobody is left with an old one."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from realtime.relays import Relays
from realtime.view import Audience, Parting
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
    """Renders an event as what it is."""

    def render(self, event: int) -> bytes:
        return str(event).encode()


class Reader:
    """An outlet that keeps what it is told."""

    group = Plain()

    def __init__(self) -> None:
        self.told: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue()

    def deliver(self, payload: bytes, revision: int) -> bool:
        self.told.put_nowait((revision, payload))
        return True

    def once_writable(self, callback: Callable[[], None]) -> None:
        raise AssertionError("it takes everything")

    async def next(self) -> tuple[int, bytes]:
        async with asyncio.timeout(10):
            return await self.told.get()


def unexpected(parting: Parting) -> None:
    raise AssertionError(parting)


class Room:
    """A world with relays, whose topic's newest event can be followed."""

    def __init__(self, world: World, relays: Relays[Change]) -> None:
        self.world = world
        self.topic = world.ledger.create()
        self._relays = relays

    async def commit(self, count: int = 1) -> None:
        self.world.commit(self.topic, count)
        await everything_heard(self.world.bus)

    async def follow(self) -> Reader:
        """Begin to follow, with the event of this moment known."""
        reader = Reader()
        member = await self._relays.join(self.topic, ANYBODY, reader, unexpected)
        revision = self.world.ledger.topics[self.topic]
        member.follow(revision, 0, revision % 2)
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

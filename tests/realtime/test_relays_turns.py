"""What many relays ask of the database at a time."""

import asyncio
import time
from collections.abc import Coroutine, Sequence
from typing import Any
from uuid import UUID

import pytest

from realtime.cohort import PORTION
from realtime.relays import Relays
from realtime.view import Audience
from tests.realtime.hearing import everything_heard
from tests.realtime.ledger import Change, World, a_world
from tests.realtime.relaying import ADA, MOMENT, Items, Reader, Rendering, a_room

Key = tuple[UUID, int]


class Parts(Items):
    """The items of a topic, for each of its keys."""

    def events(self, key: Key, change: Change, known: int) -> list[tuple[int, int]]:  # type: ignore[override]
        return [(item, item) for item in change.items or ()]

    async def audience(self, key: Key) -> Audience | None:  # type: ignore[override]
        return await super().audience(key[0])


async def follow(relays: Relays[Change], key: Key) -> Reader:
    reader = Reader(Rendering())
    member = await relays.join(key, ADA, reader, print)
    member.follow(0, 0)
    return reader


async def change_members(world: World, topic: UUID) -> None:
    world.publish(topic, world.ledger.admit(topic, ADA))
    await everything_heard(world.bus)
    for _ in range(20):
        await asyncio.sleep(0)


async def test_the_relays_of_a_topic_ask_once_and_keep_no_other_topic_waiting() -> None:
    async with a_world() as world:
        ledger = world.ledger
        view = Parts(ledger)
        relays: Relays[Change] = Relays(
            world.feeds, view, topic=lambda key: key[0], read=ledger.page, asks_at_once=2
        )
        async with relays:
            crowded, calm, third = ledger.create(), ledger.create(), ledger.create()
            keys = [*((crowded, part) for part in range(10)), (calm, 0), (third, 0)]
            readers = [await follow(relays, key) for key in keys]
            ledger.relays_gate.clear()
            await change_members(world, crowded)
            assert ledger.audience_questions == 1
            await change_members(world, calm)
            assert ledger.audience_questions == 2
            await change_members(world, third)
            assert ledger.audience_questions == 2
            ledger.relays_gate.set()
            async with asyncio.timeout(MOMENT):
                for reader in readers:
                    await reader.until(1)
            assert ledger.audience_questions == 3
            await change_members(world, crowded)
            async with asyncio.timeout(MOMENT):
                for reader in readers[:10]:
                    await reader.until(2)
            assert ledger.audience_questions == 4


class Laborious(Rendering):
    """A group whose rendering keeps everybody waiting for a hundredth of a second."""

    wants_asides = False
    moves = False

    def render(self, events: Sequence[int]) -> list[bytes] | Coroutine[Any, Any, list[bytes]]:
        time.sleep(0.01)
        return super().render(events)


async def test_others_have_their_turn_while_an_event_is_rendered_for_many_groups() -> None:
    async with a_room() as room:
        groups = [Laborious() for _ in range(10)]
        followers = [await room.follower(group=group) for group in groups]
        room.world.publish(room.topic, room.ledger.commit(room.topic))
        turns = set()
        async with asyncio.timeout(MOMENT):
            while not all(follower.revisions for follower in followers):
                turns.add(sum(len(group.rendered) for group in groups))
                await asyncio.sleep(0)
        assert turns.issuperset(range(1, 10))
        assert [follower.revisions for follower in followers] == [[1]] * 10


async def test_a_burst_is_told_whole_though_others_have_their_turn_between_groups() -> None:
    async with a_room() as room:
        followers = [await room.follower(group=Laborious()) for _ in range(3)]
        last = await room.commit(PORTION + 1)
        for follower in followers:
            assert await follower.reader.until(last) == list(range(1, last + 1))
            assert follower.undisturbed


@pytest.mark.parametrize("number", [0, 1, 2])
async def test_who_takes_no_more_when_its_turn_comes_misses_nothing(number: int) -> None:
    async with a_room() as room:
        followers = [await room.follower(group=Laborious()) for _ in range(3)]
        full = followers[number]
        full.reader.room = 0
        await room.commit()
        await room.done()
        full.reader.drain()
        for follower in followers:
            assert await follower.reader.until(1) == [1]
            assert follower.undisturbed

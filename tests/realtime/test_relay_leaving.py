"""Followers leave at any moment: nothing goes on for them, and nothing of them remains."""

import asyncio
import gc
import weakref

import pytest

from realtime.view import Reason
from tests.realtime.relaying import (
    ADA,
    BEN,
    MOMENT,
    Follower,
    Rendering,
    Room,
    a_paced_room,
    a_room,
)


def empty(room: Room) -> bool:
    return len(room.relays) == len(room.world.feeds) == 0


async def test_who_left_gets_nothing_more_and_the_others_go_on() -> None:
    async with a_room() as room:
        leaving, staying = await room.followers(2)
        await room.commit()
        leaving.member.leave()
        await room.commit()
        assert (leaving.revisions, staying.revisions) == ([1], [1, 2])
        assert leaving.undisturbed


async def test_the_last_one_to_leave_closes_watch_and_relay() -> None:
    async with a_room() as room:
        one, other = await room.followers(2)
        joined = await room.join()
        one.member.leave()
        other.member.leave()
        assert len(room.relays) == len(room.world.feeds) == 1
        joined.member.leave()
        assert empty(room)


async def test_leaving_twice_and_following_after_that_is_harmless() -> None:
    async with a_room() as room:
        leaving, staying = await room.followers(2)
        for _ in range(2):
            leaving.member.leave()
        leaving.follow()
        await room.commit()
        assert leaving.revisions == []
        assert leaving.undisturbed
        staying.member.leave()
        assert empty(room)
        leaving.member.leave()
        leaving.follow()
        assert leaving.undisturbed
        assert empty(room)


async def test_leaving_after_the_end_is_harmless_and_a_newcomer_gets_a_relay_of_its_own() -> None:
    async with a_room() as room:
        first = await room.follower()
        room.world.publish(room.topic, room.ledger.remove(room.topic))
        assert await first.reason() is Reason.GONE
        room.ledger.topics[room.topic] = 7
        second = await room.follower()
        assert len(room.relays) == 1
        first.member.leave()
        await room.commit()
        assert second.revisions == [8]
        second.member.leave()
        assert empty(room)


async def test_who_comes_back_after_all_left_gets_what_comes_then() -> None:
    async with a_room() as room:
        for revision in range(1, 4):
            follower = await room.follower()
            await room.commit()
            assert follower.revisions == [revision]
            follower.member.leave()
            assert empty(room)


async def held_up_reading(room: Room) -> None:
    room.ledger.most_repaired = 0
    room.ledger.relays_gate.clear()
    await room.commit(2, bare=True)
    await room.ledger.relays_asked.wait()


async def held_up_audience(room: Room) -> None:
    room.ledger.relays_gate.clear()
    room.world.admit(room.topic, ADA, BEN)
    await room.heard()
    await room.ledger.relays_asked.wait()


async def held_up_rendering(room: Room) -> None:
    room.group.slow = True
    room.group.gate.clear()
    await room.commit(2)
    await room.group.asked.wait()


async def repeated_question(room: Room) -> None:
    await held_up_reading(room)
    room.ledger.away = True
    room.ledger.relays_gate.set()


async def work_that_has_not_begun(room: Room) -> None:
    change = room.ledger.commit(room.topic, 3)
    (feed,) = room.world.feeds._feeds.values()
    feed._deliver(change)


async def rendering_that_has_not_begun(room: Room) -> None:
    room.group.slow = True
    change = room.ledger.commit(room.topic)
    (feed,) = room.world.feeds._feeds.values()
    feed._deliver(change)


MIDST = [
    held_up_reading,
    held_up_audience,
    held_up_rendering,
    repeated_question,
    work_that_has_not_begun,
    rendering_that_has_not_begun,
]


@pytest.mark.parametrize("midst", MIDST)
async def test_all_leave_in_the_midst_of_something(midst, caplog) -> None:  # type: ignore[no-untyped-def]
    async with a_room() as room:
        followers = await room.followers(2)
        await midst(room)
        for follower in followers:
            follower.member.leave()
        assert empty(room)
        # Whoever comes now has nothing to do with it.
        room.ledger.away = False
        room.ledger.relays_gate.set()
        room.group.slow = False
        newcomer = await room.follower()
        revision = await room.commit()
        assert newcomer.revisions == [revision]
        for follower in followers:
            assert follower.revisions == []
    gc.collect()
    assert [record for record in caplog.records if "never awaited" in record.message] == []


@pytest.mark.parametrize("midst", MIDST)
async def test_nothing_goes_on_for_those_who_left(midst) -> None:  # type: ignore[no-untyped-def]
    async with a_room() as room:
        followers = await room.followers(2)
        await midst(room)
        for follower in followers:
            follower.member.leave()
        async with asyncio.timeout(MOMENT):
            # There is no event for what nobody but a test asks.
            while room.relays._tasks._tasks:
                room.group.gate.set()
                await asyncio.sleep(0)


@pytest.mark.parametrize("midst", MIDST)
async def test_one_leaves_in_the_midst_of_something(midst) -> None:  # type: ignore[no-untyped-def]
    async with a_room() as room:
        leaving, staying = await room.followers(2)
        joined = await room.join()
        await midst(room)
        # One of them has said where it stands, which counts when this is over.
        joined.follow(0)
        leaving.member.leave()
        joined.member.leave()
        room.ledger.away = False
        room.ledger.relays_gate.set()
        room.group.gate.set()
        revision = await room.commit()
        await staying.reader.until(revision)
        assert leaving.revisions == joined.revisions == []
        assert leaving.undisturbed
        assert joined.undisturbed
        staying.member.leave()
        assert empty(room)


async def test_who_lagged_when_it_left_is_not_told_once_it_could_take_more() -> None:
    async with a_room() as room:
        staying, full = await room.followers(2)
        full.reader.room = 0
        await room.commit()
        full.member.leave()
        full.reader.drain()
        await room.commit()
        assert full.revisions == []
        staying.member.leave()
        assert empty(room)


async def test_a_burst_that_is_held_back_is_told_to_nobody_when_all_have_left() -> None:
    async with a_paced_room(seconds_between=0.02) as room:
        follower = await room.follower()
        await room.commit()
        await room.commit()
        follower.member.leave()
        assert empty(room)
        newcomer = await room.follower()
        await room.commit()
        assert newcomer.revisions == [3]
        assert follower.revisions == [1]


async def test_nothing_remains_of_those_who_left() -> None:
    async with a_room() as room:
        staying = await room.follower()
        kept = [await departed(room) for _ in range(3)]
        await room.commit()
        gc.collect()
        assert [reference() for references in kept for reference in references] == [None] * 9
        assert staying.undisturbed


async def test_nothing_remains_of_a_relay() -> None:
    async with a_room() as room:
        references = await departed(room)
        await room.heard()
        gc.collect()
        assert [reference() for reference in references] == [None] * 3


async def departed(room: Room) -> list[weakref.ref[object]]:
    """Have somebody of a group of their own follow, lag, and leave; what is left of it?"""
    group = Rendering()
    follower = await room.follower(group=group)
    await room.commit()
    follower.reader.room = 0
    await room.commit()
    await room.commit(2)
    follower.member.leave()
    await room.done()
    return [weakref.ref(each) for each in (follower, follower.reader, group)]


async def test_coming_and_going_at_random_leaves_nothing_behind() -> None:
    async with a_room() as room:

        async def visit() -> Follower:
            follower = await room.follower()
            await asyncio.sleep(0)
            await room.commit(2)
            follower.member.leave()
            return follower

        async with asyncio.timeout(MOMENT):
            visitors = await asyncio.gather(*(visit() for _ in range(50)))
        assert empty(room)
        for visitor in visitors:
            assert visitor.revisions == sorted(set(visitor.revisions))

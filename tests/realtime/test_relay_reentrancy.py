"""Outlets may leave, or make others leave, in the midst of being told."""

from functools import partial

import pytest

from realtime.relays import Relays
from tests.realtime.ledger import Change
from tests.realtime.relaying import ADA, Follower, Items, Reader, Rendering, Room, a_room


def empty(room: Room) -> bool:
    return len(room.relays) == len(room.world.feeds) == 0


def a_relay_besides(room: Room) -> Relays[Change]:
    """Return other relays over the same feeds."""
    ledger = room.ledger
    return Relays(room.world.feeds, Items(ledger), topic=lambda key: key, read=ledger.page)


def all_leave(*followers: Follower) -> None:
    for follower in followers:
        follower.member.leave()


@pytest.mark.parametrize("number", [0, 1, 2])
async def test_an_outlet_may_leave_while_it_is_told(number: int) -> None:
    async with a_room() as room:
        followers = await room.followers(3)
        leaving = followers[number]
        leaving.reader.on_deliver = leaving.member.leave
        await room.commit()
        await room.commit(2)
        for follower in followers:
            if follower is not leaving:
                assert await follower.reader.until(3) == [1, 2, 3]
                follower.member.leave()
        assert leaving.revisions == [1]
        assert empty(room)


async def test_the_last_outlet_may_leave_while_it_is_told() -> None:
    async with a_room() as room:
        topic = room.topic
        follower = await room.follower()
        room.topic = room.ledger.create()
        other = await room.follower()
        follower.reader.on_deliver = follower.member.leave
        for count in (1, 3):
            room.world.commit(topic, count)
        await room.commit()
        assert (follower.revisions, other.revisions) == ([1], [1])
        assert len(room.relays) == 1


async def test_an_outlet_may_make_another_leave_while_it_is_told() -> None:
    async with a_room() as room:
        first, second, third = await room.followers(3)
        third.reader.room = 0
        first.reader.on_deliver = partial(all_leave, second, third)
        await room.commit()
        await room.commit()
        assert (first.revisions, second.revisions, third.revisions) == ([1, 2], [], [])
        third.reader.drain()
        first.member.leave()
        assert empty(room)


async def test_an_outlet_may_leave_while_it_catches_up() -> None:
    async with a_room() as room:
        staying, full = await room.followers(2)
        full.reader.room = 0
        for _ in range(3):
            await room.commit()
        full.reader.on_deliver = full.member.leave
        full.reader.drain()
        await room.commit()
        assert full.revisions == [1, 2, 3]
        assert staying.revisions == [1, 2, 3, 4]
        staying.member.leave()
        assert empty(room)


async def test_nothing_is_rendered_for_who_left_because_another_was_told() -> None:
    async with a_room() as room:
        one, other = [await room.follower(group=Rendering()) for _ in range(2)]
        one.reader.on_deliver = other.member.leave
        other.reader.on_deliver = one.member.leave
        await room.commit()
        assert one.reader.group.rendered + other.reader.group.rendered == [1]


async def test_who_is_told_that_it_is_parted_may_make_others_leave() -> None:
    async with a_room() as room:
        first, second = await room.followers(2)
        first.member.part = lambda _: all_leave(first, second)
        room.group.broken = True
        await room.commit()
        assert second.undisturbed
        assert empty(room)


async def test_the_last_of_one_relay_may_leave_while_those_of_another_are_to_be_told() -> None:
    async with a_room() as room, a_relay_besides(room) as relays:
        leaving = await room.follower()
        staying = Follower(room, ADA, Reader(room.group))
        staying.member = await relays.join(
            room.topic, ADA, staying.reader, staying.partings.put_nowait
        )
        staying.follow()
        leaving.reader.on_deliver = leaving.member.leave
        await room.commit()
        await room.commit()
        assert (leaving.revisions, staying.revisions) == ([1], [1, 2])
        staying.member.leave()

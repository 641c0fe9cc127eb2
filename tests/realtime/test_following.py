"""What one subscription follows: events go to its outlet, and what needs thought is yielded."""

import asyncio
import gc
import weakref
from uuid import UUID

import pytest

from realtime.feed import SourceAway
from realtime.following import Following
from realtime.view import Parting, Reason
from tests.realtime.relaying import ADA, BEN, MOMENT, Reader, Room, a_paced_room, a_room


async def next_of(following: Following) -> Parting:
    async with asyncio.timeout(MOMENT):
        item = await anext(following)
    assert isinstance(item, Parting)
    return item


async def join(following: Following, room: Room, *, follow: bool = True) -> UUID:
    """Have it join the room's topic."""
    await following.join(room.relays, room.topic)
    if follow:
        following.follow(room.topic, room.ledger.topics[room.topic], 0)
    return room.topic


async def test_several_keys_are_followed_with_one_outlet() -> None:
    async with a_room() as room:
        reader = Reader(room.group)
        async with Following(ADA, reader) as following:
            await join(following, room)
            await room.commit()
            room.topic = room.ledger.create()
            await join(following, room)
            await room.commit()
            await room.commit()
            assert reader.revisions == [1, 1, 2]
            assert len(room.relays) == 2
        assert len(room.relays) == 0
        await room.commit()
        assert reader.revisions == [1, 1, 2]


async def test_many_keys_are_joined_with_few_questions() -> None:
    async with a_room() as room:
        topics = [room.ledger.create() for _ in range(50)]
        async with Following(ADA, Reader(room.group)) as following:
            room.ledger.gate.clear()
            joining = asyncio.create_task(following.join_all(room.relays, topics))
            await room.ledger.asked.wait()
            # All channels are listened to by the time the database answers the first question.
            await room.heard()
            room.ledger.gate.set()
            await joining
            assert len(room.relays) == 50
            assert len(room.ledger.questions) == 2


async def test_where_one_key_can_not_be_joined_none_is_followed() -> None:
    async with a_room() as room:

        async def begin() -> None:
            async with Following(ADA, Reader(room.group)) as following:
                await join(following, room)
                room.ledger.away = True
                await following.join_all(room.relays, [room.ledger.create() for _ in range(3)])

        with pytest.raises(SourceAway):
            await begin()
        assert len(room.relays) == len(room.world.feeds) == 0


async def test_joining_may_be_broken_off() -> None:
    async with a_room() as room:
        room.ledger.gate.clear()

        async def begin() -> None:
            async with Following(ADA, Reader(room.group)) as following:
                await following.join_all(room.relays, [room.topic, room.ledger.create()])

        joining = asyncio.create_task(begin())
        await room.ledger.asked.wait()
        joining.cancel()
        await asyncio.wait([joining])
        assert joining.cancelled()
        assert len(room.relays) == len(room.world.feeds) == 0
        room.ledger.gate.set()


async def test_partings_are_yielded_and_followed_behind() -> None:
    async with a_room() as room:
        reader = Reader(room.group)
        async with Following(ADA, reader) as following:
            key = await join(following, room)
            await room.commit()
            room.group.broken = True
            await room.commit()
            parting = await next_of(following)
            assert (parting.key, parting.reason, parting.revision) == (key, Reason.BEHIND, 1)
            room.group.broken = False
            following.follow(key, 2, 0)
            await room.commit()
            assert reader.revisions == [1, 3]
            room.world.publish(key, room.ledger.remove(key))
            assert (await next_of(following)).reason is Reason.GONE


async def test_what_is_noted_is_yielded_in_its_turn() -> None:
    async with a_room() as room, Following(ADA, Reader(room.group)) as following:
        key = await join(following, room)
        following.note("before")
        room.world.publish(key, room.ledger.remove(key))
        await room.heard()
        following.note("behind")
        heard = []
        async for item in following:
            heard.append(item.reason if isinstance(item, Parting) else item)
            if item == "behind":
                break
        assert heard == ["before", Reason.GONE, "behind"]


async def test_it_knows_what_was_delivered_last_and_tells_it_when_it_leaves() -> None:
    async with a_room() as room:
        reader = Reader(room.group)
        async with Following(ADA, reader) as following:
            key = await join(following, room)
            await room.commit()
            await room.commit()
            assert following.position(key) == 2
            assert following.leave(key) == 2
            await room.commit()
            assert reader.revisions == [1, 2]
            await join(following, room)
            await room.commit()
            reader.room = 0
            await room.commit()
            # What an outlet did not take was not delivered.
            assert following.leave(key) == 4


async def test_a_parting_of_a_key_that_was_left_is_not_yielded() -> None:
    async with a_room() as room, Following(ADA, Reader(room.group)) as following:
        key = await join(following, room)
        room.world.publish(key, room.ledger.remove(key))
        await room.heard()
        following.leave(key)
        following.note("nothing else")
        assert await anext(following) == "nothing else"


async def test_a_parting_of_a_key_that_was_left_is_not_taken_for_its_successors() -> None:
    """Shut out and let in again before anybody looked: what was said of the former is over."""
    async with a_room() as room:
        ben = Reader(room.group)
        async with Following(BEN, ben) as following:
            key = await join(following, room)
            await room.follower(ADA)
            room.world.admit(key, ADA)
            await room.done()
            following.leave(key)
            room.world.admit(key, ADA, BEN)
            await room.done()
            await following.join(room.relays, key)
            following.follow(key, 2, 2)
            await room.commit()
            following.note("nothing else")
            assert await anext(following) == "nothing else"
            assert ben.revisions == [3]


async def test_leaving_ends_what_waits_to_be_told() -> None:
    async with a_paced_room(seconds_between=0.2) as room:
        reader = Reader(room.group)
        async with Following(ADA, reader) as following:
            await join(following, room)
            for _ in range(3):
                await room.commit()
        assert len(room.relays) == 0
        await asyncio.sleep(0.3)
        assert reader.revisions == [1]


async def test_nothing_remains_of_what_was_followed() -> None:
    async with a_room() as room:

        async def visit() -> list[weakref.ref[object]]:
            reader = Reader(room.group)
            async with Following(ADA, reader) as following:
                await join(following, room)
                await room.commit()
                reader.room = 0
                await room.commit(3)
            await room.done()
            return [weakref.ref(reader), weakref.ref(following)]

        references = await visit()
        gc.collect()
        assert [reference() for reference in references] == [None, None]

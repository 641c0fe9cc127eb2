"""Outlets that take no more: they catch up from the log, or read, and delay nobody."""

import gc
import tracemalloc

from realtime.view import Reason
from tests.realtime.relaying import Rendering, Room, a_room

LARGE = "x" * 10_000


async def test_who_takes_no_more_catches_up_from_the_log() -> None:
    async with a_room() as room:
        quick, full = await room.followers(2)
        full.reader.room = 2
        for _ in range(5):
            await room.commit()
        assert quick.revisions == [1, 2, 3, 4, 5]
        assert full.revisions == [1, 2]
        full.reader.drain()
        assert full.revisions == [1, 2, 3, 4, 5]
        await room.commit()
        assert full.revisions == [1, 2, 3, 4, 5, 6]
        assert full.undisturbed
        assert room.group.rendered == [1, 2, 3, 4, 5, 6]


async def test_who_lags_alone_in_a_group_has_it_rendered_all_the_same() -> None:
    async with a_room() as room:
        await room.follower()
        lagging = await room.follower(group=Rendering("other:"))
        lagging.reader.room = 0
        for _ in range(3):
            await room.commit()
        lagging.reader.drain()
        await lagging.reader.until(3)
        assert lagging.reader.told == [(1, "other:1"), (2, "other:2"), (3, "other:3")]


async def test_what_the_log_no_longer_holds_is_to_be_read() -> None:
    async with a_room() as room:
        quick, full = await room.followers(2)
        room.group.padding = LARGE
        full.reader.room = 1
        for _ in range(10):
            await room.commit()
        assert len(quick.revisions) == 10
        full.reader.drain()
        parting = await full.parted()
        assert (parting.reason, parting.revision) == (Reason.BEHIND, 1)
        assert full.revisions == [1]
        full.follow()
        await room.commit()
        assert full.revisions == [1, 11]


async def test_an_event_larger_than_the_log_is_told_to_who_takes_it() -> None:
    async with a_room() as room:
        quick, full = await room.followers(2)
        room.group.padding = LARGE * 10
        full.reader.room = 0
        await room.commit()
        await room.commit()
        assert quick.revisions == [1, 2]
        full.reader.drain()
        assert await full.reason() is Reason.BEHIND


async def test_who_is_full_again_and_again_goes_on_where_it_was() -> None:
    async with a_room() as room:
        quick, full = await room.followers(2)
        for _ in range(4):
            full.reader.room = 0
            await room.commit()
            full.reader.drain(0)
            await room.commit()
            full.reader.drain(1)
            assert full.revisions == quick.revisions
        assert full.undisturbed


async def test_a_burst_that_is_partly_known_is_told_from_there_on() -> None:
    async with a_room() as room:
        quick, full = await room.followers(2)
        full.reader.room = 2
        # Each of them is a piece of its own.
        room.group.padding = "x" * 10_000
        await room.commit()
        await room.commit(3)
        assert await quick.reader.until(4) == [1, 2, 3, 4]
        assert full.revisions == [1, 2]
        full.reader.drain()
        assert await full.reader.until(4) == [1, 2, 3, 4]
        assert full.undisturbed


async def test_a_stalled_outlet_delays_nobody_and_costs_no_more_the_longer_it_stalls() -> None:
    async with a_room() as room:
        *quick, stalled = await room.followers(4)
        stalled.reader.room = 0
        sizes = []
        for _ in range(4):
            for _ in range(500):
                room.world.commit(room.topic)
            await room.done()
            sizes.append(kept(room))
        for follower in quick:
            assert follower.revisions == list(range(1, 2_001))
        assert sizes[-1] <= sizes[0] * 1.5


async def test_what_waits_for_somebody_who_has_not_said_where_it_stands_is_bounded() -> None:
    """Nothing is rendered for it, but the events are kept."""
    async with a_room() as room:
        joined = await room.join()
        await room.commit()
        tracemalloc.start()
        try:
            for _ in range(200):
                room.world.commit(room.topic, 50)
                await room.done()
            gc.collect()
            grown, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert kept(room) < 500
        assert grown < 2**20
        joined.follow(0)
        assert await joined.reason() is Reason.BEHIND


async def test_nothing_is_kept_where_nobody_waits() -> None:
    async with a_room() as room:
        follower = await room.follower()
        await room.commit()
        await room.commit(10)
        await follower.reader.until(11)
        assert kept(room) == 0


def kept(room: Room) -> int:
    """Return how many events the relay keeps."""
    (relay,) = room.relays._relays.values()
    return len(relay._delivery.log._entries)

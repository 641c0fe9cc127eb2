"""Relays of every event: many at once, more than is carried, and more than a mailbox holds."""

import asyncio
import gc
import time

from realtime.view import Reason
from tests.realtime.relaying import ADA, MOMENT, Follower, Room, a_room

LONGEST_PAUSE = 0.1
"""How many seconds of CPU others may have to wait for; what others take of the machine aside."""


class Pulse:
    """Finds out how long the event loop keeps others waiting."""

    def __init__(self) -> None:
        self.beats = 0
        self.longest = 0.0

    async def __aenter__(self) -> "Pulse":
        # It stops the whole process, and takes the longer the more tests ran before.
        gc.disable()
        self._task = asyncio.create_task(self._beat())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        gc.enable()
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _beat(self) -> None:
        while True:
            began = time.thread_time()
            await asyncio.sleep(0)
            self.longest = max(self.longest, time.thread_time() - began)
            self.beats += 1


async def all_until(followers: list[Follower], revision: int) -> None:
    for follower in followers:
        assert await follower.reader.until(revision) == list(range(1, revision + 1))


async def test_a_change_of_many_events_is_told_whole_and_in_order() -> None:
    async with a_room() as room:
        followers = await room.followers(3)
        await room.commit(50)
        await room.commit()
        await room.commit(50)
        await all_until(followers, 101)
        assert room.ledger.pages == []


async def test_a_change_of_many_events_is_kept_for_who_has_not_said_where_it_stands() -> None:
    async with a_room() as room:
        joined = await room.join()
        await room.commit(3)
        await room.done()
        joined.follow(0)
        await all_until([joined], 3)
        assert joined.undisturbed


async def test_a_thousand_events_for_five_hundred_leave_others_their_turn() -> None:
    async with a_room() as room:
        followers = await room.followers(500)
        async with Pulse() as pulse:
            change = room.ledger.commit(room.topic, 1_000)
            room.world.publish(room.topic, change)
            await all_until(followers, 1_000)
        assert pulse.beats > 20
        assert pulse.longest < LONGEST_PAUSE
        assert len(room.group.rendered) == 1_000


async def test_changes_that_waited_for_something_slow_leave_others_their_turn_too() -> None:
    """What piled up while the database was asked is one event a change, but many changes."""
    async with a_room() as room:
        followers = await room.followers(2_000)
        room.ledger.relays_gate.clear()
        room.world.admit(room.topic, ADA)
        for _ in range(200):
            room.world.commit(room.topic)
        await room.heard()
        async with Pulse() as pulse:
            room.ledger.relays_gate.set()
            await all_until(followers, 201)
        assert pulse.beats > 20
        assert pulse.longest < LONGEST_PAUSE


async def test_others_get_their_messages_while_one_topic_has_many() -> None:
    async with a_room() as room:
        crowd = await room.followers(500)
        busy = room.topic
        room.topic = room.ledger.create()
        other = await room.follower()
        room.world.commit(busy, 1_000)
        room.world.commit(room.topic)
        assert await other.reader.until(1) == [1]
        assert crowd[-1].revisions != list(range(1, 1_001))
        await all_until(crowd, 1_000)


async def test_a_change_that_carries_too_much_is_read_once_for_all_by_pages() -> None:
    async with a_room() as room:
        room.ledger.most_repaired = 0
        room.ledger.page_size = 10
        followers = await room.followers(3)
        await room.commit(35, bare=True)
        await all_until(followers, 35)
        assert room.ledger.pages == [(0, 0), (10, 0), (20, 0), (30, 0)]
        assert room.group.rendered == list(range(1, 36))


async def test_what_was_read_is_not_told_again_when_its_own_messages_come() -> None:
    """Neither to those who take everything, nor to those who catch up later."""
    async with a_room() as room:
        followers = await room.followers(2)
        followers[0].reader.room = 0
        await read_at_the_gate(room)
        for _ in range(3):
            await room.commit()
        room.ledger.relays_gate.set()
        await followers[1].reader.until(4)
        await room.commit()
        followers[0].reader.drain()
        await all_until(followers, 5)


async def test_a_mailbox_that_overflowed_ends_in_one_reading_for_all() -> None:
    async with a_room(mailbox_limit=4) as room:
        room.ledger.page_size = 5
        followers = await room.followers(3)
        await read_at_the_gate(room)
        for _ in range(12):
            await room.commit()
        room.ledger.relays_gate.set()
        await all_until(followers, 13)
        assert room.group.rendered == list(range(1, 14))
        await room.commit()
        await all_until(followers, 14)


async def test_reading_goes_on_once_the_database_is_back() -> None:
    async with a_room() as room:
        room.ledger.page_size = 2
        followers = await room.followers(2)
        await read_at_the_gate(room, count=5)
        room.ledger.away = True
        room.ledger.relays_asked.clear()
        room.ledger.relays_gate.set()
        for _ in range(3):
            await room.ledger.relays_asked.wait()
            room.ledger.relays_asked.clear()
        room.ledger.away = False
        await all_until(followers, 5)


async def test_a_topic_that_is_gone_when_it_is_read_ends_with_its_last_change() -> None:
    async with a_room() as room:
        follower = await room.follower()
        await read_at_the_gate(room)
        last = room.ledger.remove(room.topic)
        room.world.publish(room.topic, last)
        await room.heard()
        room.ledger.relays_gate.set()
        parting = await follower.parted()
        assert (parting.reason, parting.change) == (Reason.GONE, last)
        assert follower.revisions == []


async def test_a_member_that_says_where_it_stands_during_a_reading_misses_nothing() -> None:
    async with a_room() as room:
        first = await room.follower()
        joined = [await room.join() for _ in range(3)]
        await read_at_the_gate(room, count=3)
        for revision, follower in enumerate(joined):
            follower.follow(revision)
        assert [follower.revisions for follower in joined] == [[], [], []]
        room.ledger.relays_gate.set()
        await first.reader.until(3)
        assert await joined[0].reader.until(3) == [1, 2, 3]
        for follower in joined[1:]:
            # What is read is told as it is for those who know all up to where the reading began.
            assert await follower.reason() is Reason.BEHIND
            follower.follow()
        await room.commit()
        assert [follower.revisions for follower in joined] == [[1, 2, 3, 4], [4], [4]]


async def test_a_member_that_has_read_more_than_the_relay_gets_no_part_of_it() -> None:
    async with a_room() as room:
        first = await room.follower()
        room.ledger.commit(room.topic, 3)
        ahead = await room.follower()
        await read_at_the_gate(room, count=2)
        room.ledger.relays_gate.set()
        assert await first.reader.until(5) == [1, 2, 3, 4, 5]
        assert await ahead.reason() is Reason.BEHIND
        assert ahead.revisions == []
        ahead.follow()
        await room.commit()
        assert ahead.revisions == [6]


async def test_not_even_where_the_relay_reads_it_by_pages() -> None:
    """The member stands behind what is on the first of them."""
    async with a_room() as room:
        room.ledger.page_size = 2
        first = await room.follower()
        room.ledger.commit(room.topic, 5)
        ahead = await room.follower()
        await read_at_the_gate(room, count=3)
        room.ledger.relays_gate.set()
        assert await first.reader.until(8) == list(range(1, 9))
        assert await ahead.reason() is Reason.BEHIND
        assert ahead.revisions == []


async def test_the_last_event_of_a_change_may_be_more_than_is_sent_at_once() -> None:
    async with a_room() as room:
        room.group.padding = "x" * 2**15
        followers = await room.followers(2)
        await room.commit(3)
        await all_until(followers, 3)


async def read_at_the_gate(room: Room, count: int = 1) -> None:
    """Commit what is too much to be carried; the relay's question is held up."""
    room.ledger.most_repaired = 0
    room.ledger.relays_asked.clear()
    room.ledger.relays_gate.clear()
    await room.commit(count, bare=True)
    async with asyncio.timeout(MOMENT):
        await room.ledger.relays_asked.wait()

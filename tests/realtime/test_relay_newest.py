"""Relays of what is newest: bursts are told together, and what says nothing new is left out."""

import asyncio
import time

import pytest

from realtime.view import Reason
from tests.realtime.relaying import BEN, CLEO, Newest, Rendering, a_paced_room

INTERVAL = 0.05


class Parity(Newest):
    """Every other revision says the same."""

    says = staticmethod(lambda revision: revision % 2)


class Constant(Newest):
    """Each revision says the same."""

    says = staticmethod(lambda revision: "nothing new")


async def test_the_first_change_is_told_at_once_and_the_last_one_in_the_end() -> None:
    async with a_paced_room(seconds_between=INTERVAL) as room:
        follower = await room.follower()
        await room.commit()
        assert follower.revisions == [1]
        for _ in range(20):
            await room.commit()
        assert await follower.reader.until(21) == sorted(set(follower.revisions))
        assert follower.reader.told[-1] == (21, "21")
        # Nothing is told again when there is nothing new.
        await asyncio.sleep(2 * INTERVAL)
        assert follower.revisions[-1] == 21


async def test_ten_thousand_changes_in_a_second_end_in_few_deliveries_the_last_one_right() -> None:
    async with a_paced_room(seconds_between=0.1) as room:
        follower = await room.follower()
        began = time.monotonic()
        for _ in range(20):
            for _ in range(500):
                room.world.commit(room.topic)
            await room.heard()
        await follower.reader.until(10_000)
        took = time.monotonic() - began
        assert follower.reader.told[-1] == (10_000, "10000")
        assert len(follower.revisions) <= took / 0.1 + 2
        assert follower.revisions == sorted(set(follower.revisions))
        assert len(room.group.rendered) == len(follower.revisions)


async def test_after_a_rest_a_change_is_told_at_once_again() -> None:
    async with a_paced_room(seconds_between=INTERVAL) as room:
        follower = await room.follower()
        await room.commit()
        await asyncio.sleep(2 * INTERVAL)
        await room.commit()
        assert follower.revisions == [1, 2]


async def test_what_says_the_same_as_the_last_one_is_left_out() -> None:
    async with a_paced_room(view=Constant) as room:
        follower = await room.follower()
        for _ in range(5):
            await room.commit()
        assert follower.reader.told == [(1, "nothing new")]
        assert room.group.rendered == ["nothing new"]


async def test_what_says_the_same_as_what_a_member_began_with_is_left_out() -> None:
    async with a_paced_room(view=Constant) as room:
        follower = await room.follower(told="nothing new")
        await room.commit()
        await room.commit()
        assert follower.revisions == []


async def test_who_began_with_something_older_than_the_others_is_told_what_they_know() -> None:
    """Two begin at once, and something is committed between their first looks."""
    async with a_paced_room(view=Parity) as room:
        slow, quick = await room.join(), await room.join()
        change = room.ledger.commit(room.topic)
        quick.follow(1, told=1)
        slow.follow(0, told=0)
        room.world.publish(room.topic, change)
        await room.heard()
        assert slow.reader.told == [(1, "1")]
        assert quick.revisions == []


async def test_who_began_with_something_that_was_over_before_it_was_told_learns_so() -> None:
    """Of three changes the second is what a newcomer saw; the others hear of them as one."""
    async with a_paced_room(view=Parity, seconds_between=INTERVAL) as room:
        first = await room.follower(told=0)
        await room.commit()
        await room.commit()
        newcomer = await room.follower(told=0)
        await room.commit()
        assert await newcomer.reader.until(3) == [3]
        assert newcomer.reader.told == [(3, "1")]
        assert first.reader.told[-1][1] == "1"


async def test_who_says_late_that_it_saw_what_is_over_by_then_learns_so() -> None:
    """A client may take its time to take the first look, and the rest goes on meanwhile."""
    async with a_paced_room(view=Parity, seconds_between=INTERVAL) as room:
        first = await room.follower(told=0)
        slow = await room.join()
        await room.commit()
        assert first.reader.told == [(1, "1")]
        await room.commit()
        await room.commit()
        # The two come as one, which says what was told last.
        await asyncio.sleep(2 * INTERVAL)
        slow.follow(2, told=0)
        assert await slow.reason() is Reason.BEHIND
        slow.follow(3, told=1)
        assert slow.undisturbed
        await room.commit()
        assert await slow.reader.until(4) == [4]


async def test_who_knows_already_keeps_nobody_else_from_being_told() -> None:
    async with a_paced_room(view=Parity) as room:
        first = await room.follower(told=0)
        change = room.ledger.commit(room.topic)
        ahead = await room.follower(told=1)
        room.world.publish(room.topic, change)
        await room.heard()
        assert first.reader.told == [(1, "1")]
        assert ahead.revisions == []


async def test_who_is_ahead_of_what_the_others_are_told_now_is_not_left_with_it() -> None:
    async with a_paced_room(view=Parity, seconds_between=INTERVAL) as room:
        first = await room.follower(told=0)
        changes = [room.ledger.commit(room.topic) for _ in range(2)]
        ahead = await room.follower(told=0)
        room.world.publish(room.topic, changes[0])
        await room.heard()
        assert first.reader.told == [(1, "1")]
        room.world.publish(room.topic, changes[1])
        await room.commit()
        assert await ahead.reader.until(3) == [3]
        assert ahead.reader.told == [(3, "1")]


async def test_who_lags_gets_the_newest_only() -> None:
    async with a_paced_room() as room:
        follower = await room.follower()
        follower.reader.room = 1
        for _ in range(5):
            await room.commit()
        assert follower.revisions == [1]
        follower.reader.drain()
        assert await follower.reader.until(5) == [1, 5]
        await room.commit()
        assert follower.revisions == [1, 5, 6]
        assert follower.undisturbed


async def test_who_joins_late_gets_the_newest_only() -> None:
    async with a_paced_room() as room:
        await room.follower()
        late = await room.join()
        for _ in range(5):
            await room.commit()
        late.follow(2)
        assert late.revisions == [5]


async def test_nothing_is_left_out_for_good_when_the_one_who_was_told_it_leaves() -> None:
    async with a_paced_room(view=Parity) as room:
        first = await room.follower(told=0)
        second = await room.follower(told=0)
        await room.commit()
        first.member.leave()
        await room.commit()
        assert second.reader.told == [(1, "1"), (2, "0")]


async def test_the_relay_of_what_is_newest_reads_nothing() -> None:
    async with a_paced_room() as room:
        follower = await room.follower()
        await room.commit(bare=True)
        await room.commit(300)
        assert follower.revisions == [1, 301]
        assert room.ledger.pages == []


@pytest.mark.parametrize("slow", [False, True])
async def test_a_burst_across_a_change_of_the_audience_shows_nobody_more_than_they_may(
    slow: bool,
) -> None:
    async with a_paced_room(seconds_between=INTERVAL) as room:
        room.world.admit(room.topic, BEN, CLEO)
        await room.heard()
        group = Rendering(slow=slow)
        ben, cleo = await room.follower(BEN, group=group), await room.follower(CLEO, group=group)
        await room.commit()
        await room.commit()
        room.world.admit(room.topic, CLEO)
        await room.commit()
        await cleo.reader.until(5)
        parting = await ben.parted()
        assert parting.reason is Reason.SHUT_OUT
        assert max(ben.revisions, default=0) < 4
        assert cleo.undisturbed

"""Renderings that take their time, and renderings that fail."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

import pytest
from msgspec.structs import replace

from realtime import cohort
from realtime.view import Reason
from tests.realtime.relaying import ADA, MOMENT, Rendering, a_paced_room, a_room


async def test_slow_renderings_keep_the_order_and_hold_up_nobody_else() -> None:
    async with a_room() as room:
        slow = Rendering(slow=True)
        waiting, other = await room.follower(group=slow), await room.follower()
        slow.gate.clear()
        for count in (1, 3, 1):
            await room.commit(count)
        assert other.revisions == [1, 2, 3, 4, 5]
        assert waiting.revisions == []
        slow.gate.set()
        assert await waiting.reader.until(5) == [1, 2, 3, 4, 5]
        assert slow.rendered == room.group.rendered == [1, 2, 3, 4, 5]


async def test_what_came_while_an_event_was_rendered_is_rendered_together() -> None:
    async with a_room() as room:
        slow = Rendering(slow=True)
        slow.gate.clear()
        follower = await room.follower(group=slow)
        for _ in range(5):
            await room.commit()
        slow.gate.set()
        assert await follower.reader.until(5) == [1, 2, 3, 4, 5]
        assert slow.calls == [[1], [2, 3], [4, 5]]


async def test_a_rendering_that_hangs_costs_its_group_what_the_log_forgets() -> None:
    async with a_room() as room:
        hanging = Rendering(slow=True)
        hanging.gate.clear()
        waiting, other = await room.follower(group=hanging), await room.follower()
        for _ in range(300):
            await room.commit()
        assert other.revisions == list(range(1, 301))
        hanging.gate.set()
        parting = await waiting.parted()
        assert (parting.reason, parting.revision) == (Reason.BEHIND, 1)
        assert waiting.revisions == [1]
        waiting.follow()
        await room.commit()
        assert await waiting.reader.until(301) == [1, 301]


async def test_of_what_is_newest_a_slow_rendering_is_told_before_it_is_out_of_date() -> None:
    """However fast events come, those who have to wait for them get some."""
    async with a_paced_room() as room:
        slow = Rendering(slow=True)
        slow.gate.clear()
        follower = await room.follower(group=slow)
        for _ in range(3):
            await room.commit()
        slow.gate.set()
        assert await follower.reader.until(3) == [1, 3]


async def test_who_leaves_while_an_event_is_rendered_leaves_nothing_behind() -> None:
    async with a_room() as room:
        slow = Rendering(slow=True)
        slow.gate.clear()
        follower, other = await room.follower(group=slow), await room.follower()
        await room.commit()
        (relay,) = room.relays._relays.values()
        assert len(relay._delivery.log.behind(0) or ()) == 1
        follower.member.leave()
        assert not slow.gate.is_set()
        await room.commit()
        assert other.revisions == [1, 2]
        assert relay._delivery.log.behind(2) == []
        async with asyncio.timeout(MOMENT):
            while room.relays._tasks._tasks:  # noqa: ASYNC110 - there is no event for it
                await asyncio.sleep(0)


async def test_groups_are_rendered_at_the_same_time() -> None:
    async with a_room() as room:
        groups = [Rendering(slow=True) for _ in range(3)]
        followers = [await room.follower(group=group) for group in groups]
        for group in groups:
            group.gate.clear()
        await room.commit()
        async with asyncio.timeout(MOMENT):
            for group in groups:
                await group.asked.wait()
                group.gate.set()
        for follower in followers:
            await follower.reader.until(1)


async def test_who_comes_while_an_event_is_rendered_misses_nothing() -> None:
    async with a_room() as room:
        slow = Rendering(slow=True)
        await room.follower(group=slow)
        slow.gate.clear()
        joined = [await room.join(group=slow), await room.join(group=Rendering())]
        await room.commit()
        for follower in joined:
            follower.follow(0)
        slow.gate.set()
        for follower in joined:
            assert await follower.reader.until(1) == [1]
            assert follower.undisturbed


async def test_who_catches_up_while_an_event_is_rendered_gets_it_in_its_turn() -> None:
    async with a_room() as room:
        slow = Rendering(slow=True)
        lagging = await room.follower(group=slow)
        lagging.reader.room = 0
        await room.commit()
        await room.follower(group=slow)
        await asyncio.sleep(0)
        slow.gate.clear()
        await room.commit()
        lagging.reader.drain()
        slow.gate.set()
        await room.commit()
        assert await lagging.reader.until(3) == [1, 2, 3]
        assert lagging.undisturbed


@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize("count", [1, 3])
async def test_a_rendering_that_fails_parts_its_group_which_misses_nothing(
    slow: bool, count: int, caplog: pytest.LogCaptureFixture
) -> None:
    cohort._report._quiet_until = 0.0
    async with a_room() as room:
        broken = Rendering(slow=slow)
        followers = [await room.follower(group=broken) for _ in range(2)]
        other = await room.follower()
        joined = await room.join(group=broken)
        await room.commit()
        broken.broken = True
        await room.commit(count)
        for follower in followers:
            parting = await follower.parted()
            assert (parting.reason, parting.revision) == (Reason.BEHIND, 1)
        joined.follow(0)
        assert await joined.reason() is Reason.BEHIND
        broken.broken = False
        for follower in (*followers, joined):
            follower.follow()
        revision = await room.commit()
        for follower in (*followers, joined):
            assert (await follower.reader.until(revision))[-1] == revision
            assert follower.undisturbed
        assert other.revisions == list(range(1, revision + 1))
        assert other.undisturbed
    assert "could not be rendered" in caplog.text


@pytest.mark.parametrize("start", [0, 1, 2, 7, 10, 11])
async def test_where_a_reading_fails_in_the_middle_nothing_is_missed(start: int) -> None:
    """Not even by who joined before, and has read this much by itself."""
    async with a_room(mailbox_limit=4) as room:
        follower, joined = await room.follower(), await room.join()
        room.ledger.most_repaired = 0
        room.ledger.relays_gate.clear()
        await room.commit(bare=True)
        for _ in range(10):
            await room.commit()
        room.group.broken = True
        room.ledger.relays_gate.set()
        assert await follower.reason() is Reason.BEHIND
        room.group.broken = False
        joined.follow(start)
        follower.follow()
        await room.done()
        await room.commit()
        assert follower.revisions == [12]
        if joined.undisturbed:
            assert joined.revisions == list(range(start + 1, 13))
        else:
            assert await joined.reason() is Reason.BEHIND


class BrokenFrom(Rendering):
    """Fails for events from this one on."""

    first = 3
    on_failure: Callable[[], None] = staticmethod(lambda: None)

    def _now(self, event: int) -> bytes:
        if event >= self.first:
            self.on_failure()
            raise ValueError(event)
        return super()._now(event)


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("start", [1, 2, 5, 8, 11])
async def test_where_what_overflowed_can_not_be_told_nothing_of_it_is_missed(
    start: int, early: bool
) -> None:
    """What came last is in the mailbox all the same, and goes on from there; it has no events."""
    async with a_room(mailbox_limit=4) as room:
        group = BrokenFrom()
        follower = await room.follower(group=group)
        joined = await room.join(group=group)
        room.ledger.relays_gate.clear()
        room.world.admit(room.topic, ADA)
        for _ in range(10):
            change = room.ledger.commit(room.topic)
            room.world.publish(room.topic, replace(change, items=()))
        await room.heard()
        if early:
            group.on_failure = partial(joined.follow, start)
        room.ledger.relays_gate.set()
        assert (await follower.parted()).revision == 1
        await room.done()
        group.first = 100
        if not early:
            joined.follow(start)
        follower.follow()
        await room.commit()
        assert follower.revisions == [1, 12]
        if joined.undisturbed:
            assert joined.revisions == list(range(start + 1, 13))
        else:
            assert await joined.reason() is Reason.BEHIND


class Cancelled(Rendering):
    """Waits for something that somebody else gives up."""

    async def _later(self, events: Sequence[int]) -> list[bytes]:
        await super()._later(events)
        raise asyncio.CancelledError


async def test_a_rendering_that_is_broken_off_is_one_that_fails() -> None:
    async with a_room() as room:
        group = Cancelled(slow=True)
        group.gate.clear()
        follower, other = await room.follower(group=group), await room.follower()
        await room.commit()
        await room.commit()
        group.gate.set()
        parting = await follower.parted()
        assert (parting.reason, parting.revision) == (Reason.BEHIND, 0)
        follower.member.leave()
        await room.commit()
        assert other.revisions == [1, 2, 3]


async def test_what_came_with_an_event_that_can_not_be_rendered_is_not_left_behind() -> None:
    """Nothing else comes that would remind the relay of it: it is the last change of all."""
    async with a_room() as room:
        follower, other = await room.follower(), await room.follower(group=Rendering())
        room.group.broken = True
        room.world.commit(room.topic)
        room.world.publish(room.topic, room.ledger.remove(room.topic))
        parting = await follower.parted()
        assert (parting.reason, parting.revision) == (Reason.BEHIND, 0)
        follower.member.follow(1, 0)
        assert await follower.reason() is Reason.GONE
        assert await other.reason() is Reason.GONE
        assert other.revisions == [1]


async def test_the_end_of_a_topic_does_not_wait_for_a_rendering() -> None:
    async with a_room() as room:
        slow = Rendering(slow=True)
        slow.gate.clear()
        follower = await room.follower(group=slow)
        await room.commit()
        room.world.publish(room.topic, room.ledger.remove(room.topic))
        parting = await follower.parted()
        assert (parting.reason, parting.revision) == (Reason.GONE, 0)
        slow.gate.set()
        await room.done()
        assert follower.revisions == []


async def test_a_view_that_fails_parts_everybody() -> None:
    class Broken(Exception):
        pass

    async with a_room() as room:
        follower = await room.follower()
        events = room.relays._view.events

        def broken(*_: object) -> None:
            raise Broken

        room.relays._view.events = broken  # type: ignore[method-assign, assignment]
        await room.commit()
        assert await follower.reason() is Reason.BEHIND
        room.relays._view.events = events  # type: ignore[method-assign]
        follower.follow()
        await room.commit()
        assert follower.revisions == [2]


async def test_one_group_that_fails_harms_no_other() -> None:
    async with a_room() as room:
        broken, slow = Rendering(slow=True), Rendering(slow=True)
        broken.broken = True
        slow.gate.clear()
        failing, waiting = [await room.follower(group=group) for group in (broken, slow)]
        await room.commit()
        assert await failing.reason() is Reason.BEHIND
        slow.gate.set()
        assert await waiting.reader.until(1) == [1]
        assert waiting.undisturbed


async def test_a_failure_of_what_is_newest_is_not_left_at_that() -> None:
    async with a_paced_room() as room:
        follower, joined = await room.follower(), await room.join()
        room.group.broken = True
        await room.commit()
        assert await follower.reason() is Reason.BEHIND
        joined.follow(0)
        assert await joined.reason() is Reason.BEHIND
        room.group.broken = False
        for each in (follower, joined):
            each.follow()
        await room.commit()
        assert follower.revisions == joined.revisions == [2]


async def test_an_event_that_never_can_be_rendered_holds_up_none_behind_it() -> None:
    async with a_room() as room:
        follower = await room.follower()
        room.group.broken = True
        for _ in range(3):
            await room.commit()
            assert await follower.reason() is Reason.BEHIND
            follower.follow()
        room.group.broken = False
        await room.commit()
        assert follower.revisions == [4]

"""Cohorts: each has its events rendered once, by portions, and hands them on by pieces."""

from collections.abc import Sequence
from typing import Any

import pytest

from realtime import cohort
from realtime.cohort import PORTION
from realtime.outlet import Rendered
from realtime.view import Reason
from tests.realtime.relaying import Follower, Reader, Rendering, Room, a_room

_TOO_MANY = 300
"""More events than the log of a relay holds."""


class Batches(Reader):
    """Notes which revisions it is handed together."""

    def __init__(self, group: Rendering) -> None:
        super().__init__(group)
        self.batches: list[list[int]] = []

    def deliver(self, results: Sequence[Rendered]) -> bool:
        self.batches.append([revision for _, revision in results])
        return super().deliver(results)


async def test_small_events_are_handed_on_together_up_to_so_many_bytes() -> None:
    async with a_room() as room:
        reader = Batches(room.group)
        await room.follower(reader=reader)
        # Two of them are as much as goes into one piece.
        room.group.padding = "x" * (2**13 - 1)
        await room.commit(5)
        assert await reader.until(5) == [1, 2, 3, 4, 5]
        assert sorted(map(len, reader.batches)) == [1, 2, 2]


async def test_who_knows_a_part_of_what_is_told_together_gets_the_rest() -> None:
    async with a_room() as room:
        slow = Rendering(slow=True)
        slow.gate.clear()
        first = Batches(slow)
        await room.follower(reader=first)
        await room.commit()
        await room.commit()
        ahead = Batches(slow)
        await room.follower(reader=ahead)
        await room.commit()
        slow.gate.set()
        for reader in (first, ahead):
            await reader.until(3)
        assert first.batches == [[1], [2, 3]]
        assert ahead.batches == [[3]]


async def test_who_takes_no_more_is_left_alone_until_it_does() -> None:
    async with a_room() as room:
        full = Batches(room.group)
        full.room = 0
        for reader in (full, Reader(room.group)):
            await room.follower(reader=reader)
        for _ in range(3):
            await room.commit()
        assert full.batches == [[1]]
        full.drain()
        assert full.batches == [[1], [1, 2, 3]]
        await room.commit()
        assert full.batches == [[1], [1, 2, 3], [4]]
        assert kept(room) == 0


async def test_who_is_ahead_keeps_nobody_from_what_it_knows() -> None:
    async with a_room() as room:
        slow = Rendering(slow=True)
        slow.gate.clear()
        late = await room.join(group=slow)
        changes = [room.ledger.commit(room.topic) for _ in range(2)]
        await room.follower(group=slow)
        room.world.publish(room.topic, changes[0])
        await room.heard()
        late.follow(0)
        room.world.publish(room.topic, changes[1])
        slow.gate.set()
        assert await late.reader.until(2) == [1, 2]
        assert late.undisturbed


async def test_nobody_is_told_of_nothing() -> None:
    async with a_room() as room:
        await room.follower()
        changes = [room.ledger.commit(room.topic) for _ in range(2)]
        ahead = Batches(room.group)
        await room.follower(reader=ahead)
        for change in changes:
            room.world.publish(room.topic, change)
        await room.commit()
        assert ahead.batches == [[3]]


async def test_what_came_while_an_event_was_rendered_is_rendered_by_portions() -> None:
    async with a_room() as room:
        slow = Rendering(slow=True)
        slow.gate.clear()
        follower = await room.follower(group=slow)
        for _ in range(5 * PORTION):
            await room.commit()
        slow.gate.set()
        await follower.reader.until(5 * PORTION)
        assert max(map(len, slow.calls)) == PORTION


@pytest.mark.parametrize("more", [0, 1])
async def test_what_was_rendered_for_those_who_left_is_not_rendered_again(more: int) -> None:
    async with a_room() as room:
        quick, full = await room.followers(2)
        full.reader.room = 0
        await room.commit()
        await room.commit()
        quick.member.leave()
        for _ in range(more):
            await room.commit()
        full.reader.drain()
        assert await full.reader.until(2 + more) == [1, 2, 3][: 2 + more]
        assert room.group.calls == [[1], [2], [3]][: 2 + more]


async def hung(room: Room, count: int = 2) -> tuple[Rendering, list[Follower]]:
    """Have followers wait for a rendering for so long that the log forgets what is behind it."""
    hanging = Rendering(slow=True)
    hanging.gate.clear()
    waiting = [await room.follower(group=hanging) for _ in range(count)]
    await room.follower()
    for _ in range(_TOO_MANY):
        await room.commit()
    return hanging, waiting


async def test_a_rendering_that_hangs_costs_only_those_who_need_what_is_forgotten() -> None:
    async with a_room() as room:
        hanging, waiting = await hung(room)
        late = await room.follower(group=hanging)
        hanging.gate.set()
        for follower in waiting:
            assert await follower.reason() is Reason.BEHIND
            assert follower.revisions == [1]
        await room.commit()
        assert await late.reader.until(_TOO_MANY + 1) == [_TOO_MANY + 1]
        assert late.undisturbed


async def test_nothing_is_rendered_where_all_need_what_is_forgotten() -> None:
    async with a_room() as room:
        hanging, waiting = await hung(room)
        hanging.gate.set()
        for follower in waiting:
            assert await follower.reason() is Reason.BEHIND
        await room.done()
        assert hanging.rendered == [1]


async def test_who_leaves_because_another_is_parted_is_not_parted() -> None:
    async with a_room() as room:
        hanging, (first, second) = await hung(room)
        first.member.part = lambda _: second.member.leave()
        hanging.gate.set()
        await room.done()
        assert first.revisions == [1]
        assert second.undisturbed


async def test_nothing_is_kept_for_a_rendering_that_is_done() -> None:
    async with a_room() as room:
        slow = Rendering(slow=True)
        slow.gate.clear()
        follower = await room.follower(group=slow)
        await room.commit()
        await room.commit()
        assert kept(room) == 2
        slow.gate.set()
        assert await follower.reader.until(2) == [1, 2]
        await room.done()
        assert kept(room) == 0


async def test_a_rendering_that_is_given_up_in_the_end_is_no_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cohort._report._quiet_until = 0.0
    async with a_room() as room:
        slow = Rendering(slow=True)
        slow.gate.clear()
        follower = await room.follower(group=slow)
        await room.commit()
    assert follower.undisturbed
    assert "could not be rendered" not in caplog.text


class Raising(Rendering):
    """Fails with whatever it is told to."""

    def __init__(self, error: Exception, *, slow: bool) -> None:
        super().__init__(slow=slow)
        self.error = error

    def _now(self, event: Any) -> bytes:
        raise self.error


@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize("error", [KeyError("unknown"), OSError("gone")])
async def test_whatever_a_rendering_raises_nobody_is_left_without_its_events(
    error: Exception, slow: bool
) -> None:
    async with a_room() as room:
        follower = await room.follower(group=Raising(error, slow=slow))
        await room.commit()
        assert await follower.reason() is Reason.BEHIND


def kept(room: Room) -> int:
    """Return how many events the relay keeps."""
    (relay,) = room.relays._relays.values()
    return len(relay._delivery.log._entries)

"""Renderings that take long, or much: what they cost others, in time and in memory."""

import asyncio
import time
from collections.abc import Coroutine, Sequence
from functools import partial
from typing import Any

from realtime.outlet import Rendered
from realtime.view import Reason
from tests.realtime.ledger import Change
from tests.realtime.relaying import MOMENT, Reader, Rendering, Room, a_room

LARGE = "x" * 20_000


class Laborious(Rendering):
    """A group whose rendering keeps everybody waiting for a hundredth of a second."""

    wants_asides = False
    moves = False

    def render(self, events: Sequence[int]) -> list[bytes] | Coroutine[Any, Any, list[bytes]]:
        time.sleep(0.01)
        return super().render(events)


async def test_who_asks_for_what_is_costly_is_told_behind_the_others() -> None:
    async with a_room() as room:
        order: list[str] = []
        costly = [await room.follower(group=Laborious()) for _ in range(5)]
        plain = await room.follower()
        costly += [await room.follower(group=Laborious()) for _ in range(5)]
        await room.commit()
        for follower in costly:
            await follower.reader.until(1)
            follower.reader.on_deliver = partial(order.append, "costly")
        plain.reader.on_deliver = partial(order.append, "plain")
        await room.commit()
        for follower in costly:
            await follower.reader.until(2)
        assert order == ["plain", *["costly"] * 10]


async def test_however_many_catch_up_at_once_others_have_their_turn_in_between() -> None:
    async with a_room() as room:
        groups = [Laborious() for _ in range(10)]
        followers = [await room.follower(group=group) for group in groups]
        await room.commit()
        for follower in followers:
            await follower.reader.until(1)
            follower.reader.room = 0
        for _ in range(3):
            await room.commit()
        await room.done()
        for group in groups:
            group.rendered.clear()
        for follower in followers:
            follower.reader.drain()
        seen = set()
        async with asyncio.timeout(MOMENT):
            while not all(follower.revisions == [1, 2, 3, 4] for follower in followers):
                seen.add(sum(bool(group.rendered) for group in groups))
                await asyncio.sleep(0)
        assert seen.issuperset(range(10))


async def test_what_is_rendered_is_kept_for_those_only_who_wait_for_it() -> None:
    async with a_room() as room:
        hanging = Rendering(slow=True)
        hanging.gate.clear()
        await room.follower(group=hanging)
        others = [Rendering() for _ in range(3)]
        quick = [await room.follower(group=group) for group in others]
        late = await room.follower(group=others[0])
        late.reader.room = 1
        for _ in range(4):
            await room.commit()
        (relay,) = room.relays._relays.values()
        payloads = [list(entry.payloads) for entry in relay._delivery.log._entries]
        assert payloads == [[], [others[0]], [others[0]], [others[0]]]
        assert all(follower.revisions == [1, 2, 3, 4] for follower in quick)
        hanging.gate.set()


async def test_of_what_is_large_and_has_to_be_waited_for_one_is_rendered_at_a_time() -> None:
    async with a_room() as room:
        slow = Rendering(slow=True)
        slow.padding = LARGE
        slow.gate.clear()
        follower = await room.follower(group=slow)
        for _ in range(6):
            await room.commit()
        slow.gate.set()
        assert await follower.reader.until(6) == [1, 2, 3, 4, 5, 6]
        assert slow.calls == [[1], [2], [3], [4], [5], [6]]


async def test_who_leaves_in_the_moment_in_which_it_takes_no_more_is_forgotten() -> None:
    class Leaving(Reader):
        def deliver(self, results: Sequence[Rendered]) -> bool:
            follower.member.leave()
            return False

    async with a_room() as room:
        other = await room.follower()
        follower = await room.follower(reader=Leaving(room.group))
        await room.commit()
        other.member.leave()
        assert len(room.relays) == 0


async def test_what_was_told_of_a_page_before_an_outlet_failed_is_not_missed_by_newcomers() -> None:
    """The page was ahead of the messages."""

    class Failing(Reader):
        def deliver(self, results: Sequence[Rendered]) -> bool:
            if results[-1][1] > 6:
                raise OSError
            return super().deliver(results)

    async with a_room() as room:
        room.ledger.page_size = 5
        room.ledger.most_repaired = 1
        await room.follower(reader=Failing(room.group))
        change = room.ledger.commit(room.topic, 2)
        room.ledger.relays_gate.clear()
        bare = Change(change.since, change.revision, None, members=change.members)
        room.world.publish(room.topic, bare)
        await room.heard()
        room.ledger.commit(room.topic, 8)
        newcomer = await room.join()
        room.ledger.relays_gate.set()
        await room.done()
        newcomer.follow(3)
        await until_reconciled(room)
        assert await newcomer.reason() is Reason.BEHIND
        assert newcomer.revisions == []


async def until_reconciled(room: Room) -> None:
    await room.world.feeds.reconcile()
    await room.done()

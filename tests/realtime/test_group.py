"""Groups: many watches, one reader."""

import asyncio

import pytest

from realtime.bus import Bus
from realtime.feed import SourceAway
from realtime.group import WatchGroup
from realtime.watch import GONE
from tests.realtime.hearing import everything_heard
from tests.realtime.ledger import Ledger, a_world, make_feeds


async def test_a_group_yields_what_its_watches_yield_under_their_keys() -> None:
    async with a_world() as world, WatchGroup[str]() as group:
        a, b = world.ledger.create(), world.ledger.create()
        await group.add_all(world.feeds, {"a": a, "b": b})
        changes = [world.commit(a), world.commit(b)]
        assert [await anext(group), await anext(group)] == [("a", changes[0]), ("b", changes[1])]
        waiting = asyncio.create_task(anext(group))
        await everything_heard(world.bus)
        assert not waiting.done()
        change = world.commit(b)
        assert await waiting == ("b", change)


async def test_watches_take_turns() -> None:
    async with a_world() as world, WatchGroup[str]() as group:
        busy, calm = world.ledger.create(), world.ledger.create()
        await group.add("busy", world.feeds, busy, conflate=False)
        await group.add("calm", world.feeds, calm)
        for _ in range(5):
            world.commit(busy)
        world.commit(calm)
        await everything_heard(world.bus)
        keys = [(await anext(group))[0] for _ in range(6)]
        assert keys == ["busy", "calm", "busy", "busy", "busy", "busy"]


async def test_what_arrived_before_the_watch_was_in_the_group_is_yielded() -> None:
    async with a_world() as world, WatchGroup[str]() as group:
        await group.add("gone", world.feeds, Ledger().create())
        assert [item async for item in group] == [("gone", GONE)]


async def test_a_reader_that_has_read_by_itself_is_spared_what_it_knows() -> None:
    async with a_world() as world, WatchGroup[str]() as group:
        topic = world.ledger.create()
        await group.add("a", world.feeds, topic)
        world.commit(topic)
        await everything_heard(world.bus)
        group.advance("a", 1)
        change = world.commit(topic)
        assert await anext(group) == ("a", change)


async def test_a_watch_that_is_discarded_yields_nothing_more() -> None:
    async with a_world() as world, WatchGroup[str]() as group:
        a, b = world.ledger.create(), world.ledger.create()
        await group.add_all(world.feeds, {"a": a, "b": b})
        world.commit(a)
        await everything_heard(world.bus)
        await group.discard("a")
        await group.discard("a")
        change = world.commit(b)
        assert await anext(group) == ("b", change)
        await group.add("a", world.feeds, a)
        assert len(world.feeds) == 2
    assert len(world.feeds) == 0


async def test_a_key_that_is_taken_is_refused() -> None:
    async with a_world() as world, WatchGroup[str]() as group:
        topic = world.ledger.create()
        await group.add("a", world.feeds, topic)
        with pytest.raises(ValueError, match="in this group"):
            await group.add("a", world.feeds, topic)


async def test_adding_many_fails_like_adding_one() -> None:
    async with a_world() as world, WatchGroup[str]() as group:
        world.ledger.away = True
        with pytest.raises(SourceAway):
            await group.add_all(world.feeds, {"a": world.ledger.create()})


async def test_a_group_ends_with_the_last_of_its_watches() -> None:
    ledger = Ledger()
    async with Bus("memory://") as bus, WatchGroup[str]() as group:
        async with make_feeds(bus, ledger) as feeds:
            await group.add("a", feeds, ledger.create())
            reading = asyncio.create_task(anext(group, None))
            await everything_heard(bus)
        assert await reading is None

"""Feeds: each watch gets its topic's changes in order, each once, and ends with the latest."""

import asyncio
from typing import Any

import pytest

from realtime.watch import BEHIND, GONE
from tests.realtime.following import following
from tests.realtime.hearing import everything_heard
from tests.realtime.ledger import Change, Ledger, a_world, merged


async def test_a_watch_yields_the_changes_that_are_committed_while_it_watches() -> None:
    async with a_world() as world:
        topic = world.ledger.create()
        world.commit(topic)
        async with world.feeds.watch(topic) as watch:
            assert watch.revision == 1
            world.commit(topic)
            world.commit(topic, 3)
            assert await following(watch) == Change(1, 2, (2,))
            assert await following(watch) == Change(2, 5, (3, 4, 5))
            assert watch.revision == 5
            async with world.feeds.watch(topic) as late:
                assert late.revision == 5
        assert world.ledger.reads == []


async def test_a_doubled_or_late_message_is_dropped() -> None:
    async with a_world() as world:
        topic = world.ledger.create()
        async with world.feeds.watch(topic) as watch:
            first = world.commit(topic)
            world.publish(topic, first)
            world.commit(topic)
            world.publish(topic, first)
            world.commit(topic)
            assert [(await following(watch)).revision for _ in range(3)] == [1, 2, 3]
            await everything_heard(world.bus)
            assert watch.take() is None
        assert world.ledger.reads == []


async def test_messages_that_only_came_late_make_a_repair_superfluous() -> None:
    async with a_world() as world:
        topic = world.ledger.create()
        async with world.feeds.watch(topic) as watch:
            world.ledger.gate.clear()
            world.ledger.asked.clear()
            first, second = world.ledger.commit(topic), world.ledger.commit(topic)
            world.publish(topic, second)
            await world.ledger.asked.wait()
            world.publish(topic, first)
            world.publish(topic, second)
            world.commit(topic)
            assert [(await following(watch)).revision for _ in range(3)] == [1, 2, 3]
            world.ledger.gate.set()
            world.commit(topic)
            assert await following(watch) == Change(3, 4, (4,))
        assert world.ledger.reads == [(topic, 0)]


async def test_a_gap_is_read_from_the_source() -> None:
    async with a_world() as world:
        topic = world.ledger.create()
        async with world.feeds.watch(topic) as watch:
            world.ledger.commit(topic, 2)
            world.commit(topic)
            assert await following(watch) == Change(0, 3, (1, 2, 3))
            world.commit(topic)
            assert await following(watch) == Change(3, 4, (4,))
        assert world.ledger.reads == [(topic, 0)]


async def test_a_repair_reads_once_for_all_watches_and_all_that_arrives_meanwhile() -> None:
    async with a_world() as world:
        topic = world.ledger.create()
        async with world.feeds.watch(topic) as one, world.feeds.watch(topic) as other:
            world.ledger.gate.clear()
            world.ledger.asked.clear()
            world.ledger.commit(topic)
            world.commit(topic)
            await world.ledger.asked.wait()
            for _ in range(20):
                world.commit(topic)
            await everything_heard(world.bus)
            assert world.ledger.reads == [(topic, 0)]
            world.ledger.gate.set()
            for watch in (one, other):
                assert (await following(watch)).revision == 2
                assert await following(watch) == Change(2, 22, tuple(range(3, 23)))
        assert world.ledger.reads == [(topic, 0), (topic, 2)]


async def test_a_change_that_is_partly_known_is_handed_on() -> None:
    async with a_world() as world:
        topic = world.ledger.create()
        async with world.feeds.watch(topic) as watch:
            world.commit(topic, 2)
            world.ledger.commit(topic, 2)
            world.publish(topic, Change(1, 4, (2, 3, 4)))
            assert [await following(watch), await following(watch)] == [
                Change(0, 2, (1, 2)),
                Change(1, 4, (2, 3, 4)),
            ]
        assert world.ledger.reads == []


async def test_a_message_of_a_revision_the_source_does_not_know_costs_one_read_only() -> None:
    async with a_world() as world:
        topic = world.ledger.create()
        async with world.feeds.watch(topic) as watch:
            world.publish(topic, Change(998, 999, (999,)))
            await everything_heard(world.bus)
            world.commit(topic)
            assert (await following(watch)).revision == 1
            world.commit(topic)
            assert (await following(watch)).revision == 2
        assert world.ledger.reads == [(topic, 0)]


async def test_a_message_that_is_not_understood_is_repaired_by_the_next(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with a_world() as world:
        topic = world.ledger.create()
        async with world.feeds.watch(topic) as watch:
            world.ledger.commit(topic)
            world.feeds.publish(topic, "not JSON")
            world.commit(topic)
            assert await following(watch) == Change(0, 2, (1, 2))
    assert "DecodeError" in caplog.text


async def test_details_are_read_only_where_a_watch_asks_for_them() -> None:
    async with a_world() as world:
        topic = world.ledger.create()
        bare = Change(0, 1, None)
        async with world.feeds.watch(topic) as watch:
            world.ledger.commit(topic)
            world.publish(topic, bare)
            assert await following(watch) == bare
            async with world.feeds.watch(topic, details=True) as detailed:
                world.ledger.commit(topic)
                world.publish(topic, Change(1, 2, None))
                assert await following(detailed) == await following(watch) == Change(1, 2, (2,))
        assert world.ledger.reads == [(topic, 1)]


async def test_nothing_is_missed_that_is_committed_while_a_watch_is_being_registered() -> None:
    async with a_world() as world:
        topic = world.ledger.create()
        world.ledger.gate.clear()

        async def watch_it() -> tuple[int, Any]:
            async with world.feeds.watch(topic) as watch:
                return watch.revision, await following(watch)

        watching = asyncio.create_task(watch_it())
        await world.ledger.asked.wait()
        world.commit(topic)
        world.commit(topic)
        await everything_heard(world.bus)
        world.ledger.gate.set()
        assert await watching == (0, Change(0, 2, (1, 2)))


async def test_what_the_reader_has_read_itself_is_not_yielded() -> None:
    async with a_world() as world:
        topic = world.ledger.create()
        async with world.feeds.watch(topic) as watch:
            world.commit(topic)
            world.commit(topic)
            await everything_heard(world.bus)
            watch.advance(2)
            watch.advance(1)
            world.commit(topic)
            assert await following(watch) == Change(2, 3, (3,))


async def test_a_reader_that_is_slow_is_told_that_it_is_behind_and_goes_on_from_there() -> None:
    async with a_world(mailbox_limit=4) as world:
        topic = world.ledger.create()
        async with world.feeds.watch(topic) as slow, world.feeds.watch(topic) as quick:
            for revision in range(1, 12):
                world.commit(topic)
                assert (await following(quick)).revision == revision
            assert await following(slow) is BEHIND
            assert slow.revision == 0
            assert (await following(slow)).revision == 11
            world.commit(topic)
            assert (await following(slow)).revision == 12


async def test_a_reader_that_merges_gets_what_it_has_not_read_as_one_change() -> None:
    async with a_world() as world:
        topic = world.ledger.create()
        async with world.feeds.watch(topic, merge=merged) as watch:
            for _ in range(1_000):
                world.commit(topic)
            await everything_heard(world.bus)
            assert await following(watch) == Change(0, 1_000, tuple(range(1, 1_001)))
            assert watch.take() is None


async def test_the_last_change_of_a_topic_is_handed_on_even_after_a_gap_then_gone() -> None:
    async with a_world() as world:
        topic = world.ledger.create()
        async with world.feeds.watch(topic) as watch:
            world.ledger.commit(topic, 5)
            world.publish(topic, world.ledger.remove(topic))
            assert await following(watch) == Change(5, 6, (), last=True)
            assert await following(watch) is GONE
            with pytest.raises(StopAsyncIteration):
                await following(watch)
            async with world.feeds.watch(topic) as late:
                assert [item async for item in late] == [GONE]


async def test_a_watch_of_a_topic_that_does_not_exist_is_told_so() -> None:
    async with a_world() as world, world.feeds.watch(Ledger().create()) as watch:
        assert [item async for item in watch] == [GONE]


async def test_a_topic_found_gone_by_a_repair_ends_its_watches() -> None:
    async with a_world() as world:
        topic = world.ledger.create()
        async with world.feeds.watch(topic) as watch:
            world.ledger.commit(topic)
            late = world.ledger.commit(topic)
            world.ledger.remove(topic)
            world.publish(topic, late)
            assert [item async for item in watch] == [GONE]


async def test_a_topic_that_goes_while_it_is_being_repaired_ends_once() -> None:
    async with a_world() as world:
        topic = world.ledger.create()
        async with world.feeds.watch(topic) as watch:
            world.ledger.gate.clear()
            world.ledger.asked.clear()
            world.ledger.commit(topic)
            late = world.ledger.commit(topic)
            last = world.ledger.remove(topic)
            world.publish(topic, late)
            await world.ledger.asked.wait()
            world.publish(topic, last)
            await everything_heard(world.bus)
            world.ledger.gate.set()
            await everything_heard(world.bus)
            assert [item async for item in watch] == [last, GONE]

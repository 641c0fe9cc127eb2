"""Feeds whose messages, sources, readers or brokers fail."""

import asyncio
from collections.abc import Collection, Mapping
from uuid import UUID

import msgspec
import pytest

from realtime.bus import Bus
from realtime.feed import SourceAway
from realtime.feeds import Feeds
from realtime.watch import GONE
from tests.realtime.conftest import FragileValkey
from tests.realtime.following import following
from tests.realtime.hearing import QUICK, everything_heard
from tests.realtime.ledger import Change, Ledger, World, a_world, encode, make_feeds


async def test_a_lost_last_message_is_repaired_by_the_tick() -> None:
    async with a_world(tick_seconds=0.01) as world:
        topic = world.ledger.create()
        async with world.feeds.watch(topic) as watch:
            world.ledger.commit(topic, 2)
            assert await following(watch) == Change(0, 2, (1, 2))
            world.ledger.remove(topic)
            assert await following(watch) is GONE


async def test_one_question_compares_all_topics() -> None:
    async with a_world() as world:
        topics = [world.ledger.create() for _ in range(3)]
        async with (
            world.feeds.watch(topics[0]) as first,
            world.feeds.watch(topics[1]) as second,
            world.feeds.watch(topics[2]) as third,
        ):
            world.ledger.commit(topics[0])
            world.ledger.remove(topics[1])
            world.ledger.questions.clear()
            await world.feeds.reconcile()
            assert world.ledger.questions == [topics]
            assert (await following(first)).revision == 1
            assert await following(second) is GONE
            assert third.take() is None
            await world.feeds.reconcile()
            assert third.take() is None


async def test_topics_whose_watches_come_together_share_their_questions() -> None:
    async with a_world() as world:
        topics = [world.ledger.create() for _ in range(200)]
        stay = asyncio.Barrier(401)
        world.ledger.gate.clear()

        async def watch_it(number: int) -> None:
            async with world.feeds.watch(topics[number % 200]):
                await stay.wait()

        async with asyncio.TaskGroup() as tasks:
            for number in range(400):
                tasks.create_task(watch_it(number))
            await world.ledger.asked.wait()
            await everything_heard(world.bus)
            world.ledger.gate.set()
            await stay.wait()
            assert len(world.feeds) == 200
        assert [len(question) for question in world.ledger.questions] == [1, 199]
        assert len(world.feeds) == 0


async def test_a_source_that_is_away_ends_no_watch_and_is_asked_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with a_world(tick_seconds=0.01) as world:
        topic = world.ledger.create()
        async with world.feeds.watch(topic) as watch:
            world.ledger.away = True
            world.ledger.asked.clear()
            world.ledger.commit(topic)
            world.commit(topic)
            await world.ledger.asked.wait()
            world.commit(topic)
            await everything_heard(world.bus)
            world.ledger.away = False
            revisions = [(await following(watch)).revision]
            while revisions[-1] < 3:
                revisions.append((await following(watch)).revision)
            assert revisions == sorted(set(revisions))
    assert caplog.text.count("The source of toy is away") == 1


async def test_after_a_failed_repair_messages_wait_for_the_next_comparison() -> None:
    async with a_world() as world:
        topic = world.ledger.create()
        async with world.feeds.watch(topic) as watch:
            world.ledger.away = True
            world.ledger.commit(topic)
            for _ in range(20):
                world.commit(topic)
                await everything_heard(world.bus)
            assert len(world.ledger.reads) == 1
            await world.feeds.reconcile()
            assert watch.take() is None
            world.ledger.away = False
            await world.feeds.reconcile()
            assert (await following(watch)).revision == 21


async def test_watching_fails_where_the_source_can_not_say_where_to_begin() -> None:
    async with a_world() as world:
        topic = world.ledger.create()
        world.ledger.away = True
        with pytest.raises(SourceAway):
            async with world.feeds.watch(topic):
                pass
        assert len(world.feeds) == 0
        world.ledger.away = False
        async with world.feeds.watch(topic) as watch:
            assert watch.revision == 0


async def test_a_watch_that_is_cancelled_while_it_is_registered_leaves_nothing() -> None:
    async with a_world() as world:
        topic, other = world.ledger.create(), world.ledger.create()
        world.ledger.gate.clear()

        async def watch_it() -> int:
            async with world.feeds.watch(topic) as watch:
                return watch.revision

        first, second = asyncio.create_task(watch_it()), asyncio.create_task(watch_it())
        await world.ledger.asked.wait()
        first.cancel()
        await asyncio.wait([first])
        world.ledger.gate.set()
        assert await second == 0
        assert len(world.feeds) == 0

        world.ledger.gate.clear()
        world.ledger.asked.clear()
        alone = asyncio.create_task(watch_it())
        await world.ledger.asked.wait()
        alone.cancel()
        await asyncio.wait([alone])
        assert len(world.feeds) == 0
        world.ledger.gate.set()
        world.ledger.questions.clear()
        async with world.feeds.watch(other):
            assert world.ledger.questions == [[other]]


async def test_closing_the_last_watch_stops_a_repair() -> None:
    async with a_world() as world:
        topic = world.ledger.create()
        before = asyncio.all_tasks()
        async with world.feeds.watch(topic):
            world.ledger.gate.clear()
            world.ledger.asked.clear()
            world.ledger.commit(topic)
            world.commit(topic)
            await world.ledger.asked.wait()
            assert len(asyncio.all_tasks() - before) == 1
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == before
        world.ledger.gate.set()


async def test_a_comparison_that_ends_after_the_last_watch_was_closed_is_ignored() -> None:
    async with a_world() as world:
        topic = world.ledger.create()
        async with world.feeds.watch(topic):
            world.ledger.gate.clear()
            world.ledger.asked.clear()
            world.ledger.commit(topic)
            comparing = asyncio.create_task(world.feeds.reconcile())
            await world.ledger.asked.wait()
        world.ledger.gate.set()
        await comparing
        assert world.ledger.reads == []


async def test_feeds_that_end_end_their_watches() -> None:
    ledger = Ledger()
    async with Bus("memory://") as bus:
        feeds = make_feeds(bus, ledger)
        topic = ledger.create()
        async with feeds:
            context = feeds.watch(topic)
            watch = await context.__aenter__()
        assert [item async for item in watch] == []
        await context.__aexit__(None, None, None)
        assert bus.on_rebuild == []


class StubbornLedger(Ledger):
    """A source that answers a cancellation with another error."""

    async def revisions(self, topics: Collection[UUID]) -> Mapping[UUID, int]:
        try:
            return await super().revisions(topics)
        except asyncio.CancelledError:
            raise ConnectionError from None


async def test_feeds_end_even_where_a_cancellation_turns_into_another_error() -> None:
    ledger = StubbornLedger()
    before = asyncio.all_tasks()
    async with (
        Bus("memory://") as bus,
        make_feeds(bus, ledger, tick_seconds=0.01) as feeds,
        feeds.watch(ledger.create()),
    ):
        ledger.gate.clear()
        ledger.asked.clear()
        await ledger.asked.wait()
    assert asyncio.all_tasks() == before


async def test_many_watches_of_one_topic_and_many_topics_need_no_tasks() -> None:
    async with a_world() as world:
        before = asyncio.all_tasks()
        crowded, contexts = world.ledger.create(), []
        for topic in [crowded] * 2_000 + [world.ledger.create() for _ in range(2_000)]:
            context = world.feeds.watch(topic)
            contexts.append((context, await context.__aenter__()))
        assert asyncio.all_tasks() == before
        world.commit(crowded)
        assert {(await following(watch)).revision for _, watch in contexts[:2_000]} == {1}
        for context, _ in contexts:
            await context.__aexit__(None, None, None)
        assert len(world.feeds) == 0


async def test_what_was_lost_with_the_broker_is_read_as_soon_as_it_is_back(
    fragile_valkey: FragileValkey,
) -> None:
    ledger = Ledger()
    topic = ledger.create()
    async with (
        Bus(fragile_valkey.url, pace=QUICK) as bus,
        make_feeds(bus, ledger) as feeds,
        feeds.watch(topic) as watch,
    ):
        world = World(bus, ledger, feeds)
        world.commit(topic)
        assert (await following(watch)).revision == 1
        fragile_valkey.kill()
        ledger.commit(topic)
        await asyncio.to_thread(fragile_valkey.start)
        assert (await following(watch)).revision == 2
        world.commit(topic)
        assert (await following(watch)).revision == 3


async def test_every_message_is_complete_and_followed_unless_feeds_are_told_otherwise() -> None:
    ledger = Ledger()
    topic = ledger.create()
    async with Bus("memory://") as bus:
        feeds = Feeds(bus, kind="toy", source=ledger, decode=msgspec.json.Decoder(Change).decode)
        async with feeds, feeds.watch(topic, details=True) as watch:
            changes = [Change(0, 1, None), Change(1, 2, (), last=True), Change(2, 3, ())]
            for change in changes:
                feeds.publish(topic, encode(change))
            assert [await following(watch) for _ in changes] == changes
    assert ledger.reads == []


async def test_changes_are_seen_while_the_broker_is_away() -> None:
    ledger = Ledger()
    topic = ledger.create()
    async with Bus("redis://127.0.0.1:1", pace=QUICK) as bus:
        feeds = make_feeds(bus, ledger, tick_seconds=0.01)
        async with feeds, feeds.watch(topic) as watch:
            World(bus, ledger, feeds).commit(topic)
            assert (await following(watch)).revision == 1

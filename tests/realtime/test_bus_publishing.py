"""What is published: in order, bounded, each refused alone."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from realtime.backends.base import Message
from realtime.backends.memory import MemoryBackend
from realtime.bus import Bus, Pace
from tests.realtime.hearing import Ear, everything_heard


async def test_messages_arrive_in_the_order_of_publishing(broker_url: str) -> None:
    ear = Ear()
    async with Bus(broker_url) as bus, bus.listen("a", ear):
        for number in range(2_000):
            bus.publish("a", str(number))
        assert await ear.several(2_000) == [str(number) for number in range(2_000)]
        assert bus.dropped == 0
        assert bus.received >= 2_000


async def test_what_was_published_before_the_end_is_sent(shared_broker_url: str) -> None:
    ear = Ear()
    async with Bus(shared_broker_url) as other, other.listen("a", ear):
        async with Bus(shared_broker_url) as bus:
            for number in range(100):
                bus.publish("a", str(number))
        assert await ear.several(100) == [str(number) for number in range(100)]


async def test_a_full_outbox_drops_the_oldest_and_counts_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ear = Ear()
    async with Bus("memory://", outbox_limit=3) as bus, bus.listen("a", ear):
        for number in range(10):
            bus.publish("a", str(number))
        assert bus.dropped == 7
        assert await ear.several(3) == ["7", "8", "9"]
    assert "The outbox is full; a message is dropped" in caplog.text
    assert len(caplog.records) == 1


async def test_a_message_the_broker_refuses_is_dropped_alone(choosy_broker_url: str) -> None:
    ear = Ear()
    async with Bus(choosy_broker_url) as bus, bus.listen("a", ear):
        for message in ("1", "2"):
            bus.publish("a", message)
            bus.publish("refused", "x" * 8_000)
        await bus.publish_and_wait("a", "3")
        assert await ear.several(3) == ["1", "2", "3"]
        assert bus.dropped == 2
        assert bus.rebuilds == 1


@pytest.fixture
async def choosy_broker_url(shared_broker_url: str) -> AsyncIterator[str]:
    """The address of a broker that refuses 8,000 bytes on a channel named refused."""
    if shared_broker_url.startswith("postgresql"):
        yield shared_broker_url
        return
    async with Redis.from_url(shared_broker_url) as valkey:
        await valkey.acl_setuser(
            "choosy", enabled=True, nopass=True, categories=["+@all"], channels=["a", "echo:*"]
        )
        yield shared_broker_url.replace("redis://", "redis://choosy:any@")
        await valkey.acl_deluser("choosy")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bursts=st.lists(st.lists(st.sampled_from("123"), max_size=250), max_size=3))
async def test_bursts_arrive_whole_and_in_order_repetitions_too(
    broker_url: str, bursts: list[list[str]]
) -> None:
    heard: list[str] = []
    async with Bus(broker_url) as bus, bus.listen("a", heard.append):
        for burst in bursts:
            for message in burst:
                bus.publish("a", message)
            await bus.publish_and_wait("b", "behind them")
        await everything_heard(bus)
        assert heard == [message for burst in bursts for message in burst]
        assert bus.dropped == 0


async def test_a_burst_is_sent_in_bounded_parts() -> None:
    sizes: list[int] = []

    class Counting(MemoryBackend):
        async def publish(self, messages: Sequence[Message]) -> list[Exception]:
            sizes.append(len(messages))
            return await super().publish(messages)

    ear = Ear()
    async with Bus("memory://", backend=Counting) as bus, bus.listen("a", ear):
        sizes.clear()
        for number in range(250):
            bus.publish("a", str(number))
        await ear.several(250)
    assert sizes == [100, 100, 50]


async def test_what_is_published_behind_a_message_that_was_waited_for_comes_behind_it(
    shared_broker_url: str,
) -> None:
    heard: list[str] = []
    async with (
        Bus(shared_broker_url) as listening,
        Bus(shared_broker_url) as first,
        Bus(shared_broker_url) as second,
        listening.listen("a", heard.append),
        listening.listen("b", heard.append),
    ):
        for number in range(20):
            for _ in range(100):
                first.publish("a", "before")
            await first.publish_and_wait("a", f"first {number}")
            await second.publish_and_wait("b", f"second {number}")
        await everything_heard(listening)
    told = [message for message in heard if message != "before"]
    assert told == [f"{which} {number}" for number in range(20) for which in ("first", "second")]


async def test_nobody_waits_for_a_broker_that_is_away_or_hangs() -> None:
    bus = Bus("memory://")
    await bus.publish_and_wait("a", "nobody is there yet")
    async with Bus("memory://", pace=Pace(flush=0.01), backend=Stuck) as stuck:
        await stuck.publish_and_wait("a", "never sent")
    assert stuck.dropped == 1


async def test_the_end_waits_no_longer_than_it_may_for_the_outbox() -> None:
    async with Bus("memory://", pace=Pace(flush=0.01), backend=Stuck) as bus:
        bus.publish("a", "never sent")
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < Pace().patience
    assert bus.dropped == 1


class Stuck(MemoryBackend):
    """A backend that sends what the bus tests itself with, and is stuck at all else."""

    async def publish(self, messages: Sequence[Message]) -> list[Exception]:
        if not messages[0][0].startswith("echo:"):
            await asyncio.Event().wait()
        return await super().publish(messages)

"""The bus: the same rules over memory, Valkey and PostgreSQL."""

import asyncio
from functools import partial

import pytest
from broadcaster import Event

from realtime.backends.memory import MemoryBackend
from realtime.bus import Bus, Pace
from tests.realtime.hearing import Ear, Gate, Wiretap, everything_heard


async def test_a_listener_receives_what_is_published_on_its_channel(broker_url: str) -> None:
    ear, other = Ear(), Ear()
    async with Bus(broker_url) as bus, bus.listen("a", ear), bus.listen("b", other):
        bus.publish("a", "hello")
        assert await ear.next() == "hello"
        await everything_heard(bus)
        assert other.quiet


async def test_messages_arrive_in_the_order_of_publishing(broker_url: str) -> None:
    ear = Ear()
    async with Bus(broker_url) as bus, bus.listen("a", ear):
        for number in range(2_000):
            bus.publish("a", str(number))
        assert await ear.several(2_000) == [str(number) for number in range(2_000)]
        assert bus.dropped == 0
        assert bus.received >= 2_000


@pytest.mark.parametrize("message", ["", "two\nlines", "Zellkern, 細胞, 🔬", "x" * 7_900])
async def test_a_message_arrives_as_it_was_sent(broker_url: str, message: str) -> None:
    ear = Ear()
    async with Bus(broker_url) as bus, bus.listen("a", ear):
        bus.publish("a", message)
        assert await ear.next() == message


async def test_concurrent_first_listeners_of_a_channel_all_receive(broker_url: str) -> None:
    async def listen_once(bus: Bus, ready: asyncio.Barrier) -> str:
        ear = Ear()
        async with bus.listen("a", ear):
            await ready.wait()
            return await ear.next()

    async with Bus(broker_url) as bus:
        ready = asyncio.Barrier(51)
        listening = [asyncio.create_task(listen_once(bus, ready)) for _ in range(50)]
        await ready.wait()
        bus.publish("a", "to all")
        assert await asyncio.gather(*listening) == ["to all"] * 50


async def test_a_channel_is_subscribed_once_and_left_with_its_last_listener(
    broker_url: str,
) -> None:
    notes: list[str] = []
    first, second = Ear(), Ear()
    async with Bus(broker_url, backend=partial(Wiretap, notes=notes)) as bus:
        async with bus.listen("a", first):
            async with bus.listen("a", second):
                pass
            bus.publish("a", "one is left")
            assert await first.next() == "one is left"
        async with bus.listen("b", Ear()):
            assert notes == ["+a", "-a", "+b"]
    assert second.quiet


async def test_a_channel_that_was_left_can_be_listened_to_again(broker_url: str) -> None:
    async with Bus(broker_url) as bus:
        for number in range(10):
            ear = Ear()
            async with bus.listen("a", ear):
                bus.publish("a", str(number))
                assert await ear.next() == str(number)


async def test_listeners_that_come_while_the_channel_is_being_left_receive() -> None:
    notes: list[str] = []
    async with Bus("memory://", backend=partial(Wiretap, notes=notes)) as bus:
        first = bus.join("a", Ear())
        await first.ready()
        first.close()
        ear = Ear()
        async with bus.listen("a", ear):
            bus.publish("a", "still here")
            assert await ear.next() == "still here"
    assert notes == ["+a"]


async def test_a_listener_that_is_closed_receives_nothing_more() -> None:
    ear = Ear()
    async with Bus("memory://") as bus, bus.listen("a", Ear()):
        listener = bus.join("a", ear)
        listener.close()
        listener.close()
        bus.publish("a", "too late")
        await everything_heard(bus)
        assert ear.quiet


async def test_a_listener_may_close_itself_and_others_while_it_receives() -> None:
    ear = Ear()
    async with Bus("memory://") as bus:
        listener = bus.join("a", lambda _message: listener.close())
        async with bus.listen("a", ear):
            bus.publish("a", "1")
            bus.publish("a", "2")
            assert await ear.several(2) == ["1", "2"]


async def test_a_listener_that_raises_harms_neither_itself_nor_others(
    broker_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    ear = Ear()

    def fail_once(message: str) -> None:
        ear(message)
        if message == "1":
            raise ZeroDivisionError

    other = Ear()
    async with Bus(broker_url) as bus, bus.listen("a", fail_once), bus.listen("a", other):
        bus.publish("a", "1")
        bus.publish("a", "2")
        assert await ear.several(2) == await other.several(2) == ["1", "2"]
        assert bus.healthy
    assert "A listener of a failed: ZeroDivisionError()" in caplog.text


async def test_cancelling_a_listener_that_waits_for_the_broker_leaves_nothing() -> None:
    notes: list[str] = []
    gate = Gate()
    async with Bus("memory://", backend=partial(Wiretap, notes=notes, gate=gate)) as bus:

        async def listen() -> None:
            async with bus.listen("a", Ear()):
                pass

        waiting = asyncio.create_task(listen())
        await gate.reached.wait()
        waiting.cancel()
        await asyncio.wait([waiting])
        gate.opened.set()
        async with bus.listen("b", Ear()):
            assert notes == ["+a", "-a", "+b"]


async def test_processes_hear_each_other(shared_broker_url: str) -> None:
    here, there = Ear(), Ear()
    async with (
        Bus(shared_broker_url) as bus,
        Bus(shared_broker_url) as other,
        bus.listen("a", here),
        other.listen("a", there),
    ):
        bus.publish("a", "from here")
        assert await here.next() == await there.next() == "from here"
        other.publish("a", "from there")
        assert await here.next() == await there.next() == "from there"


async def test_what_was_published_before_the_end_is_sent(shared_broker_url: str) -> None:
    ear = Ear()
    async with Bus(shared_broker_url) as other, other.listen("a", ear):
        async with Bus(shared_broker_url) as bus:
            for number in range(100):
                bus.publish("a", str(number))
        assert await ear.several(100) == [str(number) for number in range(100)]


async def test_no_task_is_left_when_the_bus_has_ended(broker_url: str) -> None:
    before = asyncio.all_tasks()
    async with Bus(broker_url) as bus, bus.listen("a", Ear()):
        assert asyncio.all_tasks() > before
    assert asyncio.all_tasks() == before
    assert not bus.healthy


class Clinging(MemoryBackend):
    """A backend that takes its time to let go of whoever waits for it."""

    async def next_published(self) -> Event:
        try:
            return await super().next_published()
        finally:
            await asyncio.sleep(0.01)


async def test_no_task_is_left_even_where_the_backend_is_slow_to_let_go() -> None:
    before = asyncio.all_tasks()
    async with Bus("memory://", backend=Clinging) as bus:
        await everything_heard(bus)
    assert asyncio.all_tasks() == before


class Stubborn(MemoryBackend):
    """A backend that publishes once, then hangs, and answers a cancellation with another error."""

    def __init__(self) -> None:
        super().__init__("memory://")
        self.published = 0
        self.hangs = asyncio.Event()

    async def publish(self, channel: str, message: str) -> None:
        self.published += 1
        if self.published == 1:
            await super().publish(channel, message)
            return
        self.hangs.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ConnectionError from None


@pytest.mark.parametrize(
    ("messages", "check"), [(["hangs"], 3_600.0), ([], 0.001)], ids=["message", "check"]
)
async def test_the_end_comes_even_where_a_cancellation_turns_into_another_error(
    messages: list[str], check: float
) -> None:
    before = asyncio.all_tasks()
    backend = Stubborn()
    pace = Pace(check=check, patience=3_600.0, flush=0.01)
    async with Bus("memory://", pace=pace, backend=lambda _url: backend) as bus:
        for message in messages:
            bus.publish("a", message)
        await backend.hangs.wait()
    assert asyncio.all_tasks() == before


async def test_a_bus_whose_start_is_cancelled_leaves_no_task(shared_broker_url: str) -> None:
    before = asyncio.all_tasks()
    entering = asyncio.create_task(Bus(shared_broker_url).__aenter__())
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == len(before) + 2
    entering.cancel()
    await asyncio.wait([entering])
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("name", ["", "x" * 64, "ä" * 32])
async def test_a_channel_name_that_not_every_broker_takes_is_refused(name: str) -> None:
    bus = Bus("memory://")
    with pytest.raises(ValueError, match="1 to 63 bytes"):
        bus.join(name, Ear())


async def test_the_longest_channel_name_works_everywhere(broker_url: str) -> None:
    ear = Ear()
    async with Bus(broker_url) as bus, bus.listen("x" * 63, ear):
        bus.publish("x" * 63, "far")
        assert await ear.next() == "far"


@pytest.mark.parametrize("url", ["kafka://localhost", "localhost:6379", ""])
def test_an_address_of_no_known_broker_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="redis://"):
        Bus(url)


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


async def test_a_message_the_broker_refuses_is_dropped_alone(empty_database_url: str) -> None:
    ear = Ear()
    async with Bus(empty_database_url) as bus, bus.listen("a", ear):
        bus.publish("a", "x" * 8_000)
        bus.publish("a", "short")
        assert await ear.next() == "short"
        assert bus.dropped == 1
        assert bus.rebuilds == 1


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

    async def publish(self, channel: str, message: str) -> None:
        if not channel.startswith("echo:"):
            await asyncio.Event().wait()
        await super().publish(channel, message)

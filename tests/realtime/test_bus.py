"""The bus: the same rules over memory, Valkey and PostgreSQL."""

import asyncio
from collections.abc import Sequence
from typing import NoReturn

import pytest

from realtime.backends.base import Message
from realtime.backends.memory import MemoryBackend
from realtime.bus import Bus, Pace
from tests.realtime.hearing import Ear, everything_heard


async def test_a_listener_receives_what_is_published_on_its_channel(broker_url: str) -> None:
    ear, other = Ear(), Ear()
    async with Bus(broker_url) as bus, bus.listen("a", ear), bus.listen("b", other):
        bus.publish("a", "hello")
        assert await ear.next() == "hello"
        await everything_heard(bus)
        assert other.quiet


@pytest.mark.parametrize("message", ["", "two\nlines", "Zellkern, 細胞, 🔬", "x" * 7_900])
async def test_a_message_arrives_as_it_was_sent(broker_url: str, message: str) -> None:
    ear = Ear()
    async with Bus(broker_url) as bus, bus.listen("a", ear):
        bus.publish("a", message)
        assert await ear.next() == message


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


async def test_no_task_is_left_when_the_bus_has_ended(broker_url: str) -> None:
    before = asyncio.all_tasks()
    async with Bus(broker_url) as bus, bus.listen("a", Ear()):
        assert asyncio.all_tasks() > before
    assert asyncio.all_tasks() == before
    assert not bus.healthy


class Clinging(MemoryBackend):
    """A backend that takes its time to let go of whoever waits for it."""

    async def listen(self) -> NoReturn:
        try:
            await super().listen()
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

    async def publish(self, messages: Sequence[Message]) -> list[Exception]:
        self.published += 1
        if self.published > 1:
            self.hangs.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise ConnectionError from None
        return await super().publish(messages)


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


@pytest.mark.parametrize("name", ["x" * 63, "Zellkern 細胞", 'a"; NOTIFY "a', "a'b\\c$1 *\n"])
async def test_every_other_channel_name_works_everywhere(broker_url: str, name: str) -> None:
    ear = Ear()
    async with Bus(broker_url) as bus:
        for _ in range(2):
            async with bus.listen(name, ear), bus.listen("another", Ear()):
                bus.publish(name, "far")
                assert await ear.next() == "far"
        assert bus.rebuilds == 1


@pytest.mark.parametrize("url", ["kafka://localhost", "localhost:6379", ""])
def test_an_address_of_no_known_broker_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="redis://"):
        Bus(url)

"""What the broker is told of channels: with the first listener and with the last."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from realtime.bus import Bus
from tests.realtime.hearing import Ear, Gate, Wiretap, everything_heard


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
        async with bus.listen("b", Ear()), bus.listen("c", Ear()):
            assert notes == ["+a", "+b", "-a", "+c"]
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
        async with bus.listen("b", Ear()), bus.listen("c", Ear()):
            assert notes == ["+a", "+b", "-a", "+c"]


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
        async with bus.listen("b", Ear()), bus.listen("c", Ear()):
            assert notes == ["+a", "+b", "-a", "+c"]


async def test_who_closes_before_the_broker_knows_waits_no_longer() -> None:
    gate = Gate()
    async with Bus("memory://", backend=partial(Wiretap, notes=[], gate=gate)) as bus:
        listener = bus.join("a", Ear())
        await gate.reached.wait()
        listener.close()
        async with asyncio.timeout(5):
            await listener.ready()
        gate.opened.set()


async def test_nothing_more_is_told_while_the_broker_is_being_told() -> None:
    notes: list[str] = []
    gate = Gate()
    async with Bus("memory://", backend=partial(Wiretap, notes=notes, gate=gate)) as bus:
        listeners = [bus.join("a", Ear())]
        await gate.reached.wait()
        listeners += [bus.join(name, Ear()) for name in ("b", "c", "a", "b")]
        waiting = [asyncio.create_task(listener.ready()) for listener in listeners]
        await bus.publish_and_wait("nobody", "time passes")
        assert notes == ["+a"]
        assert not any(task.done() for task in waiting)
        gate.opened.set()
        await asyncio.gather(*waiting)
        assert notes == ["+a", "+b c"]


async def test_a_channel_left_and_joined_while_the_broker_is_told_of_it_is_heard(
    broker_url: str,
) -> None:
    notes: list[str] = []
    gate = Gate()
    ear = Ear()
    async with Bus(broker_url, backend=partial(Wiretap, notes=notes, gate=gate)) as bus:
        first = bus.join("a", Ear())
        await gate.reached.wait()
        first.close()
        second = bus.join("a", ear)
        gate.opened.set()
        await second.ready()
        bus.publish("a", "for the second")
        assert await ear.next() == "for the second"
        async with bus.listen("b", Ear()):
            assert notes == ["+a", "+b"]


async def test_a_channel_joined_again_while_the_broker_is_told_that_it_was_left_is_heard(
    broker_url: str,
) -> None:
    notes: list[str] = []
    ear = Ear()
    backend = SlowToLeave(broker_url, notes)
    async with Bus(broker_url, backend=lambda _url: backend) as bus:
        async with bus.listen("a", Ear()):
            pass
        await backend.leaving.reached.wait()
        again = bus.join("a", ear)
        ready = asyncio.create_task(again.ready())
        await bus.publish_and_wait("nobody", "time passes")
        assert not ready.done()
        backend.leaving.opened.set()
        await ready
        bus.publish("a", "again")
        assert await ear.next() == "again"
        assert notes == ["+a", "-a", "+a"]


class SlowToLeave(Wiretap):
    """A backend that is held up before it leaves channels."""

    def __init__(self, url: str, notes: list[str]) -> None:
        super().__init__(url, notes)
        self.leaving = Gate()

    async def unsubscribe(self, channels: Sequence[str]) -> None:
        await self.leaving.pass_through()
        await super().unsubscribe(channels)


async def test_a_thousand_channels_take_a_few_round_trips(broker_url: str) -> None:
    notes: list[str] = []
    ears = {f"channel-{number}": Ear() for number in range(1_200)}
    async with Bus(broker_url, backend=partial(Wiretap, notes=notes)) as bus:
        listeners = [bus.join(name, ear) for name, ear in ears.items()]
        for listener in listeners:
            await listener.ready()
        assert [len(note.split()) for note in notes] == [500, 500, 200]
        for name in ears:
            bus.publish(name, f"for {name}")
        assert [await ear.next() for ear in ears.values()] == [f"for {name}" for name in ears]
        notes.clear()
        for listener in listeners:
            listener.close()
        async with bus.listen("last", Ear()):
            pass
        told = [(note[0], len(note.split())) for note in notes]
        assert told == [("-", 500), ("-", 500), ("+", 1), ("-", 200)]


async def test_the_end_comes_while_the_broker_is_told_of_many_channels(broker_url: str) -> None:
    before = asyncio.all_tasks()
    gate = Gate()
    async with Bus(broker_url, backend=partial(Wiretap, notes=[], gate=gate)) as bus:
        listeners = [bus.join(f"channel-{number}", Ear()) for number in range(1_200)]
        await gate.reached.wait()
    assert asyncio.all_tasks() == before
    for listener in listeners:
        await listener.ready()


steps = st.one_of(
    st.tuples(st.just("join"), st.sampled_from("abc")),
    st.tuples(st.just("close"), st.integers(0, 5)),
    st.tuples(st.just("wait until ready"), st.integers(0, 5)),
    st.tuples(st.just("publish"), st.sampled_from("abc")),
    st.tuples(st.just("let others run"), st.integers(1, 5)),
)


class Hearer:
    """A listener, what it heard, and what it must have heard."""

    def __init__(self, bus: Bus, channel: str) -> None:
        self.channel = channel
        self.heard: list[str] = []
        self.due: list[str] = []
        self.is_ready = False
        self.listener = bus.join(channel, self.heard.append)


class Story:
    """Listeners that come, wait and go while messages are published."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._hearers: list[Hearer] = []
        self._closed: list[tuple[Hearer, int]] = []
        self._published = 0

    async def play(self, what: str, which: Any) -> None:
        if what == "join":
            self._hearers.append(Hearer(self._bus, which))
        elif what == "publish":
            self._publish(which)
        elif what == "let others run":
            for _ in range(which):
                await asyncio.sleep(0)
        elif which < len(self._hearers):
            await (self._close if what == "close" else self._await)(which)

    async def end(self) -> None:
        await everything_heard(self._bus)
        for hearer in self._hearers:
            self._check(hearer)
            hearer.listener.close()
        assert all(len(hearer.heard) == count for hearer, count in self._closed)

    def _publish(self, channel: str) -> None:
        self._published += 1
        self._bus.publish(channel, str(self._published))
        for hearer in self._hearers:
            if hearer.is_ready and hearer.channel == channel:
                hearer.due.append(str(self._published))

    async def _close(self, which: int) -> None:
        hearer = self._hearers.pop(which)
        hearer.listener.close()
        self._closed.append((hearer, len(hearer.heard)))

    async def _await(self, which: int) -> None:
        hearer = self._hearers[which]
        await hearer.listener.ready()
        hearer.is_ready = True

    def _check(self, hearer: Hearer) -> None:
        numbers = [int(message) for message in hearer.heard]
        assert numbers == sorted(set(numbers)), "in order, each once"
        assert hearer.heard[len(hearer.heard) - len(hearer.due) :] == hearer.due, "nothing is lost"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=st.lists(steps, max_size=40))
async def test_whoever_is_ready_hears_everything_and_each_channel_is_told_and_left_in_turn(
    broker_url: str, story: list[tuple[str, Any]]
) -> None:
    notes: list[str] = []
    async with Bus(broker_url, backend=partial(Wiretap, notes=notes)) as bus:
        told = Story(bus)
        for what, which in story:
            await told.play(what, which)
        await told.end()
        assert bus.dropped == 0
        async with bus.listen("behind it", Ear()), bus.listen("and behind that", Ear()):
            pass
    for channel in "abc":
        signs = [note[0] for note in notes if channel in note[1:].split()]
        assert signs == ["+", "-"] * (len(signs) // 2)

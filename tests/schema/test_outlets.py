"""Outlets: what a subscription's client gets, its own results and those it shares, in order."""

import asyncio
import gc
import weakref
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any

import pytest

from realtime.outlet import Rendered
from schema.errors import Masking
from schema.rendering import Payload, Subscription
from schema.results import Result
from schema.socket_outlet import SocketOutlet, Waiting
from schema.stream_outlet import StreamOutlet
from tests.schema.world import World

MOMENT = 10
LARGE = b"x" * 2**16


class Frames:
    """A connection that takes as many frames as it is told to."""

    def __init__(self) -> None:
        self.room: float = float("inf")
        self.sent: list[bytes] = []
        self.on_writable: Callable[[], None] = lambda: None
        self.on_shutdown: Callable[[], None] = lambda: None

    @property
    def writable(self) -> bool:
        return self.room > 0

    def send(self, text: bytes) -> None:
        self.room -= 1
        self.sent.append(text)

    def send_all(self, texts: Sequence[bytes]) -> None:
        self.room -= 1
        self.sent += texts

    def abort(self) -> None:
        raise AssertionError("nobody asked for it")

    def drain(self, room: float = float("inf")) -> None:
        self.room = room
        self.on_writable()


class Sender:
    """A member of a relay, as outlets see it: what was not taken is offered again."""

    def __init__(self, outlet: SocketOutlet | StreamOutlet, backlog: Sequence[Rendered]) -> None:
        self._outlet = outlet
        self.backlog = list(backlog)
        self.called = 0

    def go_on(self) -> None:
        self.called += 1
        while self.backlog:
            if not self._outlet.deliver(self.backlog[:1]):
                self._outlet.once_writable(self.go_on)
                return
            del self.backlog[0]


def results(name: str, count: int) -> list[Rendered]:
    return [(f"{name}{number}".encode(), number) for number in range(count)]


class TestSocketOutlets:
    def test_results_go_out_as_messages_of_their_operation(self) -> None:
        frames = Frames()
        outlet = SocketOutlet(frames, Waiting(frames), b'{"id":"1","payload":')
        assert outlet.deliver([(b'{"a":1}', 1)])
        assert outlet.deliver([(b'{"a":2}', 2), (b'{"a":3}', 3)])
        assert frames.sent == [b'{"id":"1","payload":{"a":%d}}' % n for n in (1, 2, 3)]

    def test_a_socket_that_takes_no_more_gets_none_of_it(self) -> None:
        frames = Frames()
        outlet = SocketOutlet(frames, Waiting(frames), b"")
        frames.room = 0
        assert not outlet.deliver(results("a", 2))
        assert frames.sent == []

    def test_whoever_waits_is_called_once(self) -> None:
        frames = Frames()
        waiting = Waiting(frames)
        frames.room = 0
        senders = [Sender(SocketOutlet(frames, waiting, b""), results(n, 2)) for n in "ab"]
        for sender in senders:
            sender.go_on()
        frames.drain()
        assert frames.sent == [b"a0}", b"a1}", b"b0}", b"b1}"]
        frames.drain()
        assert [sender.called for sender in senders] == [2, 2]

    def test_a_subscription_with_much_to_tell_starves_none_of_its_siblings(self) -> None:
        frames = Frames()
        waiting = Waiting(frames)
        frames.room = 0
        senders = [Sender(SocketOutlet(frames, waiting, b""), results(n, 4)) for n in "abc"]
        for sender in senders:
            sender.go_on()
        for _ in range(6):
            frames.drain(1)
        assert sorted(frames.sent) == [b"a0}", b"a1}", b"b0}", b"b1}", b"c0}", b"c1}"]

    def test_one_that_is_closed_sends_nothing_and_holds_up_nobody(self) -> None:
        frames = Frames()
        waiting = Waiting(frames)
        closed, open_ = (SocketOutlet(frames, waiting, b"") for _ in range(2))
        frames.room = 0
        senders = [Sender(closed, results("a", 2)), Sender(open_, results("b", 2))]
        for sender in senders:
            sender.go_on()
        closed.closed = True
        frames.drain()
        assert frames.sent == [b"b0}", b"b1}"]
        assert [sender.backlog for sender in senders] == [[], []]

    def test_a_socket_with_nobody_waiting_may_become_writable(self) -> None:
        frames = Frames()
        Waiting(frames)
        frames.drain()
        assert frames.sent == []


class Source:
    """The events of a subscription, which a test hands out; it counts what it is asked for."""

    def __init__(self) -> None:
        self.asked = 0
        self.closed = False
        self._events: asyncio.Queue[object] = asyncio.Queue()
        self._news = asyncio.Event()

    def put(self, *events: object) -> None:
        for event in events:
            self._events.put_nowait(event)

    async def events(self) -> AsyncGenerator[object, None]:
        try:
            while True:
                self.asked += 1
                self._news.set()
                event = await self._events.get()
                if event is None:
                    return
                if isinstance(event, Exception):
                    raise event
                yield event
        finally:
            self.closed = True

    async def until_asked(self, times: int) -> None:
        async with asyncio.timeout(MOMENT):
            while self.asked < times:
                self._news.clear()
                await self._news.wait()


class Verbatim:
    """The group of those who get an event as it is."""

    wants_asides = False
    moves = False

    def render(self, events: Sequence[Any]) -> list[bytes]:
        return list(map(bytes, events))


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def outlet() -> StreamOutlet:
    return StreamOutlet()


@pytest.fixture
def subscription(world: World, source: Source) -> Subscription:
    group: Any = Verbatim()
    masking = Masking(world.report)

    def failed(error: Exception) -> Result:
        return Result(errors=(masking.stream_error(error, "r1"),))

    return Subscription(source.events(), group, failed, asyncio.Lock())


async def take(stream: AsyncGenerator[Payload, None], count: int) -> list[bytes]:
    async with asyncio.timeout(MOMENT):
        taken = [(await anext(stream))[0] for _ in range(count)]
    return [payload for payload in taken if isinstance(payload, bytes)]


class TestStreamOutlets:
    async def test_results_of_both_kinds_come_in_their_order(
        self, outlet: StreamOutlet, source: Source, subscription: Subscription
    ) -> None:
        source.put(b"own 1", b"own 2")
        async with aclosing(outlet.read(subscription)) as stream:
            assert await take(stream, 1) == [b"own 1"]
            outlet.deliver([(b"shared 1", 1), (b"shared 2", 2)])
            assert await take(stream, 3) == [b"shared 1", b"shared 2", b"own 2"]
            outlet.deliver([(b"shared 3", 3)])
            assert await take(stream, 1) == [b"shared 3"]

    async def test_what_is_shared_comes_with_its_revision(
        self, outlet: StreamOutlet, subscription: Subscription
    ) -> None:
        async with aclosing(outlet.read(subscription)) as stream:
            reading = asyncio.ensure_future(anext(stream))
            await asyncio.sleep(0)
            outlet.deliver([(b"shared", 7)])
            assert await reading == (b"shared", 7)

    async def test_a_group_is_known_before_anything_is_asked_for(
        self, outlet: StreamOutlet, source: Source, subscription: Subscription
    ) -> None:
        """A source may follow something with it at once."""
        async with aclosing(outlet.read(subscription)) as stream:
            source.put(b"own")
            await take(stream, 1)
            assert outlet.group is subscription.group

    async def test_the_next_own_result_is_asked_for_when_the_last_one_was_taken(
        self, outlet: StreamOutlet, source: Source, subscription: Subscription
    ) -> None:
        source.put(b"own 1", b"own 2")
        async with aclosing(outlet.read(subscription)) as stream:
            await take(stream, 1)
            await source.until_asked(2)
            for _ in range(5):
                await asyncio.sleep(0)
            assert source.asked == 2
            await take(stream, 1)
            await source.until_asked(3)

    async def test_what_is_shared_can_not_keep_own_results_from_being_asked_for(
        self, outlet: StreamOutlet, source: Source, subscription: Subscription
    ) -> None:
        """A reader that is slower than what is shared comes never finds nothing waiting."""
        source.put(b"own 1", b"own 2", b"own 3")
        async with aclosing(outlet.read(subscription)) as stream:
            taken = await take(stream, 1)
            for number in range(40):
                outlet.deliver([(b"shared", number), (b"shared", number)])
                taken += await take(stream, 1)
                await asyncio.sleep(0)
        assert b"own 3" not in taken[:3]
        assert source.asked == 4

    async def test_it_takes_no_more_than_a_reader_can_be_expected_to_read(
        self, outlet: StreamOutlet, subscription: Subscription
    ) -> None:
        async with aclosing(outlet.read(subscription)) as stream:
            reading = asyncio.ensure_future(anext(stream))
            await asyncio.sleep(0)
            assert outlet.deliver([(LARGE, 1)])
            assert not outlet.deliver([(b"more", 2)])
            await reading
            assert outlet.deliver([(b"more", 2)])

    async def test_whoever_waits_goes_on_when_something_was_taken(
        self, outlet: StreamOutlet, subscription: Subscription
    ) -> None:
        senders = [Sender(outlet, [(LARGE, n), (LARGE, n + 1)]) for n in (0, 10)]
        async with aclosing(outlet.read(subscription)) as stream:
            reading = asyncio.ensure_future(anext(stream))
            await asyncio.sleep(0)
            for sender in senders:
                sender.go_on()
            revisions = [(await reading)[1]]
            async with asyncio.timeout(MOMENT):
                revisions += [(await anext(stream))[1] for _ in range(3)]
        assert sorted(revisions, key=str) == [0, 1, 10, 11]
        assert [each for each in revisions if each in (0, 1)] == [0, 1]
        assert [each for each in revisions if each in (10, 11)] == [10, 11]

    async def test_the_stream_ends_with_the_source_behind_all_that_came(
        self, outlet: StreamOutlet, source: Source, subscription: Subscription
    ) -> None:
        async with aclosing(outlet.read(subscription)) as stream:
            reading = asyncio.ensure_future(anext(stream))
            await asyncio.sleep(0)
            outlet.deliver([(b"shared 1", 1), (b"shared 2", 2)])
            source.put(b"own", None)
            assert [(await reading)[0], *await take(stream, 2)] == [
                b"shared 1",
                b"shared 2",
                b"own",
            ]
            assert await anext(stream, None) is None
        assert source.closed

    async def test_a_source_that_fails_ends_the_stream_with_a_masked_error(
        self, outlet: StreamOutlet, source: Source, subscription: Subscription, world: World
    ) -> None:
        source.put(b"own", RuntimeError("a secret of the database"))
        async with aclosing(outlet.read(subscription)) as stream:
            assert await take(stream, 1) == [b"own"]
            last, revision = await anext(stream)
            assert isinstance(last, Result)
            assert revision is None
            assert not last.executed
            assert "secret" not in str(last)
            assert await anext(stream, None) is None
        assert len(world.unexpected) == 1

    async def test_closing_the_stream_closes_the_source(
        self, outlet: StreamOutlet, source: Source, subscription: Subscription
    ) -> None:
        source.put(b"own 1", b"own 2")
        async with aclosing(outlet.read(subscription)) as stream:
            await take(stream, 1)
        assert source.closed

    async def test_a_reader_that_is_cancelled_closes_the_source(
        self, outlet: StreamOutlet, source: Source, subscription: Subscription
    ) -> None:
        async def read() -> None:
            async with aclosing(outlet.read(subscription)) as stream:
                async for _ in stream:
                    pass

        reading = asyncio.create_task(read())
        await source.until_asked(1)
        reading.cancel()
        await asyncio.wait([reading])
        assert source.closed

    async def test_nothing_remains_of_a_stream_that_ended_with_somebody_waiting(
        self, source: Source, subscription: Subscription
    ) -> None:
        async def read() -> weakref.ref[StreamOutlet]:
            outlet = StreamOutlet()
            async with aclosing(outlet.read(subscription)) as stream:
                source.put(b"own")
                await take(stream, 1)
                Sender(outlet, [(LARGE, 1), (LARGE, 2)]).go_on()
            return weakref.ref(outlet)

        reference = await read()
        gc.collect()
        assert reference() is None

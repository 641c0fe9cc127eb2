"""Whatever the bus does to messages, each watch ends with the truth, by rising revisions."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.watch import BEHIND, GONE, Watch
from tests.realtime.hearing import everything_heard
from tests.realtime.ledger import Change, World, a_world

FATES = ("delivered", "lost", "doubled", "late", "late and doubled")

steps = st.one_of(
    st.tuples(st.just("commit"), st.integers(1, 3), st.sampled_from(FATES), st.booleans()),
    st.tuples(st.just("late messages arrive"), st.randoms(use_true_random=False)),
    st.tuples(st.just("hear")),
    st.tuples(st.just("join"), st.booleans()),
    st.tuples(st.just("read"), st.integers(0, 3)),
    st.tuples(st.just("leave"), st.integers(0, 3)),
    st.tuples(st.just("reconcile")),
    st.tuples(st.just("source goes or comes back")),
)


@dataclass
class Reader:
    """A client: what it has been told so far."""

    watch: Watch[Change]
    stack: AsyncExitStack
    items: set[int] = field(default_factory=set)
    cursor: int = 0

    def reload(self, truth: Change) -> None:
        self.items.update(item for item in truth.items or () if item > self.cursor)
        self.cursor = truth.revision
        self.watch.advance(truth.revision)

    def take(self, item: Any, truth: Change) -> None:
        if item is BEHIND:
            self.reload(truth)
            return
        assert item is not GONE
        assert item.revision > self.cursor, "revisions rise strictly"
        assert item.since <= self.cursor, "nothing is left out"
        self.items.update(item.items)
        self.cursor = item.revision


class Story:
    """A topic, its readers, and messages that are on their way."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.topic = world.ledger.create()
        self.readers: list[Reader] = []
        self.late: list[Change] = []

    @property
    def truth(self) -> Change:
        return self.world.ledger.change(self.topic, 0)

    async def play(self, step: tuple[Any, ...]) -> None:
        match step:
            case ("commit", count, fate, bare):
                self._commit(count, fate, bare=bare)
            case ("late messages arrive", order):
                order.shuffle(self.late)
                for change in self.late:
                    self.world.publish(self.topic, change)
                self.late.clear()
            case ("hear",):
                await everything_heard(self.world.bus)
            case ("join", hesitate) if not self.world.ledger.away:
                await self._join(hesitate=hesitate)
            case ("read", number) if number < len(self.readers):
                self._read_all(self.readers[number])
            case ("leave", number) if number < len(self.readers):
                await self.readers.pop(number).stack.aclose()
            case ("reconcile",):
                await self.world.feeds.reconcile()
            case ("source goes or comes back",):
                self.world.ledger.away = not self.world.ledger.away

    def _commit(self, count: int, fate: str, *, bare: bool) -> None:
        change = self.world.ledger.commit(self.topic, count)
        told = Change(change.since, change.revision, None) if bare else change
        if "late" in fate:
            self.late.append(told)
        for _ in range({"lost": 0, "late": 0, "doubled": 2}.get(fate, 1)):
            self.world.publish(self.topic, told)

    async def _join(self, *, hesitate: bool) -> None:
        stack = AsyncExitStack()
        watch = await stack.enter_async_context(self.world.feeds.watch(self.topic, details=True))
        if hesitate:
            self._commit(1, "delivered", bare=False)
            await everything_heard(self.world.bus)
        self.readers.append(Reader(watch, stack))
        self.readers[-1].reload(self.truth)

    def _read_all(self, reader: Reader) -> None:
        while (item := reader.watch.take()) is not None:
            reader.take(item, self.truth)

    async def end(self) -> None:
        self.world.ledger.away = False
        await everything_heard(self.world.bus)
        await self.world.feeds.reconcile()
        for reader in self.readers:
            while reader.cursor < self.truth.revision:
                async with asyncio.timeout(10):
                    reader.take(await anext(reader.watch), self.truth)
            assert reader.items == set(self.truth.items or ()), "the latest state"
        for reader in self.readers:
            await reader.stack.aclose()
        assert len(self.world.feeds) == 0


@settings(max_examples=200, deadline=None)
@given(story=st.lists(steps, max_size=40))
async def test_every_watch_rises_strictly_leaves_nothing_out_and_ends_with_the_latest(
    story: list[tuple[Any, ...]],
) -> None:
    async with a_world(mailbox_limit=3) as world:
        told = Story(world)
        for step in story:
            await told.play(step)
        await told.end()

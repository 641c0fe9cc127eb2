"""Whatever happens on the way, each follower is told the truth, by rising revisions."""

import asyncio
import random
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.relays import Relays
from realtime.view import Audience, Reason
from tests.realtime.hearing import everything_heard
from tests.realtime.ledger import Change, World, a_world
from tests.realtime.relaying import ADA, BEN
from tests.realtime.things import LARGEST, Client, Telling, Things, things

FATES = ("delivered", "lost", "doubled", "late", "late and doubled")

client = st.integers(0, 3)
steps = st.one_of(
    st.tuples(st.just("commit"), st.integers(1, 6), st.sampled_from(FATES), st.booleans()),
    st.tuples(st.just("commit"), st.integers(1, 2), st.just("delivered"), st.just(False)),
    st.tuples(st.just("commit"), st.integers(1, 2), st.just("delivered"), st.just(True)),
    st.tuples(st.just("hear")),
    st.tuples(st.just("hear")),
    st.tuples(st.just("hear_what_is_late"), st.integers(0, 9)),
    st.tuples(st.just("admit"), st.sampled_from([(ADA,), (BEN,), (ADA, BEN)])),
    st.tuples(st.just("join"), st.sampled_from([ADA, BEN]), st.integers(0, 2)),
    st.tuples(st.just("go_on"), client),
    st.tuples(st.just("go_on"), client),
    st.tuples(st.just("fill_up"), client, st.integers(0, 2)),
    st.tuples(st.just("drain"), client),
    st.tuples(st.just("leave"), client),
    st.tuples(st.just("reconcile")),
    st.tuples(st.just("lose_or_find_the_database")),
    st.tuples(st.just("hold_up_answers_or_let_them_come")),
    st.tuples(st.just("hold_up_renderings_or_let_them_come")),
    st.tuples(st.just("break_or_mend_renderings"), st.integers(0, 2)),
)


@dataclass
class Story:
    """A topic, its followers, and messages that are on their way."""

    world: World
    view: Things
    relays: Relays[Change]
    clients: list[Client] = field(default_factory=list)
    late: list[Change] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.topic = self.world.ledger.create()
        self.world.ledger.admit(self.topic, ADA, BEN)
        self.audiences = [self.audience]
        self.groups = [Telling(), Telling(), Telling(slow=True)]

    async def begin(self) -> None:
        """Have three follow from the beginning."""
        for user, group in ((ADA, 0), (BEN, 0), (ADA, 2)):
            await self.join(user, group)
        for client in self.clients:
            client.go_on()
            client.go_on()

    @property
    def revision(self) -> int:
        return self.world.ledger.topics[self.topic]

    @property
    def audience(self) -> Audience:
        return self.world.ledger.audiences[self.topic]

    def may_know(self, user: UUID, revision: int) -> bool:
        """Whether the user was in the audience when this was committed, or at any time since."""
        in_force = max(a.revision for a in self.audiences if a.revision <= revision)
        return any(user in a.users for a in self.audiences if a.revision >= in_force)

    async def play(self, act: str, *details: Any) -> None:
        doing = getattr(self, act)(*details)
        if doing is not None:
            await doing

    def commit(self, count: int, fate: str, bare: bool) -> None:
        self._tell(self.world.ledger.commit(self.topic, count), fate, bare=bare)

    def admit(self, users: Sequence[UUID]) -> None:
        change = self.world.ledger.admit(self.topic, *users)
        self.audiences.append(self.audience)
        self._tell(change, "delivered", bare=False)

    def hear_what_is_late(self, seed: int) -> Awaitable[None]:
        random.Random(seed).shuffle(self.late)
        for change in self.late:
            self.world.publish(self.topic, change)
        self.late.clear()
        return self.hear()

    async def join(self, user: UUID, group: int) -> None:
        if not self.world.ledger.away:
            client = Client(self, user, self.groups[group])
            client.member = await self.relays.join(self.topic, user, client, client.partings.append)
            self.clients.append(client)

    def reconcile(self) -> Awaitable[None]:
        return self.world.feeds.reconcile()

    def lose_or_find_the_database(self) -> None:
        self.world.ledger.away = not self.world.ledger.away

    def hold_up_answers_or_let_them_come(self) -> None:
        _toggle(self.world.ledger.relays_gate)

    def hold_up_renderings_or_let_them_come(self) -> None:
        _toggle(self.groups[2].gate)

    def break_or_mend_renderings(self, group: int) -> None:
        self.groups[group].broken = not self.groups[group].broken

    def go_on(self, number: int) -> None:
        for client in self.clients[number : number + 1]:
            client.go_on()

    def fill_up(self, number: int, room: int) -> None:
        for client in self.clients[number : number + 1]:
            client.room = room

    def drain(self, number: int) -> None:
        for client in self.clients[number : number + 1]:
            client.drain()

    def leave(self, number: int) -> None:
        for client in self.clients[number : number + 1]:
            client.member.leave()
            self.clients.remove(client)

    async def hear(self) -> None:
        await everything_heard(self.world.bus)
        for _ in range(10):
            await asyncio.sleep(0)

    def _tell(self, change: Change, fate: str, *, bare: bool) -> None:
        if bare:
            change = Change(change.since, change.revision, None, members=change.members)
        if "late" in fate:
            self.late.append(change)
        for _ in range({"lost": 0, "late": 0, "doubled": 2}.get(fate, 1)):
            self.world.publish(self.topic, change)

    async def end(self) -> None:
        """Have everything work again; in the end everybody knows the truth, or is shut out."""
        self.world.ledger.away = False
        self.world.ledger.relays_gate.set()
        for group in self.groups:
            group.broken = False
            group.gate.set()
        await self.hear()
        await self.world.feeds.reconcile()
        async with asyncio.timeout(20):
            while not await self._is_at_rest():
                pass
        for client in self.clients:
            self._judge(client)
            client.member.leave()
        assert self.complaints == []
        assert len(self.relays) == len(self.world.feeds) == 0

    async def _is_at_rest(self) -> bool:
        await self.hear()
        for client in self.clients:
            client.drain()
            client.go_on()
        busy = any(relay._work for relay in self.relays._relays.values())
        return not busy and not any(client.undone for client in self.clients)

    def _judge(self, client: Client) -> None:
        if client.user not in self.audience.users:
            assert client.over is Reason.SHUT_OUT
        elif client.over is None:
            assert client.known == things(range(1, self.revision + 1)), "the latest state"
        else:
            assert client.over is Reason.SHUT_OUT


def _toggle(gate: asyncio.Event) -> None:
    if gate.is_set():
        gate.clear()
    else:
        gate.set()


@settings(max_examples=300, deadline=None)
@given(plot=st.lists(steps, max_size=50), page_size=st.sampled_from([2, LARGEST + 1]))
async def test_every_follower_rises_strictly_misses_nothing_and_ends_with_the_latest(
    plot: list[tuple[Any, ...]], page_size: int
) -> None:
    async with a_world(mailbox_limit=3) as world:
        world.ledger.most_repaired = 4
        view = Things(world.ledger, page_size)
        relays = Relays(
            world.feeds, view, topic=lambda key: key, read=view.read, retry_seconds=0.001
        )
        async with relays:
            story = Story(world, view, relays)
            await story.begin()
            for step in plot:
                await story.play(*step)
            await story.end()

"""Stories of a topic, of those who follow it, and of all that can go wrong between them."""

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from realtime.member import Member
from realtime.outlet import Rendered
from realtime.relays import Relays
from realtime.view import Audience, Parting, Reason
from tests.realtime.hearing import everything_heard
from tests.realtime.ledger import Change, World
from tests.realtime.relaying import ADA, BEN, Rendering, at_work

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
    relays: Relays[Change]
    make_client: Callable[["Story", UUID, Rendering], "Client"]
    clients: list["Client"] = field(default_factory=list)
    late: list[Change] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.topic = self.world.ledger.create()
        self.world.ledger.admit(self.topic, ADA, BEN)
        self.audiences = [self.audience]
        self.groups = [Rendering(), Rendering(), Rendering(slow=True)]

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

    async def play_all(self, plot: Sequence[tuple[Any, ...]]) -> None:
        await self.begin()
        for act, *details in plot:
            doing = getattr(self, act)(*details)
            if doing is not None:
                await doing
        await self.end()

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
            client = self.make_client(self, user, self.groups[group])
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
            if client.over or client.user not in self.audience.users:
                assert client.over is Reason.SHUT_OUT
            else:
                client.judge()
            client.member.leave()
        assert self.complaints == []
        assert len(self.relays) == len(self.world.feeds) == 0

    async def _is_at_rest(self) -> bool:
        await self.hear()
        for client in self.clients:
            client.drain()
            client.go_on()
        return not at_work(self.relays) and not any(client.undone for client in self.clients)


def _toggle(gate: asyncio.Event) -> None:
    if gate.is_set():
        gate.clear()
    else:
        gate.set()


class Client(ABC):
    """A follower as the resolvers make one: it reads, follows, and reads again where it must."""

    def __init__(self, story: Story, user: UUID, group: Rendering) -> None:
        self.story = story
        self.user = user
        self.group = group
        self.member: Member
        self.partings: list[Parting] = []
        self.over: Reason | None = None
        self.room: float = float("inf")
        self.cursor = self.known_upto = 0
        self.reading = True
        self.within = False
        self._ready = False
        self._checked = 0
        self._waiting: list[Callable[[], None]] = []

    @abstractmethod
    def hear(self, what: str, revision: int) -> None:
        """Take what it is told."""

    @abstractmethod
    def read(self) -> bool:
        """Read the next page from the database; return whether it was the last."""

    @abstractmethod
    def judge(self) -> None:
        """Assert that it knows the truth."""

    def told(self) -> Any:
        """Return the event that it knows, where relays ask for that."""
        return None

    def deliver(self, results: Sequence[Rendered]) -> bool:
        if self.room <= 0:
            return False
        self.room -= 1
        for payload, revision in results:
            self.take(payload.decode(), revision)
        return True

    def once_writable(self, callback: Callable[[], None]) -> None:
        self._waiting.append(callback)

    def drain(self) -> None:
        self.room = float("inf")
        waiting, self._waiting = self._waiting, []
        for callback in waiting:
            callback()

    def take(self, what: str, revision: int) -> None:
        self.expect(revision > self.cursor, f"{revision} behind {self.cursor}")
        self.expect(self.story.may_know(self.user, revision), f"{revision} is none of its")
        self.hear(what, revision)
        self.cursor = revision

    def go_on(self) -> None:
        """Do the next thing: read, follow, or hear why it can't any more."""
        if self.over is not None:
            return
        if self._ready:
            self._ready = False
            self.member.follow(self.cursor, self._checked, self.told())
        elif self.reading:
            if self._may_look() and self.read():
                self.reading, self._ready = False, True
        elif self.partings:
            self._part(self.partings.pop(0))

    @property
    def undone(self) -> bool:
        """Whether there is something left for it to do."""
        return self.over is None and bool(self._ready or self.reading or self.partings)

    def expect(self, holds: bool, complaint: str) -> None:
        """Note what is wrong: what an outlet raises is for the relay to deal with."""
        if not holds:
            self.story.complaints.append(complaint)

    def _part(self, parting: Parting) -> None:
        assert not self.partings, "it was parted twice"
        assert parting.revision >= self.cursor
        assert parting.known <= parting.revision
        self.cursor, self.known_upto = parting.revision, parting.known
        self.within = parting.known < parting.revision
        if parting.reason is Reason.BEHIND:
            self.reading = True
        else:
            self._end(parting.reason)

    def _may_look(self) -> bool:
        """Check the rights, if the database is there."""
        if self.story.world.ledger.away:
            return False
        audience = self.story.audience
        if self.user not in audience.users:
            self._end(Reason.SHUT_OUT)
            return False
        self._checked = audience.revision
        return True

    def _end(self, reason: Reason) -> None:
        self.over = reason
        self.member.leave()

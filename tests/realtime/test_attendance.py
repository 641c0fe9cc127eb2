"""Followers of who is present: one list for all, for nobody who was shut out, and no stale one."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from realtime.attendance import Attendances
from realtime.log import NEVER
from realtime.member import Member
from realtime.outlet import Rendered
from realtime.presence import Presence
from realtime.relays import Relays
from realtime.room import Attendance
from realtime.view import Audience, Parting, Reason
from tests.realtime.hearing import everything_heard
from tests.realtime.ledger import World, a_world, merged

ANN, BOB, CY = UUID(int=10), UUID(int=11), UUID(int=12)
Users = frozenset[UUID]


class View:
    """Everybody is let in as of revision 0; ``audience`` may be changed behind everybody's back."""

    def __init__(self) -> None:
        self.members = Audience(revision=0, users=[ANN, BOB, CY])
        self.questions = 0

    def events(self, key: UUID, change: Attendance, known: int) -> Sequence[tuple[int, Users]]:
        return [(change.revision, change.users)]

    def is_last(self, change: Attendance) -> bool:
        return False

    def audience_revision(self, change: Attendance) -> int:
        return change.audience_revision

    async def audience(self, key: UUID) -> Audience | None:
        self.questions += 1
        return self.members


class Names:
    """Renders a list as large as one likes, and keeps what it was asked to render."""

    wants_asides = False
    moves = False

    def __init__(self, padding: int = 0) -> None:
        self.rendered: list[Users] = []
        self._padding = bytes(padding)

    def render(self, lists: Sequence[Users]) -> list[bytes]:
        self.rendered += lists
        return [b",".join(sorted(user.bytes for user in users)) + self._padding for users in lists]


class Follower:
    """An outlet that takes what it is told, unless it is full."""

    def __init__(self, group: Names) -> None:
        self.group = group
        self.told: list[bytes] = []
        self.full = False
        self.member: Member
        self._waiting: deque[Callable[[], None]] = deque()
        self._partings: asyncio.Queue[Parting] = asyncio.Queue()
        self._news = asyncio.Event()

    def deliver(self, results: Sequence[Rendered]) -> bool:
        if not self.full:
            self.told += [payload for payload, _ in results]
            self._news.set()
        return not self.full

    def once_writable(self, callback: Callable[[], None]) -> None:
        self._waiting.append(callback)

    def part(self, parting: Parting) -> None:
        self._partings.put_nowait(parting)

    def drain(self) -> None:
        """Take what waits."""
        self.full = False
        while self._waiting:
            self._waiting.popleft()()

    async def until(self, *users: UUID) -> None:
        """Wait until these, and nobody else, were told last."""
        listed = b",".join(user.bytes for user in users)
        async with asyncio.timeout(10):
            while not (self.told and self.told[-1].rstrip(b"\0") == listed):
                self._news.clear()
                await self._news.wait()

    async def parted(self) -> Reason:
        async with asyncio.timeout(10):
            return (await self._partings.get()).reason


class Scene:
    def __init__(self, world: World, presence: Presence, relays: Relays[Attendance]) -> None:
        self.world = world
        self.presence = presence
        self.view: View = relays._view  # type: ignore[assignment]
        self.topic = world.ledger.create()
        self._relays = relays

    async def come(self, user: UUID, group: Names) -> Follower:
        """Have somebody follow who is told what the others were told last."""
        follower = Follower(group)
        follower.member = await self._relays.join(self.topic, user, follower, follower.part)
        follower.member.follow(NEVER, self.view.members.revision)
        return follower

    async def begin(self, user: UUID, group: Names) -> Follower:
        """Have somebody follow who has been told who is there now."""
        follower = await self.come(user, group)
        await follower.until(*sorted(self.presence.attendance(self.topic).users))
        follower.told.clear()
        return follower


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with a_scene() as made:
        yield made


@asynccontextmanager
async def a_scene() -> AsyncIterator[Scene]:
    async with a_world() as world, Presence(world.bus) as presence:
        attendances = Attendances(
            presence,
            world.feeds,
            merge=merged,
            # In this world nothing changes but who may follow.
            audience_revision=lambda change: change.revision,
        )
        relays = Relays(attendances, View(), topic=lambda key: key, seconds_between=0)
        async with relays:
            yield Scene(world, presence, relays)


async def test_a_list_is_rendered_once_for_all_who_get_it_alike(scene: Scene) -> None:
    group, other = Names(), Names()
    async with scene.presence.here(scene.topic, ANN):
        followers = [await scene.begin(ANN, each) for each in (group, other) * 20]
        async with scene.presence.here(scene.topic, BOB):
            for follower in followers:
                await follower.until(ANN, BOB)
    assert group.rendered == other.rendered == [{ANN}, {ANN, BOB}]


async def test_newcomers_are_told_what_the_others_were_told_last(scene: Scene) -> None:
    group = Names()
    async with scene.presence.here(scene.topic, ANN), scene.presence.here(scene.topic, BOB):
        first = await scene.begin(ANN, group)
        async with scene.presence.here(scene.topic, CY):
            await first.until(ANN, BOB, CY)
            newcomers = [await scene.come(BOB, group) for _ in range(20)]
            assert [follower.told for follower in newcomers] == [first.told] * 20
    assert group.rendered[-1] == {ANN, BOB, CY}
    assert len(group.rendered) == 2


async def test_who_is_there_is_not_told_again_where_nobody_came_or_went(scene: Scene) -> None:
    group = Names()
    async with scene.presence.here(scene.topic, ANN):
        follower = await scene.begin(ANN, group)
        async with scene.presence.here(scene.topic, ANN):
            scene.view.members = Audience(revision=1, users=[ANN])
            scene.world.commit(scene.topic)
            await everything_heard(scene.world.bus)
            async with scene.presence.here(scene.topic, BOB):
                await follower.until(ANN, BOB)
    assert len(follower.told) == 1


async def test_a_reader_that_lags_gets_the_latest_list_however_large(scene: Scene) -> None:
    group = Names(padding=2**20)
    async with scene.presence.here(scene.topic, ANN):
        quick, slow = await scene.begin(ANN, group), await scene.begin(ANN, group)
        slow.full = True
        async with scene.presence.here(scene.topic, BOB):
            await quick.until(ANN, BOB)
        await quick.until(ANN)
        assert slow.told == []
        slow.drain()
        await slow.until(ANN)
    assert group.rendered == [{ANN}, {ANN, BOB}, {ANN}]
    assert len(quick.told) == 2
    assert len(slow.told) == 1


async def test_who_is_shut_out_is_parted_at_once(scene: Scene) -> None:
    group = Names()
    async with scene.presence.here(scene.topic, ANN):
        staying, leaving = await scene.begin(ANN, group), await scene.begin(BOB, group)
        scene.view.members = Audience(revision=1, users=[ANN, CY])
        scene.world.commit(scene.topic)
        assert await leaving.parted() is Reason.SHUT_OUT
        async with scene.presence.here(scene.topic, CY, 1):
            await staying.until(ANN, CY)
    assert leaving.told == []


async def test_who_was_shut_out_unannounced_is_not_told_who_came_since(scene: Scene) -> None:
    group = Names()
    async with scene.presence.here(scene.topic, ANN):
        staying, leaving = await scene.begin(ANN, group), await scene.begin(BOB, group)
        scene.view.members = Audience(revision=1, users=[ANN, CY])
        scene.world.ledger.commit(scene.topic)
        async with scene.presence.here(scene.topic, CY, 1):
            await staying.until(ANN, CY)
            assert await leaving.parted() is Reason.SHUT_OUT
    assert leaving.told == []
    assert scene.view.questions == 1


async def test_followers_are_parted_when_the_topic_is_gone(scene: Scene) -> None:
    group = Names()
    async with scene.presence.here(scene.topic, ANN):
        follower = await scene.begin(ANN, group)
        scene.world.publish(scene.topic, scene.world.ledger.remove(scene.topic))
        assert await follower.parted() is Reason.GONE
        async with scene.presence.here(scene.topic, BOB):
            follower.member.leave()
    assert follower.told == []


async def test_nothing_is_kept_of_a_topic_that_nobody_follows(scene: Scene) -> None:
    async with scene.presence.here(scene.topic, ANN):
        followers = [await scene.begin(ANN, Names()) for _ in range(3)]
        for follower in followers:
            follower.member.leave()
        assert len(scene.world.feeds) == len(scene._relays) == 0
    assert scene.presence._rooms == {}

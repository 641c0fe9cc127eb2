"""Panels: what a queue is rendered to, for outlets that lag, and while things go wrong."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any
from uuid import UUID

import pytest

from persistence import project
from persistence.database import Database
from persistence.records import ProjectRole, QueueNumbers
from persistence.trouble import Unavailable
from realtime.bus import Bus
from realtime.feed import SourceAway
from realtime.feeds import Feeds
from realtime.outlet import Rendered
from resolvers import changes
from resolvers.errors import Forbidden
from resolvers.live import panels
from resolvers.live.panels import Panels
from tests.lab import Lab


class Words:
    """A group that renders what it is told to, and counts."""

    wants_asides = False
    moves = True

    def __init__(self) -> None:
        self.word = "first"
        self.rendered = 0
        self.broken = False
        self._news = asyncio.Condition()

    def render(self, events: Sequence[QueueNumbers]) -> Coroutine[Any, Any, list[bytes]]:
        return self._later(events)

    async def _later(self, events: Sequence[QueueNumbers]) -> list[bytes]:
        async with self._news:
            self.rendered += 1
            self._news.notify_all()
        if self.broken:
            raise ValueError("as told")
        return [f"{self.word} {event.queued}".encode() for event in events]

    async def times(self, more: int) -> None:
        """Wait until it has rendered so often again."""
        count = self.rendered + more
        async with asyncio.timeout(10), self._news:
            await self._news.wait_for(lambda: self.rendered >= count)


class Screen:
    """An outlet that takes what it is shown, unless it is full."""

    def __init__(self, group: Words) -> None:
        self.group = group
        self.shown: list[str] = []
        self.full = False
        self.begun = asyncio.Event()
        self._waiting: list[Callable[[], None]] = []

    def deliver(self, results: Sequence[Rendered]) -> bool:
        if not self.full:
            self.shown += [payload.decode() for payload, _ in results]
            self.begun.set()
        return not self.full

    def once_writable(self, callback: Callable[[], None]) -> None:
        self._waiting.append(callback)

    def drain(self) -> None:
        """Take what waits."""
        self.full = False
        waiting, self._waiting = self._waiting, []
        for callback in waiting:
            callback()


class Room:
    """A project in whose queue something is, and panels of it."""

    def __init__(self, lab: Lab, shown: Panels, project_id: UUID, ada: UUID) -> None:
        self.lab = lab
        self.panels = shown
        self.project_id = project_id
        self.ada = ada
        self.group = Words()

    @asynccontextmanager
    async def watching(
        self, screen: Screen, user_id: UUID | None = None
    ) -> AsyncIterator["asyncio.Task[None]"]:
        show = self.panels.show(self.project_id, user_id or self.ada, screen)
        task = asyncio.create_task(show)
        try:
            yield task
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task


@pytest.fixture
async def room(
    lab: Lab, ada: UUID, project_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Room]:
    monkeypatch.setattr(panels, "SECONDS_BETWEEN_LOOKS", 0.02)
    monkeypatch.setattr(panels, "_SECONDS_BETWEEN_ROUNDS", 0.01)
    monkeypatch.setattr(panels, "_RETRY_SECONDS", 0.01)

    def database() -> Database:
        return lab.database

    bus = Bus("memory://")
    feeds = Feeds(
        bus,
        kind="project",
        source=changes.ProjectSource(database),
        decode=changes.decode_project_change,
        needs_read=changes.lacks_images,
        is_last=changes.is_deletion,
    )
    await lab.queued(project_id, ada, 2)
    async with bus, feeds, Panels(feeds, database) as shown:
        yield Room(lab, shown, project_id, ada)
        assert not shown._panels
    assert not feeds._feeds


async def test_it_is_shown_once_and_again_where_it_has_moved(room: Room) -> None:
    screens = [Screen(room.group) for _ in range(3)]
    async with room.watching(screens[0]), room.watching(screens[1]):
        await room.group.times(4)
        async with room.watching(screens[2]):
            await room.group.times(4)
            room.group.word = "second"
            await room.group.times(4)
            room.group.word = "first"
            await room.group.times(2)
    assert [screen.shown for screen in screens] == [["first 2", "second 2", "first 2"]] * 3


async def test_who_comes_does_not_wait_while_a_panel_rests(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panels, "_RESTS", 10**9)
    monkeypatch.setattr(panels, "_LONGEST_REST_SECONDS", 60.0)
    screens = [Screen(room.group) for _ in range(3)]
    async with AsyncExitStack() as stack:
        for screen in screens:
            await stack.enter_async_context(room.watching(screen))
            await asyncio.wait_for(screen.begun.wait(), 10)
    assert [screen.shown for screen in screens] == [["first 2"]] * 3
    assert room.group.rendered == 3


async def test_who_lags_is_shown_the_newest_and_nothing_where_it_is_what_it_was(
    room: Room,
) -> None:
    screen = Screen(room.group)
    async with room.watching(screen):
        await room.group.times(2)
        screen.full = True
        for word in ("second", "third"):
            room.group.word = word
            await room.group.times(2)
        screen.drain()
        assert screen.shown == ["first 2", "third 2"]
        screen.full = True
        for word in ("fourth", "third"):
            room.group.word = word
            await room.group.times(2)
        screen.drain()
        assert screen.shown == ["first 2", "third 2"]
        room.group.word = "fifth"
        await room.group.times(2)
        assert screen.shown[2:] == ["fifth 2"]


async def test_who_is_shut_out_while_lagging_is_shown_nothing_more(room: Room) -> None:
    eve = await room.lab.user("eve")
    await room.lab.share(room.project_id, room.ada, eve, ProjectRole.VIEWER)
    screen = Screen(room.group)
    async with room.watching(screen, eve) as watching, room.watching(Screen(room.group)):
        await room.group.times(2)
        screen.full = True
        async with room.lab.database.transaction() as unit:
            seen = await room.lab.access(unit.connection, room.project_id, room.ada, lock=True)
            await project.revoke(unit, seen, actor_id=room.ada, user_id=eve)
        room.group.word = "secret"
        with pytest.raises(Forbidden):
            await watching
        screen.drain()
    assert screen.shown == ["first 2"]


async def test_groups_are_rendered_apart_and_what_nobody_looks_at_is_not(room: Room) -> None:
    others = Words()
    async with room.watching(Screen(room.group)):
        async with room.watching(Screen(others)):
            await others.times(2)
        await room.group.times(1)
        rendered = others.rendered
        await room.group.times(4)
        assert others.rendered == rendered


async def test_what_fails_is_tried_again(
    room: Room, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = Screen(room.group)
    room.group.broken = True
    async with room.watching(screen):
        await room.group.times(3)
        assert screen.shown == []
        room.group.broken = False
        await room.group.times(2)
        assert screen.shown == ["first 2"]

        failed = asyncio.Event()

        async def away(*_: object) -> None:
            failed.set()
            raise Unavailable("as told")

        with monkeypatch.context() as patch:
            patch.setattr(project, "members_now", away)
            room.group.word = "second"
            await asyncio.wait_for(failed.wait(), 10)
        await room.group.times(2)
        assert screen.shown == ["first 2", "second 2"]
    assert "A queue could not be shown" in caplog.text


async def test_who_can_not_begin_is_told_why_and_the_next_one_can(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise Unavailable("as told")

    with monkeypatch.context() as patch:
        patch.setattr(project, "revisions", away)
        async with room.watching(Screen(room.group)) as watching:
            with pytest.raises(SourceAway):
                await watching
    screen = Screen(room.group)
    async with room.watching(screen):
        await room.group.times(2)
    assert screen.shown == ["first 2"]


async def test_it_ends_with_its_project(room: Room) -> None:
    async with room.watching(Screen(room.group)) as watching:
        await room.group.times(1)
        await room.lab.delete_project(room.project_id, room.ada)
        await asyncio.wait_for(watching, 10)

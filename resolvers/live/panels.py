"""What of a queue becomes something else by itself, rendered once for all who are shown it alike.

Positions and estimates move with the queues of other projects, and which jobs there are is not told
by how many. So what is selected of them is rendered anew whenever the project changes, and every
few seconds while anything is in its queue; whoever was shown the very same is told nothing.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Final, Self
from uuid import UUID

from persistence import project
from persistence.database import Database
from persistence.records import ProjectChange, QueueNumbers
from realtime.feeds import Feeds
from realtime.outlet import Group, Outlet, Rendered
from realtime.reports import Report
from realtime.tasks import Tasks, heed_cancellation
from realtime.watch import Watch
from resolvers.changes import merged
from resolvers.errors import Forbidden
from resolvers.live.audience import NO_LONGER

SECONDS_BETWEEN_LOOKS = 3.0
"""Positions and estimates move without a word."""

_SECONDS_BETWEEN_ROUNDS: Final = 0.25
_RETRY_SECONDS: Final = 1.0
_ROUNDS_AT_ONCE: Final = 4
# What takes long is done more seldom, so that others get their turn, but not too seldom.
_RESTS: Final = 4
_LONGEST_REST_SECONDS: Final = 2.0
_CLOSING_SECONDS: Final = 2.0


class _Guest:
    """A subscription that is shown a panel, until ``over``, and what it was shown last."""

    def __init__(self, user_id: UUID, outlet: Outlet) -> None:
        self.user_id = user_id
        self.outlet = outlet
        self.shown: bytes | None = None
        self.lags = False
        self.over = asyncio.Event()
        self.error: Exception | None = None

    def end(self, error: Exception | None = None) -> None:
        """Let it end, with an error if there is one."""
        self.error = error
        self.over.set()


class _Panel:
    """A project's queue as one group of subscriptions selects it."""

    def __init__(self, panels: "Panels", project_id: UUID, group: Group) -> None:
        self.guests: dict[_Guest, None] = {}
        self._panels = panels
        self._project_id = project_id
        self._group = group
        self._newest: Rendered = b"", 0
        # Something changed; somebody came who was shown nothing yet, and does not wait for a rest.
        self._stirred = asyncio.Event()
        self._expected = asyncio.Event()
        self.task = panels.tasks.start(self._run())

    def add(self, guest: _Guest) -> None:
        """Show it to one more, as it is from now on."""
        self.guests[guest] = None
        self._stirred.set()
        self._expected.set()

    def remove(self, guest: _Guest) -> None:
        """Show it to one less; after the last it ends, once it has rendered what it is at."""
        del self.guests[guest]
        if not self.guests:
            self._stirred.set()
            self._expected.set()

    async def _run(self) -> None:
        try:
            feeds = self._panels.feeds
            async with feeds.watch(self._project_id, merge=merged) as watch:
                watch.on_arrival = self._stirred.set
                while self.guests:
                    began = time.monotonic()
                    moves = await self._round(watch)
                    took = time.monotonic() - began
                    await asyncio.sleep(_SECONDS_BETWEEN_ROUNDS)
                    with suppress(TimeoutError):
                        async with asyncio.timeout(min(_RESTS * took, _LONGEST_REST_SECONDS)):
                            await self._expected.wait()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(SECONDS_BETWEEN_LOOKS if moves else None):
                            await self._stirred.wait()
        except Exception as error:  # noqa: BLE001 - whatever it is, each of them is told
            heed_cancellation()
            for guest in self.guests:
                guest.end(error)

    async def _round(self, watch: Watch[ProjectChange]) -> bool:
        """Show what is so now; tell whether that may become something else by itself."""
        self._stirred.clear()
        self._expected.clear()
        while watch.take() is not None:
            # What it was is read, together with all that came since.
            pass
        guests = list(self.guests)
        try:
            async with self._panels.few_rounds:
                return await self._show(guests)
        except Exception as error:  # noqa: BLE001 - whatever it is, it passes
            heed_cancellation()
            self._panels.report("A queue could not be shown", error)
            await asyncio.sleep(_RETRY_SECONDS)
            self._stirred.set()
            return True

    async def _show(self, guests: Sequence[_Guest]) -> bool:
        async with self._panels.database().reading() as connection:
            found = await project.find(connection, self._project_id)
        if found is None:
            return self._end(guests)
        numbers = QueueNumbers.of(self._project_id, found.stats)
        async with self._panels.turn:
            await asyncio.sleep(0)
            rendered = self._group.render([numbers])
        (payload,) = rendered if isinstance(rendered, list) else await rendered
        # Whoever is a member by now may see all that was committed before.
        async with self._panels.database().reading() as connection:
            members = await project.members_now(connection, self._project_id)
        if members is None:
            return self._end(guests)
        _, roles = members
        self._newest = payload, found.stats.revision
        for guest in guests:
            if guest.user_id in roles:
                self._tell(guest)
            else:
                guest.end(Forbidden(NO_LONGER))
        return numbers.total > 0

    def _end(self, guests: Sequence[_Guest]) -> bool:
        for guest in guests:
            guest.end()
        return False

    def _tell(self, guest: _Guest) -> None:
        """Show a guest the newest, now or once it takes more, unless it was shown the same."""
        payload, _ = self._newest
        if guest.lags or guest.over.is_set() or guest.shown == payload:
            return
        if guest.outlet.deliver([self._newest]):
            guest.shown = payload
        else:
            guest.lags = True
            guest.outlet.once_writable(partial(self._go_on, guest))

    def _go_on(self, guest: _Guest) -> None:
        guest.lags = False
        self._tell(guest)


class Panels:
    """The panels that somebody looks at, a few of which are rendered at a time.

    To be used between ``async with``'s entry and exit.
    """

    def __init__(self, feeds: Feeds[ProjectChange], database: Callable[[], Database]) -> None:
        self.feeds = feeds
        self.database = database
        self.turn = asyncio.Lock()
        self.few_rounds = asyncio.Semaphore(_ROUNDS_AT_ONCE)
        self.tasks = Tasks()
        self.report = Report(logging.getLogger(__name__))
        self._panels: dict[tuple[UUID, Group], _Panel] = {}

    async def show(self, project_id: UUID, user_id: UUID, outlet: Outlet) -> None:
        """Have a viewer's outlet get the project's queue until the project is deleted.

        Raises Forbidden as soon as the viewer can't see it any more.
        """
        key = project_id, outlet.group
        panel = self._panels.get(key)
        if panel is None or panel.task.done():
            panel = self._panels[key] = _Panel(self, *key)
        guest = _Guest(user_id, outlet)
        panel.add(guest)
        try:
            await guest.over.wait()
        finally:
            panel.remove(guest)
            if not panel.guests and self._panels.get(key) is panel:
                del self._panels[key]
        if guest.error is not None:
            raise guest.error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Resolvers that a rendering has not come to yet would be left as they are.
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                for _ in range(_ROUNDS_AT_ONCE):
                    await self.few_rounds.acquire()
        await self.tasks.cancel()

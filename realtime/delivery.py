"""Rendering events once for all that get them alike, and handing them to their outlets.

There is no task and no queue for each follower. One that takes no more at the moment holds no
events: it stands at the revision that it was sent last, and catches up from the log, which is kept
only while somebody needs it.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from functools import partial
from itertools import chain
from typing import Any, Final, TypeAlias

from realtime.log import NEVER, Entry, Log, results_of
from realtime.member import Member
from realtime.outlet import Group
from realtime.view import Events

Later: TypeAlias = Callable[[], Coroutine[Any, Any, None]]
"""What is still to be awaited."""

Start: TypeAlias = Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]]

SLICE_SECONDS: Final = 0.005
"""How long others may be kept waiting."""

_PORTION_DELIVERIES: Final = 5_000
_PORTION_BYTES: Final = 2**14


class Delivery:
    """Hands events, in order, to members that take them; keeps them for those that do not yet.

    ``revision`` is the one up to which everything was handed out. With ``latest_only`` the newest
    event stands for all before it. ``start`` runs a task; ``lost`` is called with a member whose
    next event is not at hand.
    """

    def __init__(self, *, latest_only: bool, start: Start, lost: Callable[[Member], None]) -> None:
        self.revision = NEVER
        self.log = Log(latest_only=latest_only)
        self._start = start
        self._lose = lost
        self._live: dict[Group, dict[Member, None]] = {}
        self._waiting: dict[Member, None] = {}

    # Members

    @property
    def is_empty(self) -> bool:
        """Whether there is no member."""
        return not (self._live or self._waiting)

    def followers(self) -> list[Member]:
        """Return the members that get events, now or once they take more."""
        members = chain(*self._live.values(), self._waiting)
        return [member for member in members if member.following]

    def hold(self, member: Member) -> None:
        """Keep what comes for a member, new or not, until it begins."""
        self._not_live(member)
        self._waiting[member] = None
        member.following = False

    def holds(self, member: Member) -> bool:
        """Tell whether something is kept for the member."""
        return member in self._waiting

    def begin(self, member: Member) -> None:
        """Have a member that is held get all behind its position."""
        member.following = True
        self._catch_up(member)

    def remove(self, member: Member) -> None:
        """Forget the member."""
        member.following = False
        self._waiting.pop(member, None)
        self._not_live(member)

    def _not_live(self, member: Member) -> None:
        group = member.outlet.group
        if members := self._live.get(group):
            members.pop(member, None)
            if not members:
                del self._live[group]

    # Events

    async def push_each(self, events: Events, known: int, upto: int) -> None:
        """Hand on many events, a portion at a time, letting others do something in between."""
        portion: list[Entry] = []
        for revision, event in events:
            entry = Entry(known, revision, event)
            later = self._render(entry)
            if later is not None:
                await later()
            portion.append(entry)
            if self._is_enough(portion):
                self._deliver(portion)
                self.revision = revision
                portion = []
                await asyncio.sleep(0)
        if portion:
            self._deliver(portion)
        self.revision = upto

    def _is_enough(self, portion: list[Entry]) -> bool:
        deliveries = len(portion) * sum(map(len, self._live.values()))
        return (
            deliveries > _PORTION_DELIVERIES
            or sum(entry.size for entry in portion) > _PORTION_BYTES
        )

    def push(self, entry: Entry) -> Later | None:
        """Deliver an event to all, now or once it is rendered."""
        later = self._render(entry)
        if later is None:
            self._deliver([entry])
            return None
        return partial(self._deliver_after, later, entry)

    async def _deliver_after(self, later: Later, entry: Entry) -> None:
        await later()
        self._deliver([entry])

    def _render(self, entry: Entry) -> Later | None:
        """Render an event for each group; return what has to be awaited for that."""
        lagging = {member.outlet.group for member in self._waiting if member.following}
        groups = list(lagging.union(self._live))
        slow: dict[Group, asyncio.Task[bytes]] = {}
        self._render_some(entry, groups, slow)
        return partial(self._render_rest, entry, groups, slow) if groups or slow else None

    def _render_some(
        self, entry: Entry, groups: list[Group], slow: dict[Group, asyncio.Task[bytes]]
    ) -> None:
        """Render an event for groups, which are taken off the list, for a moment."""
        began = time.monotonic()
        while groups:
            group = groups.pop()
            rendered = group.render(entry.event)
            if isinstance(rendered, bytes):
                entry.payloads[group] = rendered
            else:
                slow[group] = self._start(rendered)
            if time.monotonic() - began > SLICE_SECONDS:
                break

    async def _render_rest(
        self, entry: Entry, groups: list[Group], slow: dict[Group, asyncio.Task[bytes]]
    ) -> None:
        while groups:
            await asyncio.sleep(0)
            self._render_some(entry, groups, slow)
        await _rendered(entry, slow)

    def _deliver(self, entries: list[Entry]) -> None:
        first, last = entries[0].revision, entries[-1].revision
        self.log.extend(entries)
        for group, members in list(self._live.items()):
            results = results_of(entries, group)
            for member in list(members):
                position = member.position
                # One may have left because another was told.
                if position >= last or not member.following:
                    continue
                if results is None:
                    # The group came while an event was rendered.
                    self._lose(member)
                elif member.deliver(
                    results if position < first else [r for r in results if r[1] > position]
                ):
                    member.position = last
                else:
                    self._not_live(member)
                    self._lag(member)
        if not self._waiting:
            self.log.release()

    def _lag(self, member: Member) -> None:
        self._waiting[member] = None
        member.outlet.once_writable(lambda: self._catch_up(member))

    def _catch_up(self, member: Member) -> None:
        """Deliver what a member has missed; part it where that isn't at hand."""
        if not member.following or member not in self._waiting:
            return
        missed = self.log.behind(member.position)
        results = None if missed is None else results_of(missed, member.outlet.group)
        if results is None:
            self._lose(member)
        elif results and not member.deliver(results):
            self._lag(member)
        else:
            if results:
                member.position = results[-1][1]
            if member.following:
                del self._waiting[member]
                self._live.setdefault(member.outlet.group, {})[member] = None


async def _rendered(entry: Entry, slow: dict[Group, asyncio.Task[bytes]]) -> None:
    payloads = await asyncio.gather(*slow.values())
    entry.payloads.update(zip(slow, payloads, strict=True))

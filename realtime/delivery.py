"""Handing a relay's events to all who follow it, each rendered once for those who get it alike.

There is no task and no queue for each follower. One that takes no more at the moment holds no
events: it stands at the revision that it was sent last, and catches up from the log, which is kept
only while somebody needs it.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from itertools import chain
from typing import Any, Final, TypeAlias

from realtime.cohort import PORTION, Cohort, Means, Start
from realtime.log import NEVER, Entry, Log, results_of
from realtime.member import Member
from realtime.outlet import Group
from realtime.view import Events

Later: TypeAlias = Callable[[], Coroutine[Any, Any, None]]
"""What is still to be awaited."""

SLICE_SECONDS: Final = 0.005
"""How long others may be kept waiting."""

_PORTION_DELIVERIES: Final = 5_000


class Delivery:
    """Hands events, in order, to members that take them; keeps them for those that do not yet.

    ``revision`` is the one up to which everything was handed out. With ``latest_only`` the newest
    event stands for all before it. ``start`` runs a task; ``lost`` is called with a member whose
    next event is not at hand.
    """

    def __init__(self, *, latest_only: bool, start: Start, lost: Callable[[Member], None]) -> None:
        self.revision = NEVER
        self.log = Log(latest_only=latest_only)
        self._lose = lost
        self._means = Means(self.log, start, self._lag, lost, self._release)
        self._cohorts: dict[Group, Cohort] = {}
        self._waiting: dict[Member, None] = {}
        self._untold: list[Cohort] = []

    # Members

    @property
    def is_empty(self) -> bool:
        """Whether there is no member."""
        return not (self._cohorts or self._waiting)

    def followers(self) -> list[Member]:
        """Return the members that get events, now or once they take more."""
        told = (cohort.members for cohort in self._cohorts.values())
        return [member for member in chain(*told, self._waiting) if member.following]

    def hold(self, member: Member) -> None:
        """Keep what comes for a member, new or not, until it begins."""
        self._withdraw(member)
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
        self._withdraw(member)

    def _withdraw(self, member: Member) -> None:
        """Take a member out of its cohort, if it is in it."""
        cohort = self._cohorts.get(member.outlet.group)
        if cohort and member in cohort.members:
            del cohort.members[member]
            if not cohort.members:
                del self._cohorts[cohort.group]
                cohort.stop()

    def _lag(self, member: Member) -> None:
        self._withdraw(member)
        self._waiting[member] = None
        member.outlet.once_writable(lambda: self._catch_up(member))

    def _catch_up(self, member: Member) -> None:
        """Deliver what a member has missed, so that it is told with its cohort again."""
        if not member.following or member not in self._waiting:
            return
        group = member.outlet.group
        cohort = self._cohorts.get(group)
        if cohort is None:
            self._begin_cohort(group, member)
            return
        missed = self.log.behind(member.position)
        if missed is not None:
            # What is newer, it gets with the others.
            missed = [entry for entry in missed if entry.revision <= cohort.position]
        results = None if missed is None else results_of(missed, group)
        if results is None:
            self._lose(member)
        elif not results:
            del self._waiting[member]
            cohort.members[member] = None
        elif member.deliver(results):
            member.position = results[-1][1]
            # Others may have come and gone because this one was told.
            self._catch_up(member)
        else:
            self._lag(member)

    def _begin_cohort(self, group: Group, member: Member) -> None:
        position = min(member.position, self.revision)
        cohort = self._cohorts[group] = Cohort(group, position, self._means)
        del self._waiting[member]
        cohort.members[member] = None
        if self.log.behind(position) != []:
            cohort.catch_up()

    # Events

    async def push_each(self, events: Events, known: int, upto: int) -> None:
        """Deliver many events, a portion at a time, letting others do something in between."""
        entries = [Entry(known, revision, event) for revision, event in events]
        while entries:
            live = sum(len(cohort.members) for cohort in self._cohorts.values())
            count = max(1, min(PORTION, _PORTION_DELIVERIES // max(1, live)))
            portion, entries = entries[:count], entries[count:]
            later = self.push(portion)
            if later is not None:
                await later()
            self.revision = portion[-1].revision
            await asyncio.sleep(0)
        self.revision = upto

    def push(self, entries: Sequence[Entry]) -> Later | None:
        """Deliver a few events to all, now or, where that takes time, while it is awaited."""
        self.log.extend(entries)
        self._untold = [cohort for cohort in self._cohorts.values() if not cohort.busy]
        return None if self._tell_some(entries) else partial(self._tell_rest, entries)

    async def _tell_rest(self, entries: Sequence[Entry]) -> None:
        told = False
        while not told:
            await asyncio.sleep(0)
            told = self._tell_some(entries)

    def _tell_some(self, entries: Sequence[Entry]) -> bool:
        """Tell cohorts for a moment; return whether all are told."""
        began = time.monotonic()
        while self._untold:
            cohort = self._untold.pop()
            # It may be gone because another was told.
            if cohort.members:
                cohort.tell(entries)
            if time.monotonic() - began > SLICE_SECONDS:
                break
        self._release()
        return not self._untold

    def _release(self) -> None:
        """Forget what is kept, if nobody needs it."""
        cohorts = self._cohorts.values()
        if not (self._untold or self._waiting or any(cohort.busy for cohort in cohorts)):
            self.log.release()

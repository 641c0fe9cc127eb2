"""Handing a relay's events to all who follow it, each rendered once for those who get it alike.

There is no task and no queue for each follower. One that takes no more at the moment holds no
events: it stands at the revision that it was sent last, and catches up from the log, which is kept
only while somebody needs it.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import chain
from operator import attrgetter
from typing import Any, Final

from realtime.cohort import PORTION, SLICE_SECONDS, Cohort, Means, Start
from realtime.log import NEVER, Entry, Log, results_of
from realtime.member import Member
from realtime.outlet import Group
from realtime.view import Events

_PORTION_DELIVERIES: Final = 5_000
# How long all wait, in the midst of many events, for those whose rendering takes longer.
_PATIENCE_SECONDS: Final = 0.25

_cost = attrgetter("cost")


class Delivery:
    """Hands events, in order, to members that take them; keeps them for those that do not yet.

    ``revision`` is the one up to which everything was handed out. With ``latest_only`` the newest
    event stands for all before it. ``start`` runs a task, and one that has the ``turn`` may render;
    ``lost`` is called with a member whose next event is not at hand.
    """

    def __init__(
        self,
        *,
        latest_only: bool,
        start: Start,
        turn: asyncio.Lock,
        lost: Callable[[Member], None],
    ) -> None:
        self.revision = NEVER
        self.log = Log(latest_only=latest_only)
        self._latest_only = latest_only
        self._lose = lost
        self._means = Means(
            log=self.log,
            start=start,
            turn=turn,
            keeps=self._keeps,
            lag=self._lag,
            lose=lost,
            level=self._leveled,
        )
        self._cohorts: dict[Group, Cohort] = {}
        self._waiting: dict[Group, dict[Member, None]] = {}
        self._telling = False
        self._level = asyncio.Event()

    # Members

    @property
    def is_empty(self) -> bool:
        """Whether there is no member."""
        return not (self._cohorts or self._waiting)

    def followers(self) -> list[Member]:
        """Return the members that get events, now or once they take more."""
        told = (cohort.members for cohort in self._cohorts.values())
        members = chain(*told, *self._waiting.values())
        return [member for member in members if member.following]

    def hold(self, member: Member) -> None:
        """Keep what comes for a member, new or not, until it begins."""
        self._withdraw(member)
        self._wait(member)
        member.following = False

    def holds(self, member: Member) -> bool:
        """Tell whether something is kept for the member."""
        return member in self._waiting.get(member.outlet.group, ())

    def begin(self, member: Member) -> None:
        """Have a member that is held get all behind its position."""
        member.following = True
        self._catch_up(member)

    def remove(self, member: Member) -> None:
        """Forget the member."""
        member.following = False
        self._wait_no_more(member)
        self._withdraw(member)

    def _wait(self, member: Member) -> None:
        self._waiting.setdefault(member.outlet.group, {})[member] = None

    def _wait_no_more(self, member: Member) -> None:
        group = member.outlet.group
        if waiting := self._waiting.get(group):
            waiting.pop(member, None)
            if not waiting:
                del self._waiting[group]

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
        self._wait(member)
        member.outlet.once_writable(lambda: self._catch_up(member))

    def _keeps(self, group: Group) -> bool:
        """Tell whether somebody will want what is rendered for a group now."""
        return self._latest_only or group in self._waiting

    def _catch_up(self, member: Member) -> None:
        """Deliver what a member has missed, so that it is told with its cohort again."""
        if not member.following or not self.holds(member):
            return
        group = member.outlet.group
        cohort = self._cohorts.get(group)
        if cohort is None:
            self._begin_cohort(group, member)
            return
        missed = self._missed(member, cohort)
        results = None if missed is None else results_of(missed, group)
        if missed is None or results is None:
            self._lose(member)
        elif not results:
            self._wait_no_more(member)
            cohort.members[member] = None
        elif member.deliver(results):
            member.told(missed[-1])
            # Others may have come and gone because this one was told.
            self._catch_up(member)
        elif member.following:
            self._lag(member)

    def _missed(self, member: Member, cohort: Cohort) -> list[Entry] | None:
        """Return what the cohort was told and the member was not; None where it is forgotten."""
        missed = self.log.behind(member.position)
        if missed is None:
            return None
        return [entry for entry in missed if entry.revision <= cohort.position]

    def _begin_cohort(self, group: Group, member: Member) -> None:
        position = min(member.position, self.revision)
        cohort = self._cohorts[group] = Cohort(group, position, self._means)
        self._wait_no_more(member)
        cohort.members[member] = None
        if self.log.behind(position) != []:
            cohort.catch_up()

    # Events

    async def push_each(self, events: Events, known: int, upto: int, *, more: bool) -> None:
        """Deliver many events, a portion at a time, letting others do something in between.

        There is ``more`` to come for those who know all up to ``known``, or there isn't.
        """
        entries = [Entry(known, revision, event, last=False) for revision, event in events]
        if entries and not more:
            entries[-1].last = True
        patient_until = time.monotonic() + _PATIENCE_SECONDS
        while entries:
            live = sum(len(cohort.members) for cohort in self._cohorts.values())
            count = max(1, min(PORTION, _PORTION_DELIVERIES // max(1, live)))
            portion, entries = entries[:count], entries[count:]
            self.push(portion)
            self.revision = portion[-1].revision
            await asyncio.sleep(0)
            if entries:
                await self._until_level(patient_until)
        self.revision = upto

    def push(self, entries: Sequence[Entry]) -> None:
        """Deliver a few events to all; those for whom that takes too long get them a bit later."""
        self.log.extend(entries)
        idle = [cohort for cohort in self._cohorts.values() if not cohort.busy]
        if len(idle) > 1:
            # What somebody asks for that is costly keeps only those waiting who ask for as much.
            idle.sort(key=_cost)
        end = time.monotonic() + SLICE_SECONDS
        self._telling = True
        try:
            for cohort in idle:
                # It may be gone because another was told.
                if not cohort.members:
                    continue
                if time.monotonic() < end:
                    cohort.tell(entries)
                else:
                    cohort.catch_up()
        finally:
            self._telling = False
        self._release()

    @property
    def wants_asides(self) -> bool:
        """Whether there is somebody to whom ``mention`` would tell anything."""
        return any(cohort.group.wants_asides for cohort in self._cohorts.values())

    async def mention(
        self, events: Sequence[Any], revision: int, holds: Callable[[], bool]
    ) -> bool:
        """Tell those of events without a revision of their own who know all up to this one.

        Whoever lags, or takes no more at the moment, does not get them. It lets others do something
        in between, and returns False where that ``holds`` no more then.
        """
        end = time.monotonic() + SLICE_SECONDS
        for cohort in list(self._cohorts.values()):
            for _ in cohort.mention(events, revision):
                if time.monotonic() > end:
                    await asyncio.sleep(0)
                    if not holds():
                        return False
                    end = time.monotonic() + SLICE_SECONDS
        return True

    async def _until_level(self, moment: float) -> None:
        """Wait for the cohorts that are behind, until this moment at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, moment - time.monotonic())):
                while any(cohort.busy for cohort in self._cohorts.values()):
                    self._level.clear()
                    await self._level.wait()

    def _leveled(self) -> None:
        self._level.set()
        self._release()

    def _release(self) -> None:
        """Forget what is kept, if nobody needs it."""
        cohorts = self._cohorts.values()
        if not (self._telling or self._waiting or any(cohort.busy for cohort in cohorts)):
            self.log.release()
